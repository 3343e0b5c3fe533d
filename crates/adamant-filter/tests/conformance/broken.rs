//! Filters that break one rule each. None of them is an example.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use adamant_filter::Transport;
use adamant_filter::prelude::*;
use adamant_filter::serde_json::{Value, json};
use adamant_filter::trial::Conformance;
use adamant_filter::trial::TrialHost;
use adamant_filter::{Call, Target};

/// What a broken filter does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
enum Flaw {
    Panics,
    Stranger,
    Fickle,
    NeedsAnEarlierMoment,
    LooksAtPieces,
    Hoards,
    Impatient,
    Wounded,
    Forgetful,
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct FlawConfig {
    /// Which one.
    flaw: Flaw,
}

struct Broken {
    flaw: Flaw,
    word: Word,
    hoard: Mutex<Vec<Vec<u8>>>,
    service: Arc<dyn Transport>,
    is_busy: AtomicBool,
    number: u64,
}

/// Differs from one instance to the next.
static BUILT: AtomicU64 = AtomicU64::new(0);

impl Filter for Broken {
    const NAME: &'static str = "broken";
    const ROLE: Role = Role::Guard;
    const REASONS: &'static [&'static Reason] = &[&Self::KNOWN];
    type Config = FlawConfig;

    fn build(config: FlawConfig, boot: &mut Boot<'_>) -> Result<Self, Problem> {
        let target = Target {
            origin: "https://service.test".to_owned(),
            timeout: std::time::Duration::from_secs(1),
            answer_max: 10,
            authorities: None,
        };
        Ok(Self {
            flaw: config.flaw,
            word: boot.word(),
            hoard: Mutex::default(),
            service: boot.outbound(&target)?,
            is_busy: AtomicBool::new(false),
            number: BUILT.fetch_add(1, Ordering::Relaxed),
        })
    }

    fn hooks(&self, hooks: Hooks<Self>) -> Hooks<Self> {
        let hooks = hooks.request(Self::ask).request_body(Self::piece);
        match self.flaw {
            Flaw::Impatient => hooks.request_async(Self::hurry),
            Flaw::Wounded => hooks.request_async(Self::busy),
            Flaw::Forgetful => hooks.request_or_async(Self::remembered, Self::mark),
            _ => hooks.attempt(Self::attempt),
        }
    }
}

impl Broken {
    const KNOWN: Reason = Reason::new("known", 403, "this is known");
    const STRANGER: Reason = Reason::new("stranger", 403, "nobody has announced this");

    fn ask(&self, request: &mut Request) -> Verdict {
        request.set_word(self.word, 1);
        let odd = request.headers().any(|(_, value)| value.to_str().is_err());
        match self.flaw {
            Flaw::Panics if odd => panic!("bytes that are no text"),
            Flaw::Stranger if odd => Self::STRANGER.deny(),
            Flaw::Fickle if self.number.is_multiple_of(2) => Self::KNOWN.deny(),
            Flaw::Hoards => {
                let mut hoard = self.hoard.lock().unwrap_or_else(|broken| broken.into_inner());
                hoard.push(request.path().as_bytes().to_vec());
                Verdict::Pass
            }
            _ => Verdict::Pass,
        }
    }

    fn piece(&self, _: &mut Request, chunk: &mut Chunk) -> Verdict {
        if self.flaw == Flaw::LooksAtPieces && chunk.data().starts_with(b"{}") {
            return Self::KNOWN.deny();
        }
        Verdict::Pass
    }

    fn attempt(&self, attempt: &mut Attempt<'_>) -> Result<(), Fault> {
        let was_asked = attempt.request().word(self.word) == 1;
        assert!(
            was_asked || self.flaw != Flaw::NeedsAnEarlierMoment,
            "the request hook has not run"
        );
        Ok(())
    }

    /// Takes an answer that does not come at once for a refusal.
    async fn hurry(&self, _: &mut Request) -> Verdict {
        let mut polls = 0;
        let mut call = self.service.call(call());
        let _ = std::future::poll_fn(|context| {
            polls += 1;
            call.as_mut().poll(context)
        })
        .await;
        if polls > 1 {
            Self::KNOWN.deny()
        } else {
            Verdict::Pass
        }
    }

    /// Does not do again what the slow hook has done.
    fn remembered(&self, _: &mut Request) -> Option<Verdict> {
        self.is_busy.load(Ordering::Relaxed).then_some(Verdict::Pass)
    }

    async fn mark(&self, request: &mut Request) -> Verdict {
        self.is_busy.store(true, Ordering::Relaxed);
        request.set_header(HeaderName::from_static("x-marked"), HeaderValue::from_static("1"));
        Verdict::Pass
    }

    /// Stays busy for ever when it is dropped while it waits.
    async fn busy(&self, _: &mut Request) -> Verdict {
        assert!(!self.is_busy.swap(true, Ordering::Relaxed), "still busy");
        let _ = self.service.call(call()).await;
        self.is_busy.store(false, Ordering::Relaxed);
        Verdict::Pass
    }
}

fn call() -> Call {
    Call {
        method: Method::GET,
        target: "/".to_owned(),
        fields: Vec::new(),
        body: adamant_filter::offline::NO_ANSWER.text().into(),
    }
}

type Check<F> = fn(&Conformance<F>);

#[test]
fn each_flaw_is_found_by_the_check_that_is_meant_for_it() {
    let flaws: &[(Flaw, Check<Broken>)] = &[
        (Flaw::Panics, Conformance::hostile),
        (Flaw::Stranger, Conformance::hostile),
        (Flaw::Fickle, Conformance::hostile),
        (Flaw::NeedsAnEarlierMoment, Conformance::lone_moments),
        (Flaw::LooksAtPieces, Conformance::pieces),
        (Flaw::Impatient, Conformance::waiting),
        (Flaw::Wounded, Conformance::given_up),
        (Flaw::Forgetful, Conformance::remembered),
        (Flaw::Fickle, Conformance::shadow),
        (Flaw::Hoards, Conformance::memory),
    ];
    for (flaw, check) in flaws {
        let kit = Conformance::<Broken>::new(vec![json!({ "flaw": flaw })], TrialHost::new);
        let found = catch_unwind(AssertUnwindSafe(|| check(&kit)));
        assert!(found.is_err(), "{flaw:?} was not found");
    }
}

/// Accepts keys that it does not know, has one without a word, and writes equal meaning in two ways.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
struct OpenConfig {
    list: Vec<u8>,
    /// How it was spelled.
    #[serde(default, serialize_with = "longer")]
    text: String,
}

fn longer<S: serde::Serializer>(text: &str, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&format!("{text}!"))
}

struct Open;

impl Filter for Open {
    const NAME: &'static str = "Open_filter";
    const ROLE: Role = Role::Shape;
    const REASONS: &'static [&'static Reason] = &[&Broken::KNOWN, &Broken::KNOWN];
    type Config = OpenConfig;

    fn build(_: OpenConfig, _: &mut Boot<'_>) -> Result<Self, Problem> {
        Ok(Self)
    }

    fn hooks(&self, hooks: Hooks<Self>) -> Hooks<Self> {
        hooks
    }
}

#[test]
fn a_form_that_cannot_be_relied_on_is_found() {
    let config: Value = json!({ "list": [1], "text": "a" });
    let kit = Conformance::<Open>::new(vec![config], TrialHost::new);
    let checks: [(&str, Check<Open>); 4] = [
        ("words", Conformance::words),
        ("canonical", Conformance::canonical),
        ("unknown keys", Conformance::unknown_keys),
        ("explained", Conformance::explained),
    ];
    for (what, check) in checks {
        assert!(
            catch_unwind(AssertUnwindSafe(|| check(&kit))).is_err(),
            "{what}: nothing was found"
        );
    }
}
