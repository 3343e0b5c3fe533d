//! One try at one endpoint: what exactly this endpoint will see.
//!
//! An attempt can change the outgoing head but cannot deny and cannot write slots, so that a retry never
//! charges or decides twice.

use http::header::{HeaderName, HeaderValue};
use pingora_http::RequestHeader;

use crate::request::Request;

/// The outgoing head of one try.
#[derive(Debug)]
pub struct Attempt<'x> {
    head: &'x mut RequestHeader,
    request: &'x Request,
    number: u32,
    upstream: &'x str,
}

impl<'x> Attempt<'x> {
    /// The try `number` (from 1) at an endpoint of `upstream`.
    #[cfg(feature = "engine")]
    pub fn new(head: &'x mut RequestHeader, request: &'x Request, number: u32, upstream: &'x str) -> Self {
        Self {
            head,
            request,
            number,
            upstream,
        }
    }

    /// Which try this is, from 1.
    #[must_use]
    pub const fn number(&self) -> u32 {
        self.number
    }

    /// Name of the upstream.
    #[must_use]
    pub const fn upstream(&self) -> &str {
        self.upstream
    }

    /// The request being forwarded.
    #[must_use]
    pub const fn request(&self) -> &Request {
        self.request
    }

    /// The first value of an outgoing field.
    #[must_use]
    pub fn header(&self, name: &HeaderName) -> Option<&HeaderValue> {
        self.head.headers.get(name)
    }

    /// Puts an outgoing field in place of all fields of that name.
    pub fn set_header(&mut self, name: HeaderName, value: HeaderValue) {
        // Only a head with more than 32,768 fields refuses an insertion, and bounds refuse that earlier.
        let _ = self.head.insert_header(name, value);
    }

    /// Takes an outgoing field away.
    pub fn remove_header(&mut self, name: &HeaderName) {
        self.head.remove_header(name);
    }
}
