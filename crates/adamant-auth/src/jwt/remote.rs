//! The keys that an issuer publishes: fetched beside requests, kept while they are fresh enough, and asked for
//! anew when a token names a key that is not among them.
//!
//! Never lets a token decide whom to ask, and never keeps a set longer than the file allows. There is one fetch
//! at a time for each step.

mod flight;
mod pace;
mod unknown;

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use adamant_filter::prelude::*;
use adamant_filter::{Answer, Background, Call, Counter, Readiness, Transport};
use arc_swap::ArcSwap;

use self::flight::{Flight, Joined};
use self::unknown::Unknown;
use super::algorithm::Algorithms;
use super::jwks::{self, JwksError};
use super::keys::{Key, KeySet, Mark};
use super::reason::{KEYS_ABSENT, KEYS_STALE};
use super::remembered::Remembered;
use super::source::{AtBoot, Published};

/// Largest set that is read, in bytes. Sets of large issuers with certificates have 20 KiB.
pub(super) const SET_MAX: u64 = 256 * 1024;

/// Time between two looks at whether a fetch is due.
const LOOK: Duration = Duration::from_millis(500);

/// Longest time from a fetch that failed to the next.
const RETRY: Duration = Duration::from_secs(5);

/// How long a request waits for a fetch.
const WAIT: Duration = Duration::from_millis(500);

/// Memory of a set with its keys, of the answer that it is read from, and of those who wait for it.
const MEMORY: Size = Size::from_bytes(8 * SET_MAX);

/// What came of asking for a key that is not known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    /// The issuer has answered since.
    Answered,
    /// Whether the issuer has the key is not known.
    Unanswered,
    /// The issuer need not be asked: it was a short time ago.
    NotNow,
}

/// Why a fetch brought no keys.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
enum Failure {
    #[error("{0}")]
    NoAnswer(&'static str),
    #[error("it answered with status {0}")]
    Status(u16),
    #[error("its answer is longer than {SET_MAX} bytes")]
    Long,
    #[error("its answer {0}")]
    Set(#[from] JwksError),
}

/// The keys of one issuer.
pub(super) struct Remote {
    published: Published,
    issuer: Box<str>,
    algorithms: Algorithms,
    transport: Arc<dyn Transport>,
    background: Arc<dyn Background>,
    keys: ArcSwap<KeySet>,
    /// The tick at which the set is too old; 0 before there was one.
    good_until: AtomicU64,
    /// When the next fetch is due.
    due: Mutex<Tick>,
    /// Whether the last fetch failed.
    is_failing: AtomicBool,
    /// Whether the last set had no key that counts here, told once.
    is_empty: AtomicBool,
    /// Mistakes in the last set, told once.
    mistakes: AtomicU64,
    flight: Arc<Flight>,
    unknown: Unknown,
    remembered: Arc<Remembered>,
    readiness: Option<Readiness>,
    fetched: Counter,
    failed: Counter,
    passed_over: Counter,
}

impl fmt::Debug for Remote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Remote")
            .field("published", &self.published)
            .field("keys", &self.keys)
            .finish_non_exhaustive()
    }
}

impl Remote {
    /// Asks for all that is needed to fetch the set, and for the first fetch.
    pub(super) fn load(
        published: Published,
        issuer: &str,
        algorithms: Algorithms,
        remembered: Arc<Remembered>,
        boot: &mut Boot<'_>,
    ) -> Result<Arc<Self>, Problem> {
        let transport = boot
            .outbound(&published.target)
            .map_err(|problem| problem.with_path("keys.url"))?;
        boot.reserve("keys of the issuer", MEMORY);
        let readiness = match published.at_boot {
            AtBoot::Wait => Some(boot.readiness(&format!("the keys of {issuer}"))),
            AtBoot::Deny => None,
        };
        let remote = Arc::new(Self {
            issuer: issuer.into(),
            algorithms,
            transport,
            background: boot.background(),
            keys: ArcSwap::default(),
            good_until: AtomicU64::new(0),
            due: Mutex::new(Tick(0)),
            is_failing: AtomicBool::new(false),
            is_empty: AtomicBool::new(false),
            mistakes: AtomicU64::new(0),
            flight: Arc::new(Flight::new(published.cool_down.duration())),
            unknown: Unknown::new(published.cool_down.duration()),
            remembered,
            readiness,
            fetched: boot.counter(
                "jwt_key_fetches",
                "Fetches of the keys of issuers that brought keys.",
            ),
            failed: boot.counter(
                "jwt_key_fetch_failures",
                "Fetches of the keys of issuers that brought none.",
            ),
            passed_over: boot.counter(
                "jwt_keys_passed_over",
                "Entries in sets of keys that are mistakes of their issuer.",
            ),
            published,
        });
        let own = Arc::clone(&remote);
        boot.every(LOOK, Box::new(move |now| own.look(now)));
        Ok(remote)
    }

    /// Whether the keys may be used at this time.
    pub(super) fn check(&self, now: Tick) -> Result<(), &'static Reason> {
        match self.good_until.load(Ordering::Acquire) {
            0 => Err(&KEYS_ABSENT),
            until if now.0 >= until => Err(&KEYS_STALE),
            _ => Ok(()),
        }
    }

    /// Lets `look` see the keys that are in force.
    pub(super) fn with<T>(&self, look: impl FnOnce(&KeySet) -> T) -> T {
        look(&self.keys.load())
    }

    /// Whether the last fetch brought keys.
    pub(super) fn is_current(&self) -> bool {
        !self.is_failing.load(Ordering::Acquire)
    }

    /// Asks the issuer for its keys since one of this name is not among them, and waits a moment. Everybody
    /// waits for the same fetch, which goes on when those who wait are gone.
    pub(super) async fn ask(remote: &Arc<Self>, name: Option<u64>, now: Tick) -> Asked {
        let is_unknown = || name.is_some_and(|name| remote.unknown.has(name, now));
        let landing = match remote.flight.join(now, is_unknown) {
            Joined::NotNow => return Asked::NotNow,
            Joined::Full => return Asked::Unanswered,
            Joined::Passenger(landing) => landing,
            Joined::Pilot(landing, take_off) => {
                remote.fetch_beside(take_off, now);
                landing
            }
        };
        let in_time = landing.before(remote.background.sleep(WAIT)).await;
        if in_time && remote.is_current() {
            Asked::Answered
        } else {
            Asked::Unanswered
        }
    }

    /// The issuer, asked just now, has no key of this name: it need not be asked again soon.
    pub(super) fn note_unknown(&self, name: u64, now: Tick) {
        self.unknown.insert(name, now);
    }

    /// The number by which a name of a key is remembered.
    pub(super) fn number_of(&self, name: &str) -> u64 {
        self.unknown.number_of(name)
    }

    fn look(self: &Arc<Self>, now: Tick) {
        if now < *lock(&self.due) {
            return;
        }
        if let Some(take_off) = self.flight.take_off() {
            self.fetch_beside(take_off, now);
        }
    }

    fn fetch_beside(self: &Arc<Self>, take_off: flight::TakeOff, now: Tick) {
        let cool_down = self.published.cool_down.duration();
        let soon = self
            .published
            .refresh
            .map_or(RETRY, |refresh| refresh.duration().min(RETRY));
        *lock(&self.due) = now + soon.min(cool_down);
        let own = Arc::clone(self);
        self.background.spawn(Box::pin(async move {
            let brought = own.fetch().await;
            own.settle(brought, now);
            drop(take_off);
        }));
    }

    async fn fetch(&self) -> Result<(Vec<Key>, usize, Duration), Failure> {
        let accept = HeaderValue::from_static("application/jwk-set+json, application/json");
        let call = Call {
            method: Method::GET,
            target: self.published.path.clone(),
            fields: vec![(HeaderName::from_static("accept"), accept)],
            body: Default::default(),
        };
        let answer = self.transport.call(call).await;
        self.read(&answer.map_err(|fault| Failure::NoAnswer(fault.reason.text()))?)
    }

    /// Nothing but a set with status 200 is one: a redirect would let somebody else name the keys.
    fn read(&self, answer: &Answer) -> Result<(Vec<Key>, usize, Duration), Failure> {
        if answer.status != StatusCode::OK {
            return Err(Failure::Status(answer.status.as_u16()));
        }
        if answer.body.len() as u64 > SET_MAX {
            return Err(Failure::Long);
        }
        let (keys, mistakes) = jwks::published(&answer.body, self.algorithms)?;
        let pause = match self.published.refresh {
            Some(refresh) => refresh.duration(),
            // A set that is declared to be good for longer than the file allows is fetched before that.
            None => pace::declared(&answer.fields).min(self.published.stale_for.duration() * 4 / 5),
        };
        Ok((keys, mistakes, pause))
    }

    fn settle(&self, brought: Result<(Vec<Key>, usize, Duration), Failure>, begun: Tick) {
        let issuer = &self.issuer;
        let (keys, mistakes, pause) = match brought {
            Ok(brought) => brought,
            Err(failure) => {
                self.failed.add_one();
                // Once for each series of failures: the counter tells how many.
                if !self.is_failing.swap(true, Ordering::AcqRel) {
                    log::warn!("the keys of the issuer {issuer:?} cannot be fetched: {failure}");
                }
                return;
            }
        };
        self.fetched.add_one();
        let mistakes = mistakes as u64;
        (0..mistakes).for_each(|_| self.passed_over.add_one());
        if self.mistakes.swap(mistakes, Ordering::Relaxed) != mistakes && mistakes != 0 {
            log::warn!("{mistakes} keys of the issuer {issuer:?} are not well formed and were passed over");
        }
        let has_keys = !keys.is_empty();
        self.replace(KeySet::of(keys));
        if !has_keys && !self.is_empty.swap(true, Ordering::AcqRel) {
            log::warn!(
                "the issuer {issuer:?} publishes no key of a listed algorithm, so none of its tokens is good"
            );
        } else if has_keys && self.is_empty.swap(false, Ordering::AcqRel) {
            log::info!("the issuer {issuer:?} publishes keys again");
        }
        let until = begun + self.published.stale_for.duration();
        self.good_until.store(until.0.max(1), Ordering::Release);
        *lock(&self.due) = begun + pause;
        if self.is_failing.swap(false, Ordering::AcqRel) {
            log::info!("the keys of the issuer {issuer:?} are fetched again");
        }
        if let Some(readiness) = &self.readiness {
            readiness.set(true);
        }
    }

    /// Puts a set in force. Tokens that were proved by a key that is gone are forgotten before anybody who waits
    /// goes on; those of other keys stay.
    fn replace(&self, keys: KeySet) {
        let keys = Arc::new(keys);
        let before = self.keys.swap(Arc::clone(&keys));
        if !keys.has_all_of(&before) {
            self.remembered.keep_only(|mark: &Mark| keys.has(mark));
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
