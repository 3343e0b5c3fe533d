//! The exchange after its last byte, read-only: for filters that count, learn or release.

use std::time::Duration;

use crate::request::Request;
use crate::slot::{MayRead, Reads, Slot, Word};
use crate::verdict::Reason;

/// A finished exchange.
#[derive(Debug)]
pub struct Finished<'x> {
    /// The request. Its head is complete again.
    pub request: &'x Request,
    /// Status that the client saw; 0 when it went away before an answer.
    pub status: u16,
    /// Why the gateway refused or failed, if it did.
    pub reason: Option<&'static Reason>,
    /// From arrival to the last byte.
    pub duration: Duration,
    /// Body bytes from the client.
    pub bytes_in: u64,
    /// Body bytes to the client.
    pub bytes_out: u64,
}

impl Finished<'_> {
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
}
