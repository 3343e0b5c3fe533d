//! `maintenance`: nothing is served while somebody works on it.
//!
//! Knows no clock: the time is that at which a request came.

use adamant_filter::prelude::*;
use jiff::Timestamp;

/// Refuses everything within a window of time, and says when to come again (`Retry-After`).
///
/// Example: `maintenance: { from: 2026-12-24T22:00:00Z, until: 2026-12-25T02:00:00Z, let-in: [10.0.0.0/8] }`
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct MaintenanceConfig {
    /// When it begins, in RFC 3339. Example: `2026-12-24T22:00:00Z`
    from: Moment,
    /// When it is over, in RFC 3339. Example: `2026-12-25T02:00:00Z`
    until: Moment,
    /// Networks of those who work on it: they pass. Default: nobody. Example: `[10.0.0.0/8]`
    #[serde(default)]
    let_in: Vec<Cidr>,
}

/// A moment that is written in one way, whatever its spelling: equal policies have equal digests.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
struct Moment(Timestamp);

impl TryFrom<String> for Moment {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let moment = text.parse::<Timestamp>();
        moment
            .map(Self)
            .map_err(|_| format!("`{text}` is no moment such as 2026-12-24T22:00:00Z"))
    }
}

impl From<Moment> for String {
    fn from(moment: Moment) -> Self {
        moment.0.to_string()
    }
}

impl JsonSchema for Moment {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Moment".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "string" })
    }
}

/// The filter.
#[derive(Debug)]
pub struct Maintenance {
    /// Milliseconds since 1970, the first of them in the window.
    from: u64,
    /// The first that is not in it any more.
    until: u64,
    let_in: Box<[Cidr]>,
}

impl Filter for Maintenance {
    const NAME: &'static str = "maintenance";
    const ROLE: Role = Role::Guard;
    const REASONS: &'static [&'static Reason] = &[&Self::UNDER_WAY];
    type Config = MaintenanceConfig;

    fn build(config: MaintenanceConfig, _boot: &mut Boot<'_>) -> Result<Self, Problem> {
        if config.until.0 <= config.from.0 {
            let problem = Problem::at("until", "it is over before it begins");
            return Err(problem.with_help("write a moment after `from`"));
        }
        let millis = |path, moment: Moment| {
            u64::try_from(moment.0.as_millisecond())
                .map_err(|_| Problem::at(path, "no request comes before the year 1970"))
        };
        Ok(Self {
            from: millis("from", config.from)?,
            until: millis("until", config.until)?,
            let_in: config.let_in.into(),
        })
    }

    fn hooks(&self, hooks: Hooks<Self>) -> Hooks<Self> {
        hooks.request(Self::check)
    }
}

impl Maintenance {
    const UNDER_WAY: Reason = Reason::new("under-way", 503, "this service is being worked on");

    fn check(&self, request: &mut Request) -> Verdict {
        let now = request.wall().0;
        if !(self.from..self.until).contains(&now) {
            return Verdict::Pass;
        }
        let client = request.client();
        if self.let_in.iter().any(|network| network.contains(client)) {
            return Verdict::Pass;
        }
        // A refusal may allocate, a pass does not.
        let seconds = (self.until - now).div_ceil(1000);
        Self::UNDER_WAY.deny_with(vec![(RETRY_AFTER, HeaderValue::from(seconds))])
    }
}

const RETRY_AFTER: HeaderName = HeaderName::from_static("retry-after");

#[cfg(test)]
mod tests {
    use adamant_filter::serde_json::{Value, json};
    use adamant_filter::trial::{Heap, Trial, TrialHost, conformance};

    use super::*;

    #[global_allocator]
    static HEAP: Heap = Heap;

    /// 2026-12-24T22:00:00Z in milliseconds.
    const FROM: u64 = 1_798_149_600_000;
    const HOUR: u64 = 3_600_000;

    fn config() -> Value {
        json!({ "from": "2026-12-24T22:00:00Z", "until": "2026-12-25T02:00:00+00:00", "let-in": ["10.0.0.0/8"] })
    }

    fn at(millis: u64, client: &str) -> Request {
        let request = Request::build(Method::GET, "/").unwrap();
        request
            .at(Tick(0), Wall(millis))
            .from_client(client.parse().unwrap())
    }

    conformance!(maintenance: Maintenance, [config()]);

    #[test]
    fn the_window_has_a_first_and_a_last_moment() {
        let trial = Trial::of::<Maintenance>(&config());
        for (millis, retry_after) in [
            (FROM - 1, None),
            (FROM, Some("14400")),
            (FROM + 2 * HOUR + 1, Some("7200")),
            (FROM + 4 * HOUR - 1, Some("1")),
            (FROM + 4 * HOUR, None),
        ] {
            let outcome = trial.request(at(millis, "192.0.2.1"));
            match retry_after {
                None => outcome.passes(),
                Some(seconds) => {
                    let denial = outcome.denied("maintenance.under-way");
                    assert_eq!(denial.fields, [(RETRY_AFTER, HeaderValue::from_static(seconds))]);
                }
            }
        }
    }

    #[test]
    fn those_who_work_on_it_pass() {
        let trial = Trial::of::<Maintenance>(&config());
        trial.request(at(FROM, "10.1.2.3")).passes();
        trial
            .request(at(FROM, "11.1.2.3"))
            .denied("maintenance.under-way");
    }

    #[test]
    fn a_window_that_never_opens_is_refused_at_boot() {
        let problem = |from: &str, until: &str| {
            let config = json!({ "from": from, "until": until });
            let built = Trial::try_build::<Maintenance>(&config, &mut TrialHost::new());
            let problems = built.expect_err("it cannot be built");
            problems.iter().next().unwrap().path().map(str::to_owned)
        };
        let (early, late) = ("2026-12-24T22:00:00Z", "2026-12-24T23:00:00Z");
        assert_eq!(problem(late, early).as_deref(), Some("until"));
        assert_eq!(problem(early, early).as_deref(), Some("until"));
        assert_eq!(problem("1969-12-24T22:00:00Z", late).as_deref(), Some("from"));
    }
}
