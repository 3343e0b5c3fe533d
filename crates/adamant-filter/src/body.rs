//! A piece of a body on its way through a hook. Never a whole body unless the filter asked for one.

use bytes::Bytes;

/// One piece of a body.
#[derive(Debug)]
pub struct Chunk {
    data: Bytes,
    last: bool,
}

impl Chunk {
    /// A piece; `last` when nothing follows.
    #[must_use]
    pub const fn new(data: Bytes, last: bool) -> Self {
        Self { data, last }
    }

    /// The bytes; may be empty.
    #[must_use]
    pub const fn data(&self) -> &Bytes {
        &self.data
    }

    /// Whether nothing follows.
    #[must_use]
    pub const fn is_last(&self) -> bool {
        self.last
    }

    /// Puts other bytes in place of these.
    pub fn replace(&mut self, data: Bytes) {
        self.data = data;
    }

    /// Gives up the bytes.
    #[must_use]
    pub fn into_data(self) -> Bytes {
        self.data
    }
}
