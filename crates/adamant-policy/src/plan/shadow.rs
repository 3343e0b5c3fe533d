//! Steps in shadow: each works on a copy of the request of its own, from the moment at which it is come to until the
//! exchange ends, so that nothing it does reaches anybody else and all of its moments see what it did.
//!
//! Only the words of the step come back, since what it counts it has to give back in the end.

use adamant_filter::Request;

use super::exchange::Exchange;
use super::stage::{Placed, StepId};

/// The copies of one exchange.
#[derive(Debug, Default)]
pub(super) struct Shadows(Vec<(StepId, Request)>);

impl Shadows {
    pub(super) fn clear(&mut self) {
        self.0.clear();
    }
}

impl Exchange {
    /// The copy of a step, to be put back. Words are those of now.
    pub(super) fn take_shadow(&mut self, step: StepId) -> Request {
        let copies = &mut self.shadows.0;
        match copies.iter().position(|(known, _)| *known == step) {
            Some(position) => {
                let (_, copy) = copies.swap_remove(position);
                copy.take_words(&self.request);
                copy
            }
            None => self.request.shadow_copy(),
        }
    }

    /// Keeps the copy of a step, and takes over its words.
    pub(super) fn put_shadow(&mut self, step: StepId, copy: Request) {
        self.request.take_words(&copy);
        self.shadows.0.push((step, copy));
    }

    /// Runs a hook of a step in shadow.
    pub(super) fn in_shadow<T>(&mut self, step: StepId, run: impl FnOnce(&mut Request) -> T) -> T {
        let mut copy = self.take_shadow(step);
        let answer = run(&mut copy);
        self.put_shadow(step, copy);
        answer
    }

    /// Runs a hook that only reads on the request as this step sees it.
    pub(super) fn as_seen_by<T>(&self, placed: &Placed, run: impl FnOnce(&Request) -> T) -> T {
        let step = placed.instance.step;
        let copy = self.shadows.0.iter().find(|(known, _)| *known == step);
        match copy.filter(|_| placed.shadow) {
            None => run(&self.request),
            Some((_, copy)) => {
                copy.take_words(&self.request);
                let answer = run(copy);
                self.request.take_words(copy);
                answer
            }
        }
    }
}
