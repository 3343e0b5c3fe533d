//! Whether a name and a password belong together: from memory, by the guard, or by hashing.
//!
//! Knows no request beyond where and when it came from. The guard is asked before memory is, since memory that
//! answers unasked would tell a guesser which guess is right.

use std::sync::Arc;
use std::time::Duration;

use adamant_filter::prelude::*;
use adamant_filter::{Blocking, Pending};
use sha2::{Digest, Sha256};

use super::BasicConfig;
use super::credential::Credential;
use super::users::{Proved, Record, Users};
use crate::backoff::{Blocked, Culprit, Guard};
use crate::flight::{Boarding, Flights, Landing, Topic};

/// What all requests of a step share.
pub(super) struct Checker {
    users: Users,
    guard: Guard,
    checks: Arc<Flights<Checked>>,
    blocking: Arc<dyn Blocking>,
    key: [u8; 32],
    remember_for: Duration,
}

impl std::fmt::Debug for Checker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Checker")
            .field("users", &self.users.records.len())
            .finish_non_exhaustive()
    }
}

/// What a check is about.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asked {
    topic: Topic,
    account: Culprit,
    source: Culprit,
    now: Tick,
}

/// What a check found.
#[derive(Clone, Copy, Debug)]
pub(super) enum Checked {
    /// The password of this user.
    Right(usize),
    /// No such user, or another password.
    Wrong,
    /// Others failed while this one waited for its turn.
    Blocked(Blocked),
}

impl Checker {
    pub(super) fn build(config: &BasicConfig, users: Users, boot: &mut Boot<'_>) -> Result<Self, Problem> {
        let memory = users.memory().saturating_mul(u64::from(config.at_once));
        boot.reserve("passwords that are hashed", Size::from_bytes(memory));
        boot.reserve("requests that wait", Flights::<Checked>::bound(config.at_once));
        let mut key = [0; 32];
        boot.random().fill(&mut key);
        Ok(Self {
            users,
            guard: Guard::build(&config.guard, boot)?,
            checks: Flights::new(config.at_once),
            blocking: boot.blocking(),
            key,
            remember_for: config.remember_for.duration(),
        })
    }

    /// What the check of this credential is about.
    pub(super) fn ask(&self, credential: Credential<'_>, request: &Request) -> Asked {
        let name = credential.name.as_bytes();
        // The length in front keeps two pairs of name and password apart.
        let length = u32::try_from(name.len()).unwrap_or(u32::MAX).to_be_bytes();
        let hash = Sha256::new()
            .chain_update(self.key)
            .chain_update(length)
            .chain_update(name)
            .chain_update(credential.password);
        Asked {
            topic: hash.finalize().into(),
            account: self.guard.account(name),
            source: self.guard.source(request.client()),
            now: request.now(),
        }
    }

    /// The answer that needs no hashing; `None` when there is none.
    ///
    /// Failures of others do not lock out who has proved the password from the same network: whoever guesses from
    /// there is slowed down by the count of that network.
    pub(super) fn recall(&self, name: &str, asked: &Asked) -> Option<Result<&Record, Blocked>> {
        if let Some(blocked) = self.guard.source_blocked(asked.source, asked.now) {
            return Some(Err(blocked));
        }
        let known = self.users.get(name);
        let known = known.and_then(|record| Some((record, record.recall(&asked.topic, asked.now)?)));
        if let Some((record, proved)) = known
            && proved.source == asked.source
        {
            return Some(Ok(record));
        }
        if let Some(blocked) = self.guard.account_blocked(asked.account, asked.now) {
            return Some(Err(blocked));
        }
        known.map(|(record, _)| Ok(record))
    }

    /// Takes part in the check.
    pub(super) fn board(&self, asked: &Asked) -> Boarding<Checked> {
        self.checks.board(asked.topic)
    }

    /// The check as work for a thread of its own. It goes on, and counts, when its client leaves.
    pub(super) fn work(
        checker: &Arc<Self>,
        credential: Credential<'_>,
        asked: Asked,
        landing: Landing<Checked>,
    ) -> Box<dyn FnOnce() + Send> {
        let checker = Arc::clone(checker);
        let (name, password): (Box<str>, Box<[u8]>) =
            (credential.name.into(), credential.password.as_bytes().into());
        Box::new(move || landing.land(checker.check(&name, &password, &asked)))
    }

    /// Runs work off the request threads.
    pub(super) fn run(&self, work: Box<dyn FnOnce() + Send>) -> Pending<'_, ()> {
        self.blocking.run(work)
    }

    fn check(&self, name: &str, password: &[u8], asked: &Asked) -> Checked {
        let blocked = self.guard.source_blocked(asked.source, asked.now);
        if let Some(blocked) = blocked.or_else(|| self.guard.account_blocked(asked.account, asked.now)) {
            return Checked::Blocked(blocked);
        }
        let number = self.users.numbers.get(name).copied();
        let known = number.and_then(|number| self.user(number));
        let Some(record) = known.or_else(|| self.users.stand_in(asked.account)) else {
            return Checked::Wrong;
        };
        // Whoever came between a look into memory and this check may have proved the same.
        let is_proved = number.is_some() && record.recall(&asked.topic, asked.now).is_some();
        let is_right = is_proved || record.hash.is_of(password);
        match number {
            Some(number) if is_right => {
                self.guard.succeeded(asked.account);
                record.remember(Proved {
                    topic: asked.topic,
                    source: asked.source,
                    until: asked.now + self.remember_for,
                });
                Checked::Right(number)
            }
            Some(_) | None => {
                self.guard.failed(asked.account, asked.source, asked.now);
                Checked::Wrong
            }
        }
    }

    /// A user by its number.
    pub(super) fn user(&self, number: usize) -> Option<&Record> {
        self.users.records.get(number)
    }
}
