//! The users of a step, and which of them proved their password lately.
//!
//! Never holds a password. A user has one password, so that one place for each user remembers all that was proved
//! and nothing that strangers send takes memory.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use adamant_filter::prelude::*;
use subtle::ConstantTimeEq;

use super::hash::PasswordHash;
use crate::backoff::Culprit;
use crate::flight::Topic;

/// The users by their names.
#[derive(Debug)]
pub(super) struct Users {
    pub(super) numbers: HashMap<Box<str>, usize, foldhash::fast::RandomState>,
    pub(super) records: Vec<Record>,
}

/// What is known of a user.
#[derive(Debug)]
pub(super) struct Record {
    pub(super) hash: PasswordHash,
    pub(super) identity: Arc<Identity>,
    /// Milliseconds since the Unix epoch.
    pub(super) not_after: Option<u64>,
    pub(super) proved: Mutex<Option<Proved>>,
}

/// A proof of a password.
#[derive(Clone, Copy, Debug)]
pub(super) struct Proved {
    /// The keyed hash of name and password.
    pub(super) topic: Topic,
    /// The network that it came from.
    pub(super) source: Culprit,
    /// Until when it need not be proved again.
    pub(super) until: Tick,
}

impl Users {
    /// The user of this name.
    pub(super) fn get(&self, name: &str) -> Option<&Record> {
        self.records.get(*self.numbers.get(name)?)
    }

    /// A user whose hash is checked in place of one that does not exist, so that both take the same time. It is
    /// always the same one for a name, since hashes may differ in what they cost.
    pub(super) fn stand_in(&self, account: Culprit) -> Option<&Record> {
        self.records.get(account.number_below(self.records.len()))
    }

    /// Most memory that one check takes.
    pub(super) fn memory(&self) -> u64 {
        self.records
            .iter()
            .map(|record| record.hash.memory())
            .max()
            .unwrap_or(0)
    }
}

impl Record {
    /// The proof of exactly this name and password, if it is fresh enough.
    pub(super) fn recall(&self, topic: &Topic, now: Tick) -> Option<Proved> {
        let proved = (*self.proved())?;
        let is_same = bool::from(proved.topic.ct_eq(topic));
        (is_same && now < proved.until).then_some(proved)
    }

    /// Keeps a proof.
    pub(super) fn remember(&self, proved: Proved) {
        *self.proved() = Some(proved);
    }

    fn proved(&self) -> MutexGuard<'_, Option<Proved>> {
        // One for each user, held while 56 bytes are copied: requests of different users do not meet.
        self.proved.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
