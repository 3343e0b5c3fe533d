//! `sample-filter`: lets pass who brings a certain header field.

use adamant_filter::prelude::*;

/// Lets only requests pass that bring a certain header field.
///
/// Example: `sample-filter: { field: x-ticket }`
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct SampleFilterConfig {
    /// The field that a request must bring. Example: `x-ticket`
    field: String,
}

/// The filter.
#[derive(Debug)]
pub struct SampleFilter {
    field: HeaderName,
}

impl Filter for SampleFilter {
    const NAME: &'static str = "sample-filter";
    const ROLE: Role = Role::Guard;
    const REASONS: &'static [&'static Reason] = &[&Self::MISSING];
    type Config = SampleFilterConfig;

    fn build(config: SampleFilterConfig, _boot: &mut Boot<'_>) -> Result<Self, Problem> {
        let field = HeaderName::try_from(config.field.as_str());
        let field = field.map_err(|_| Problem::at("field", "it is no name of a header field"))?;
        Ok(Self { field })
    }

    fn hooks(&self, hooks: Hooks<Self>) -> Hooks<Self> {
        hooks.request(Self::check)
    }
}

impl SampleFilter {
    const MISSING: Reason = Reason::new(
        "missing",
        403,
        "a field is missing without which nobody passes",
    );

    fn check(&self, request: &mut Request) -> Verdict {
        match request.single(&self.field) {
            Single::One(_) => Verdict::Pass,
            Single::Absent | Single::Several => Self::MISSING.deny(),
        }
    }
}

#[cfg(test)]
mod tests {
    use adamant_filter::serde_json::json;
    use adamant_filter::trial::{Heap, Trial, TrialHost, conformance};

    use super::*;

    // Counts memory, so that what the filter keeps can be held against what it reserves.
    #[global_allocator]
    static HEAP: Heap = Heap;

    conformance!(every_filter: SampleFilter, [json!({ "field": "x-ticket" })]);

    fn get() -> Request {
        Request::build(Method::GET, "/").expect("a request target")
    }

    #[test]
    fn only_who_brings_the_field_passes() {
        let trial = Trial::of::<SampleFilter>(&json!({ "field": "X-Ticket" }));
        trial.request(get().with_header("x-ticket", "7")).passes();
        trial.request(get()).denied("sample-filter.missing");
        let once = get().with_header("x-ticket", "7");
        let twice = once.with_header("x-ticket", "8");
        trial.request(twice).denied("sample-filter.missing");
    }

    #[test]
    fn a_field_that_cannot_be_sent_is_refused_at_boot() {
        let config = json!({ "field": "no field" });
        let built = Trial::try_build::<SampleFilter>(&config, &mut TrialHost::new());
        let problems = built.expect_err("it cannot be built");
        let paths: Vec<_> = problems.iter().map(|problem| problem.path()).collect();
        assert_eq!(paths, [Some("field")]);
    }
}
