//! Counting exactly: a meter over the bounded table, and its way into a successor.
//!
//! Knows neither requests nor fields of answers.

use adamant_filter::{Counter, Keep, Tick};

use crate::gcra::Answer;
use crate::kept;
use crate::meter::Meter;
use crate::table::Table;

/// An exact limiter.
#[derive(Debug)]
pub(crate) struct Exact {
    meter: Meter,
    table: Table,
}

impl Exact {
    /// A limiter that remembers so many keys.
    pub(crate) fn new(meter: Meter, remember: usize, seeds: [u64; 2], forgotten: Counter) -> Self {
        Self {
            meter,
            table: Table::new(remember, seeds, forgotten),
        }
    }

    /// Decides about a request of a key. `conclude` is given the answer and says whether it is charged if it may
    /// pass; until then nobody else is answered about this key.
    #[inline]
    pub(crate) fn ask(
        &self,
        key: &[u8],
        cost: u64,
        now: Tick,
        conclude: impl FnOnce(Answer) -> bool,
    ) -> bool {
        let debt = |state| self.meter.debt(state, now);
        self.table.update(key, debt, |state| {
            let (answer, next) = self.meter.decide(state, cost, now);
            let is_charged = conclude(answer);
            (is_charged, next.filter(|_| is_charged))
        })
    }
}

/// Keys without debt are not worth a byte.
impl Keep for Exact {
    fn export(&self, at: Tick) -> Vec<u8> {
        let debt = |state| self.meter.debt(state, at);
        kept::export(&self.table, debt, |known| self.meter.leave(known, at))
    }

    fn import(&self, state: &[u8], at: Tick) {
        let debt = |state| self.meter.debt(state, at);
        kept::import(&self.table, state, debt, |left| self.meter.enter(left, at));
    }
}

#[cfg(test)]
mod tests;
