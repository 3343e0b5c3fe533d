//! What an instance knows of a key without asking the store: what it took ahead, or a refusal that still stands.
//!
//! Bounded as every table of keys is. Nothing in it is ever more than was charged in the store.

use adamant_filter::{Counter, Tick};

use crate::gcra::{Answer, Wait};
use crate::table::Table;

/// How long others wait for the one that asks ahead before somebody else does. They do not wait idly: they ask for
/// themselves.
const ASKING: u64 = 1_000_000_000;

/// What is known, until a moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Known {
    /// The tick at which it is worth nothing any more.
    until: u64,
    /// Somebody is asking the store ahead.
    is_asking: bool,
    /// The store has refused; `amount` is the least that it refused.
    is_refused: bool,
    /// What was taken ahead and is not used yet.
    amount: u32,
    /// What the store had left.
    left: u32,
}

/// Bits of a number.
const BITS: u32 = 31;
const MASK: u128 = (1 << BITS) - 1;

impl Known {
    fn pack(self) -> u128 {
        let flags = u128::from(self.is_asking) << 1 | u128::from(self.is_refused);
        u128::from(self.until) << 64
            | flags << (2 * BITS)
            | (u128::from(self.amount) & MASK) << BITS
            | (u128::from(self.left) & MASK)
    }

    /// What is still worth something at `now`.
    fn unpack(state: u128, now: Tick) -> Self {
        let until = (state >> 64) as u64;
        if until <= now.0 {
            return Self::default();
        }
        Self {
            until,
            is_asking: state >> (2 * BITS + 1) & 1 == 1,
            is_refused: state >> (2 * BITS) & 1 == 1,
            amount: (state >> BITS & MASK) as u32,
            left: (state & MASK) as u32,
        }
    }

    /// What may be used without asking.
    const fn tokens(self) -> u64 {
        if self.is_refused { 0 } else { self.amount as u64 }
    }
}

/// How a request stands towards one limit of the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Begun {
    /// Its cost was taken from what is here; so much is left.
    Taken { remaining: u64 },
    /// The store must be asked.
    Ask {
        /// For requests to come as well.
        ahead: bool,
    },
}

/// What is known of keys.
#[derive(Debug)]
pub(crate) struct Held {
    table: Table,
    /// Until there is more, at the latest.
    next: Wait,
    /// How long what was taken ahead is worth something.
    worth: Wait,
}

impl Held {
    /// Knows so many keys; what is used comes back after `next`, and what is taken ahead is worth something for
    /// `worth`.
    pub(crate) fn new(remember: usize, seeds: [u64; 2], next: Wait, worth: Wait) -> Self {
        Self {
            // A key that is forgotten is asked about again: nobody needs to count that.
            table: Table::new(remember, seeds, Counter::default()),
            next,
            worth,
        }
    }

    /// Answers from what is here, or not at all. `conclude` says whether a request that may pass is charged.
    pub(crate) fn ask(
        &self,
        key: &[u8],
        cost: u64,
        now: Tick,
        conclude: impl FnOnce(Option<Answer>) -> bool,
    ) -> bool {
        self.update(key, now, |known| {
            if known.is_refused && cost >= u64::from(known.amount) {
                let wait = Wait::from_nanoseconds(known.until - now.0);
                return (conclude(Some(Answer::Deny { wait })), None);
            }
            let Some(rest) = known.tokens().checked_sub(cost) else {
                return (conclude(None), None);
            };
            let answer = Answer::Pass {
                remaining: u64::from(known.left) + rest,
                next: self.next,
            };
            let is_charged = conclude(Some(answer));
            let amount = u32::try_from(rest).unwrap_or(u32::MAX);
            (is_charged, is_charged.then_some(Known { amount, ..known }))
        })
    }

    /// Takes the cost of a request from what is here, or says how the store is to be asked. Of those who would ask
    /// ahead at the same time one does.
    pub(crate) fn begin(&self, key: &[u8], cost: u64, now: Tick, is_batched: bool) -> Begun {
        self.update(key, now, |known| {
            if let Some(rest) = known.tokens().checked_sub(cost) {
                let remaining = u64::from(known.left) + rest;
                let amount = u32::try_from(rest).unwrap_or(u32::MAX);
                return (Begun::Taken { remaining }, Some(Known { amount, ..known }));
            }
            if !is_batched || known.is_asking {
                return (Begun::Ask { ahead: false }, None);
            }
            let asking = Known {
                until: known.until.max(now.0.saturating_add(ASKING)),
                is_asking: true,
                is_refused: false,
                amount: u32::try_from(known.tokens()).unwrap_or(u32::MAX),
                left: known.left,
            };
            (Begun::Ask { ahead: true }, Some(asking))
        })
    }

    /// Gives back what [`Held::begin`] took, as far as it is still worth something.
    pub(crate) fn give_back(&self, key: &[u8], cost: u64, now: Tick) {
        self.change(key, now, |known| {
            (known.until > 0 && !known.is_refused).then(|| Known {
                amount: add(known.amount, cost),
                ..known
            })
        });
    }

    /// The store has granted so much more than the request costs.
    pub(crate) fn granted(&self, key: &[u8], more: u64, left: u64, now: Tick) {
        self.change(key, now, |known| {
            Some(Known {
                until: now.0.saturating_add(self.worth.nanoseconds()),
                is_asking: false,
                is_refused: false,
                amount: add(u32::try_from(known.tokens()).unwrap_or_default(), more),
                left: add(0, left),
            })
        });
    }

    /// The store has refused this cost, and will for `wait`.
    pub(crate) fn refused(&self, key: &[u8], cost: u64, now: Tick, wait: Wait) {
        self.change(key, now, |known| {
            let tokens = known.tokens();
            // What is here is worth more than the memory of a refusal.
            Some(match tokens {
                0 => Known {
                    until: now.0.saturating_add(wait.nanoseconds()),
                    is_asking: false,
                    is_refused: true,
                    amount: add(0, cost),
                    left: 0,
                },
                _ => Known {
                    is_asking: false,
                    ..known
                },
            })
        });
    }

    /// Nothing came of asking ahead.
    pub(crate) fn end(&self, key: &[u8], now: Tick) {
        self.change(key, now, |known| {
            known.is_asking.then_some(Known {
                is_asking: false,
                ..known
            })
        });
    }

    fn change(&self, key: &[u8], now: Tick, change: impl FnOnce(Known) -> Option<Known>) {
        self.update(key, now, |known| ((), change(known)));
    }

    fn update<R>(&self, key: &[u8], now: Tick, change: impl FnOnce(Known) -> (R, Option<Known>)) -> R {
        // What is worth nothing soonest is forgotten first.
        let worth = |state: u128| (state >> 64).saturating_sub(u128::from(now.0));
        self.table.update(key, worth, |state| {
            let (answer, next) = change(Known::unpack(state, now));
            (answer, next.map(Known::pack))
        })
    }
}

fn add(amount: u32, more: u64) -> u32 {
    let sum = u64::from(amount)
        .saturating_add(more)
        .min(u64::from(u32::MAX >> 1));
    u32::try_from(sum).unwrap_or(u32::MAX >> 1)
}

#[cfg(test)]
mod tests;
