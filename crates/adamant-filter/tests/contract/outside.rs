//! Filters that reach outside of the exchange: a service, a shared store, other threads, time passing.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use adamant_filter::prelude::*;
use adamant_filter::serde_json::json;
use adamant_filter::trial::{Trial, TrialHost};
use adamant_filter::{Answer, Blocking, Call, Counter, Store, Target, Transport};

use super::{Nothing, get};

/// Asks a service about every path that it does not know yet: an outbound call, and a hook that answers
/// from memory when it can.
struct Ask {
    service: Arc<dyn Transport>,
    /// The last path that the service let through; a real filter has a bounded table.
    known: AtomicU64,
    calls: Counter,
}

#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct AskConfig {
    /// Origin of the service.
    service: String,
}

impl Ask {
    const REFUSED: Reason = Reason::new("refused", 403, "the service refused");

    fn quick(&self, request: &mut Request) -> Option<Verdict> {
        (self.known.load(Ordering::Relaxed) == length(request)).then_some(Verdict::Pass)
    }

    async fn slow(&self, request: &mut Request) -> Verdict {
        self.calls.add_one();
        let call = Call {
            method: Method::GET,
            target: request.path().to_owned(),
            fields: Vec::new(),
            body: Default::default(),
        };
        match self.service.call(call).await {
            Ok(answer) if answer.status.is_success() => {
                self.known.store(length(request), Ordering::Relaxed);
                request.note("asked");
                Verdict::Pass
            }
            Ok(_) => Self::REFUSED.deny(),
            Err(fault) => Verdict::Fault(fault),
        }
    }
}

fn length(request: &Request) -> u64 {
    request.path().len() as u64
}

impl Filter for Ask {
    const NAME: &'static str = "ask";
    const ROLE: Role = Role::Authorize;
    const REASONS: &'static [&'static Reason] = &[&Self::REFUSED];
    type Config = AskConfig;

    fn build(config: AskConfig, boot: &mut Boot<'_>) -> Result<Self, Problem> {
        let target = Target {
            origin: config.service,
            timeout: Duration::from_millis(200),
            answer_max: 4096,
            authorities: None,
        };
        Ok(Self {
            service: boot.outbound(&target)?,
            known: AtomicU64::new(0),
            calls: boot.counter("ask_calls", "Calls to the service."),
        })
    }

    fn hooks(&self, hooks: Hooks<Self>) -> Hooks<Self> {
        hooks.request_or_async(Self::quick, Self::slow)
    }
}

fn answer(status: StatusCode) -> Answer {
    Answer {
        status,
        fields: Vec::new(),
        body: Default::default(),
    }
}

#[test]
fn a_hook_calls_a_service_once_and_then_answers_from_memory() {
    let mut host = TrialHost::new().with_answer("https://id.test:443", answer(StatusCode::OK));
    let trial = Trial::with_host::<Ask>(&json!({"service": "https://id.test:443"}), &mut host);
    for (path, calls) in [("/a", 1), ("/b", 1), ("/long", 2), ("/a", 3)] {
        trial.request(get(path)).passes();
        assert_eq!(host.counted("ask_calls"), calls, "{path}");
    }
}

#[test]
fn what_the_service_says_is_a_denial_and_its_silence_a_fault() {
    let mut host = TrialHost::new().with_answer("https://id.test:443", answer(StatusCode::FORBIDDEN));
    let trial = Trial::with_host::<Ask>(&json!({"service": "https://id.test:443"}), &mut host);
    trial.request(get("/")).denied("ask.refused");
    let trial = Trial::of::<Ask>(&json!({"service": "https://nobody.test:443"}));
    let Verdict::Fault(fault) = trial.request(get("/")).verdict else {
        panic!("no fixture answers")
    };
    assert_eq!(fault.reason.code(), "no-answer");
}

/// Counts days' requests in a store that instances share, and sleeps on nothing but the store.
struct Quota {
    store: Arc<dyn Store>,
    key: Key,
    most: i64,
}

#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct QuotaConfig {
    /// A name under `stores:`.
    store: String,
    /// Requests a day.
    most: i64,
    /// Who is counted.
    by: KeyBy,
}

impl Quota {
    const SPENT: Reason = Reason::new("spent", 429, "the quota of today is spent");

    async fn charge(&self, request: &mut Request) -> Verdict {
        // The key is copied, since it must outlive the wait.
        let Some(key) = self.key.of(request, |key| key.map(<[u8]>::to_vec)) else {
            return Self::SPENT.deny();
        };
        match self.store.add(&key, 1, Duration::from_secs(86_400)).await {
            Ok(sum) if sum <= self.most => Verdict::Pass,
            Ok(_) => Self::SPENT.deny(),
            Err(fault) => Verdict::Fault(fault),
        }
    }
}

impl Filter for Quota {
    const NAME: &'static str = "toy-quota";
    const ROLE: Role = Role::Limit;
    const REASONS: &'static [&'static Reason] = &[&Self::SPENT];
    type Config = QuotaConfig;

    fn build(config: QuotaConfig, boot: &mut Boot<'_>) -> Result<Self, Problem> {
        Ok(Self {
            store: boot.store(&config.store)?,
            key: boot.key(&config.by)?,
            most: config.most,
        })
    }

    fn hooks(&self, hooks: Hooks<Self>) -> Hooks<Self> {
        hooks.request_async(Self::charge)
    }
}

#[test]
fn two_instances_share_one_store() {
    let mut host = TrialHost::new();
    let config = json!({"store": "cluster", "most": 2, "by": ["address", "method"]});
    let one = Trial::with_host::<Quota>(&config, &mut host);
    let other = Trial::with_host::<Quota>(&config, &mut host);
    one.request(get("/")).passes();
    other.request(get("/")).passes();
    one.request(get("/")).denied("toy-quota.spent");
    other
        .request(get("/").from_client([198, 51, 100, 7].into()))
        .passes();
}

/// Refuses everyone for a while after its periodic work has not run: periodic work and its state.
struct Fresh {
    checked: Arc<AtomicU64>,
}

impl Fresh {
    const STALE: Reason = Reason::new("stale", 503, "what this depends on is stale");

    fn check(&self, request: &mut Request) -> Verdict {
        let age = request.now().since(Tick(self.checked.load(Ordering::Relaxed)));
        if age > Duration::from_secs(60) {
            Self::STALE.fault()
        } else {
            Verdict::Pass
        }
    }
}

impl Filter for Fresh {
    const NAME: &'static str = "fresh";
    const ROLE: Role = Role::Guard;
    const REASONS: &'static [&'static Reason] = &[&Self::STALE];
    type Config = Nothing;

    fn build(_: Nothing, boot: &mut Boot<'_>) -> Result<Self, Problem> {
        let checked = Arc::new(AtomicU64::new(0));
        let seen = Arc::clone(&checked);
        boot.every(
            Duration::from_secs(30),
            Box::new(move |now| seen.store(now.0, Ordering::Relaxed)),
        );
        Ok(Self { checked })
    }

    fn hooks(&self, hooks: Hooks<Self>) -> Hooks<Self> {
        hooks.request(Self::check)
    }
}

#[test]
fn periodic_work_runs_on_the_time_of_the_host() {
    let mut host = TrialHost::new();
    let trial = Trial::with_host::<Fresh>(&json!({}), &mut host);
    let at = |seconds: u64| trial.request(get("/").at(Tick(seconds * 1_000_000_000), Wall(0)));
    at(60).passes();
    assert!(matches!(at(61).verdict, Verdict::Fault(_)));
    host.tick(Tick(61_000_000_000));
    at(121).passes();
}

/// Checks a slow hash of a header off the request threads: blocking work with a result.
struct Hash {
    threads: Arc<dyn Blocking>,
}

impl Hash {
    const WRONG: Reason = Reason::new("wrong", 401, "the password is wrong");

    async fn check(&self, request: &mut Request) -> Verdict {
        let sent = request
            .header(&HeaderName::from_static("x-password"))
            .map(|value| value.as_bytes().to_vec());
        let slow = move || {
            sent.iter()
                .flatten()
                .fold(7_u64, |sum, byte| sum.wrapping_mul(31) + u64::from(*byte))
        };
        match self.threads.compute(slow).await {
            Some(304_891) => Verdict::Pass,
            Some(_) => Self::WRONG.deny(),
            None => Self::WRONG.fault(),
        }
    }
}

impl Filter for Hash {
    const NAME: &'static str = "hash";
    const ROLE: Role = Role::Authenticate;
    const REASONS: &'static [&'static Reason] = &[&Self::WRONG];
    type Config = Nothing;

    fn build(_: Nothing, boot: &mut Boot<'_>) -> Result<Self, Problem> {
        Ok(Self {
            threads: boot.blocking(),
        })
    }

    fn hooks(&self, hooks: Hooks<Self>) -> Hooks<Self> {
        hooks.request_async(Self::check)
    }
}

#[test]
fn blocking_work_hands_its_result_back() {
    let trial = Trial::of::<Hash>(&json!({}));
    let hash = b"abc"
        .iter()
        .fold(7_u64, |sum, byte| sum.wrapping_mul(31) + u64::from(*byte));
    assert_eq!(hash, 304_891);
    trial.request(get("/").with_header("x-password", "abc")).passes();
    trial
        .request(get("/").with_header("x-password", "abd"))
        .denied("hash.wrong");
}
