//! A custom gateway: the built-in filters and one of its own. Everything but `main` would usually be a crate.
//!
//! `cargo run --example custom -- check` knows the word `weekday` in a policy. It never changes Adamant.

use std::process::ExitCode;

use adamant_filter::prelude::*;

/// Serves on working days only, in UTC.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct WeekdayConfig {
    /// Serve on Saturdays as well.
    #[serde(default)]
    saturdays: bool,
}

struct Weekday {
    saturdays: bool,
}

impl Filter for Weekday {
    const NAME: &'static str = "weekday";
    const ROLE: Role = Role::Guard;
    const REASONS: &'static [&'static Reason] = &[&Self::WEEKEND];
    type Config = WeekdayConfig;

    fn build(config: WeekdayConfig, _boot: &mut Boot<'_>) -> Result<Self, Problem> {
        Ok(Self {
            saturdays: config.saturdays,
        })
    }

    fn hooks(&self, hooks: Hooks<Self>) -> Hooks<Self> {
        hooks.request(Self::check)
    }
}

impl Weekday {
    const WEEKEND: Reason = Reason::new("weekend", 503, "this service rests on weekends");

    fn check(&self, request: &mut Request) -> Verdict {
        // The first of January 1970 was a Thursday: day 2 of a cycle that begins on a Saturday is Monday.
        match (request.wall().seconds() / 86_400 + 5) % 7 {
            0 if !self.saturdays => Self::WEEKEND.deny(),
            1 => Self::WEEKEND.deny(),
            _ => Verdict::Pass,
        }
    }
}

fn main() -> ExitCode {
    adamant::Adamant::with_builtins()
        .filter::<Weekday>(env!("CARGO_PKG_VERSION"))
        .main()
}
