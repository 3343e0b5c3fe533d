//! The answer as response hooks see it: the upstream's head or ours, beside the request that led to it.

use http::StatusCode;
use http::header::{CONTENT_LENGTH, HeaderName, HeaderValue};
use pingora_http::ResponseHeader;

use crate::fields::NameBatch;
use crate::request::Request;
use crate::slot::{MayRead, Reads, Slot, Word};
use crate::units::Size;
use crate::verdict::Reason;

/// The head of an answer on its way to the client.
#[derive(Debug)]
pub struct Response<'x> {
    head: &'x mut ResponseHeader,
    request: &'x Request,
    ours: bool,
    hold: Option<Hold>,
}

/// That the body of an answer is to be held whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hold {
    /// Bytes that are held at most.
    pub at_most: Size,
    /// What becomes of a longer body.
    pub over: Over,
}

/// What becomes of an answer whose body is longer than it may be held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Over {
    /// The client gets a refusal for this reason in its place.
    Refuse(&'static Reason),
    /// It goes on piece by piece, and the body hooks see the pieces.
    Pass,
}

impl<'x> Response<'x> {
    /// An answer; `ours` when the gateway made it.
    #[cfg(feature = "engine")]
    pub fn new(head: &'x mut ResponseHeader, request: &'x Request, ours: bool) -> Self {
        Self {
            head,
            request,
            ours,
            hold: None,
        }
    }

    /// What the hook asked for with [`Response::hold_body`].
    #[cfg(feature = "engine")]
    #[must_use]
    pub const fn held(&self) -> Option<Hold> {
        self.hold
    }

    /// The status.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.head.status
    }

    /// Whether the gateway made this answer, not an upstream.
    #[must_use]
    pub const fn is_ours(&self) -> bool {
        self.ours
    }

    /// The request that led to it.
    #[must_use]
    pub const fn request(&self) -> &Request {
        self.request
    }

    /// The first value of a field.
    #[must_use]
    pub fn header(&self, name: &HeaderName) -> Option<&HeaderValue> {
        self.head.headers.get(name)
    }

    /// The values of all fields of that name.
    pub fn header_all(&self, name: &HeaderName) -> impl Iterator<Item = &HeaderValue> {
        self.head.headers.get_all(name).iter()
    }

    /// Puts a field in place of all fields of that name.
    pub fn set_header(&mut self, name: HeaderName, value: HeaderValue) {
        // Only a head with more than 32,768 fields refuses an insertion, and bounds refuse that earlier.
        let _ = self.head.insert_header(name, value);
    }

    /// Adds a field beside those of the same name.
    pub fn append_header(&mut self, name: HeaderName, value: HeaderValue) {
        // See `set_header`.
        let _ = self.head.append_header(name, value);
    }

    /// Takes a field away.
    pub fn remove_header(&mut self, name: &HeaderName) {
        self.head.remove_header(name);
    }

    /// Takes away all fields whose name `matches`. Allocates nothing.
    pub fn remove_headers(&mut self, matches: impl Fn(&HeaderName) -> bool) {
        loop {
            let names = NameBatch::of(self.head.headers.keys(), &matches);
            names.iter().for_each(|name| drop(self.head.remove_header(name)));
            if !names.is_full() {
                return;
            }
        }
    }

    /// Names of all fields.
    pub fn header_names(&self) -> impl Iterator<Item = &HeaderName> {
        self.head.headers.keys()
    }

    /// Asks that the body be read to its end before the head leaves. The body hooks of all steps then see one piece,
    /// [whole](crate::Chunk::is_whole), which they may replace, and a denial there replaces the answer. A step that
    /// may ask so has said it at boot ([`Boot::hold_response`](crate::Boot::hold_response)); without that, and for
    /// answers of our own and those without a body, nothing is held. Where another step holds more, the piece may
    /// be longer than asked for here.
    pub const fn hold_body(&mut self, at_most: Size, over: Over) {
        self.hold = Some(Hold { at_most, over });
    }

    /// Says that the length of the body will change on its way: the length that the endpoint declared goes.
    pub fn resize_body(&mut self) {
        self.head.remove_header(&CONTENT_LENGTH);
    }

    /// Reads a slot that the request hooks wrote.
    #[must_use]
    pub fn get<T: Slot>(&self, slot: &Reads<T>) -> Option<&T> {
        self.request.get(slot)
    }

    /// Looks into a slot that may be empty.
    #[must_use]
    pub fn peek<T: Slot>(&self, slot: &MayRead<T>) -> Option<&T> {
        self.request.peek(slot)
    }

    /// Reads a word of this filter.
    #[must_use]
    pub fn word(&self, word: Word) -> u64 {
        self.request.word(word)
    }

    /// Sets a word of this filter, for its hooks of the answer's body and of the end.
    pub fn set_word(&self, word: Word, value: u64) {
        self.request.set_word(word, value);
    }
}
