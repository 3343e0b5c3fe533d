//! The answer at the moment at which its status is certain and no byte of it has left: for filters that count
//! answers. It can no longer be changed or refused here.

use crate::request::Request;
use crate::slot::Word;
use crate::time::Tick;
use crate::verdict::Reason;

/// An answer that is about to be sent.
#[derive(Debug)]
pub struct Answered<'x> {
    /// The request that led to it.
    pub request: &'x Request,
    /// Its status. That of the reason, where the gateway refused or failed: a refusal of gRPC is sent with 200.
    pub status: u16,
    /// Why the gateway refused or failed, if it did.
    pub reason: Option<&'static Reason>,
    /// The time.
    pub now: Tick,
}

impl Answered<'_> {
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
