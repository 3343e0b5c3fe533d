//! State that outlives the process: exported by one instance, imported by the next.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use adamant_filter::Keep;
use adamant_filter::prelude::*;
use adamant_filter::serde_json::json;
use adamant_filter::trial::{Trial, TrialHost};

use super::get;

/// After one request nobody passes until the pause is over, even when the process is replaced meanwhile.
struct Pause {
    until: Arc<Until>,
    pause: Duration,
}

#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct PauseConfig {
    /// How long nobody passes.
    pause: Period,
}

/// The end of the pause on the clock of this process.
struct Until(AtomicU64);

impl Keep for Until {
    fn export(&self, at: Tick) -> Vec<u8> {
        self.0
            .load(Ordering::Relaxed)
            .saturating_sub(at.0)
            .to_be_bytes()
            .to_vec()
    }

    fn import(&self, state: &[u8], at: Tick) {
        if let Ok(left) = state.try_into() {
            self.0.store(at.0 + u64::from_be_bytes(left), Ordering::Relaxed);
        }
    }
}

impl Pause {
    const PAUSED: Reason = Reason::new("paused", 503, "there is a pause");

    fn check(&self, request: &mut Request) -> Verdict {
        if request.now().0 < self.until.0.load(Ordering::Relaxed) {
            return Self::PAUSED.deny();
        }
        self.until
            .0
            .store((request.now() + self.pause).0, Ordering::Relaxed);
        Verdict::Pass
    }
}

impl Filter for Pause {
    const NAME: &'static str = "pause";
    const ROLE: Role = Role::Limit;
    const REASONS: &'static [&'static Reason] = &[&Self::PAUSED];
    type Config = PauseConfig;

    fn build(config: PauseConfig, boot: &mut Boot<'_>) -> Result<Self, Problem> {
        let until = Arc::new(Until(AtomicU64::new(0)));
        boot.reserve("the end of the pause", Size::from_bytes(8));
        let fingerprint = format!("pause/{}/{}", boot.id(), config.pause);
        boot.keep(&fingerprint, Arc::clone(&until) as _);
        Ok(Self {
            until,
            pause: config.pause.duration(),
        })
    }

    fn hooks(&self, hooks: Hooks<Self>) -> Hooks<Self> {
        hooks.request(Self::check)
    }
}

#[test]
fn a_successor_with_another_clock_goes_on_where_its_predecessor_stopped() {
    let config = json!({"pause": "10s"});
    let build = |host: &mut TrialHost| Trial::with_host::<Pause>(&config, host);
    let at = |seconds: u64| Tick(seconds * 1_000_000_000);
    let ask = |trial: &Trial, seconds| trial.request(get("/").at(at(seconds), Wall(0)));

    let mut old = TrialHost::new();
    let predecessor = build(&mut old);
    ask(&predecessor, 500).passes();
    let mut new = TrialHost::new();
    let successor = build(&mut new);
    let (kept, taken) = (old.kept(), new.kept());
    let ([(from, state)], [(to, place)]) = (kept.as_slice(), taken.as_slice()) else {
        panic!("one state each")
    };
    assert_eq!(
        (from.as_str(), to.as_str()),
        ("pause/pause/10s", "pause/pause/10s")
    );
    place.import(&state.export(at(504)), at(3));
    ask(&successor, 8).denied("pause.paused");
    ask(&successor, 9).passes();
}
