//! The answer as response hooks see it: the upstream's head or ours, beside the request that led to it.

use http::StatusCode;
use http::header::{HeaderName, HeaderValue};
use pingora_http::ResponseHeader;

use crate::fields::NameBatch;
use crate::request::Request;
use crate::slot::{MayRead, Reads, Slot, Word};

/// The head of an answer on its way to the client.
#[derive(Debug)]
pub struct Response<'x> {
    head: &'x mut ResponseHeader,
    request: &'x Request,
    ours: bool,
}

impl<'x> Response<'x> {
    /// An answer; `ours` when the gateway made it.
    #[cfg(feature = "engine")]
    pub fn new(head: &'x mut ResponseHeader, request: &'x Request, ours: bool) -> Self {
        Self { head, request, ours }
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
