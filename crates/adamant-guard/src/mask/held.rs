//! What is left of an answer between two of its pieces.
//!
//! Several steps may mask the same answer, each by its own rules, so each finds its own by them.

use std::sync::{Arc, Mutex, PoisonError};

use adamant_filter::Slot;

use super::rewriter::{Cut, Rewriter};
use super::rules::Rules;

/// The rewriters of one exchange.
#[derive(Debug)]
pub(super) struct Running(Mutex<Vec<Rewriter>>);

impl Slot for Running {
    const NAME: &'static str = "masked answer";
}

impl Running {
    pub(super) fn of(rewriter: Rewriter) -> Self {
        Self(Mutex::new(vec![rewriter]))
    }

    pub(super) fn add(&self, rewriter: Rewriter) {
        self.lock().push(rewriter);
    }

    /// Takes a piece through the rewriter with these rules. `true` when it has masked something.
    pub(super) fn push(
        &self,
        rules: &Arc<Rules>,
        piece: &[u8],
        is_last: bool,
        out: &mut Vec<u8>,
    ) -> Result<bool, Cut> {
        let mut rewriters = self.lock();
        // The newest, should a group have asked twice.
        let own = rewriters.iter_mut().rev().find(|rewriter| rewriter.is_by(rules));
        let own = own.ok_or(Cut::Malformed)?;
        own.push(piece, is_last, out)?;
        Ok(own.has_masked())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Rewriter>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
