//! `accept`: which media types are offered.
//!
//! Refuses who would take none of them; it converts nothing.

use adamant_filter::prelude::*;
use http::header::ACCEPT;

/// Elements of the field that are looked at; the rest could only be there to cost time.
const ELEMENTS_MAX: usize = 32;

/// Media types that may be offered.
const OFFERS_MAX: usize = 16;

/// Refuses requests with 406 that accept none of the media types that are offered here.
///
/// A request without the field `Accept` takes everything. Weights count only where they are 0, which excludes.
///
/// Example: `accept: { offer: [application/json] }`
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct AcceptConfig {
    /// Media types of answers, without parameters. Example: `[application/json, text/csv]`
    #[serde(serialize_with = "crate::media_range::canonical")]
    offer: Vec<String>,
}

/// The filter.
#[derive(Debug)]
pub(crate) struct Accept {
    offer: Box<[Box<str>]>,
}

impl Filter for Accept {
    const NAME: &'static str = "accept";
    const ROLE: Role = Role::Guard;
    const REASONS: &'static [&'static Reason] = &[&Self::REFUSED, &Self::TOO_MANY];
    type Config = AcceptConfig;

    fn build(config: AcceptConfig, _boot: &mut Boot<'_>) -> Result<Self, Problem> {
        crate::media_range::all_of("offer", &config.offer)?;
        if config.offer.len() > OFFERS_MAX {
            return Err(Problem::at(
                "offer",
                format!("at most {OFFERS_MAX} media types are offered"),
            ));
        }
        if let Some(range) = config.offer.iter().find(|media| media.contains('*')) {
            return Err(Problem::at(
                "offer",
                format!("`{range}` is a range, and an answer has one media type"),
            ));
        }
        let offer = config.offer.iter().map(|media| media.to_ascii_lowercase().into());
        Ok(Self {
            offer: offer.collect(),
        })
    }

    fn hooks(&self, hooks: Hooks<Self>) -> Hooks<Self> {
        hooks.request(Self::check)
    }
}

impl Accept {
    const REFUSED: Reason = Reason::new("refused", 406, "none of the accepted media types is offered here");
    const TOO_MANY: Reason = Reason::new("too-many", 406, "too many media types are accepted");

    fn check(&self, request: &mut Request) -> Verdict {
        let fields = request
            .headers()
            .filter(|(name, _)| **name == ACCEPT)
            .map(|(_, value)| value);
        let elements = fields.flat_map(|value| value.as_bytes().split(|byte| *byte == b','));
        let mut count = 0;
        // Of each offered type, the most precise element decides (RFC 9110 §12.5.1).
        let mut best = [(0u8, true); OFFERS_MAX];
        for element in elements
            .map(<[u8]>::trim_ascii)
            .filter(|element| !element.is_empty())
        {
            count += 1;
            if count > ELEMENTS_MAX {
                return Self::TOO_MANY.deny();
            }
            let media = element
                .split(|byte| *byte == b';')
                .next()
                .unwrap_or_default()
                .trim_ascii();
            for (place, offer) in best.iter_mut().zip(&self.offer) {
                let precision = precision(media, offer);
                if precision > place.0 {
                    *place = (precision, !is_excluded(element));
                }
            }
        }
        let mut offers = best.iter().take(self.offer.len());
        if count == 0 || offers.any(|(precision, taken)| *precision > 0 && *taken) {
            Verdict::Pass
        } else {
            Self::REFUSED.deny()
        }
    }
}

/// How precisely an element of the field names a media type; 0 when it does not.
fn precision(accepted: &[u8], offer: &str) -> u8 {
    let kind = offer.split('/').next().unwrap_or_default().as_bytes();
    if accepted.eq_ignore_ascii_case(offer.as_bytes()) {
        3
    } else if accepted
        .strip_suffix(b"/*")
        .is_some_and(|own| own.eq_ignore_ascii_case(kind))
    {
        2
    } else {
        u8::from(accepted == b"*/*")
    }
}

/// Whether the weight is 0, 0.0 and so on.
fn is_excluded(element: &[u8]) -> bool {
    let mut parameters = element
        .split(|byte| *byte == b';')
        .skip(1)
        .map(<[u8]>::trim_ascii);
    parameters.any(|parameter| {
        let weight = parameter
            .strip_prefix(b"q=")
            .or_else(|| parameter.strip_prefix(b"Q="));
        weight.is_some_and(|weight| {
            weight.starts_with(b"0") && weight.iter().all(|byte| matches!(byte, b'0' | b'.'))
        })
    })
}

#[cfg(test)]
mod tests {
    use adamant_filter::serde_json::json;
    use adamant_filter::trial::{Trial, TrialHost};

    use super::*;

    #[test]
    fn whoever_takes_none_of_the_offers_is_refused() {
        let trial = Trial::of::<Accept>(&json!({"offer": ["application/json", "Text/CSV"]}));
        let cases: &[(&[&str], bool)] = &[
            (&[], true),
            (&["*/*"], true),
            (&["text/html, application/JSON;q=0.1"], true),
            (&["text/*"], true),
            (&["text/html", "text/csv"], true),
            (&[""], true),
            (&["text/html"], false),
            (&["application/json;q=0"], false),
            (&["application/json; q=0.000, text/csv;Q=0"], false),
            (&["*/*, application/json;q=0, text/csv;q=0"], false),
            (&["*/*;q=0, text/csv"], true),
            (&["application/*;q=0, text/html"], false),
            (&["*"], false),
        ];
        for (lines, passes) in cases {
            let request = Request::build(Method::GET, "/").unwrap();
            let request = lines
                .iter()
                .fold(request, |request, value| request.with_header("accept", value));
            let outcome = trial.request(request);
            if *passes {
                outcome.passes();
            } else {
                assert_eq!(outcome.denied("accept.refused").reason.status(), 406, "{lines:?}");
            }
        }
        let many = vec!["a/b"; 33].join(",");
        let request = Request::build(Method::GET, "/")
            .unwrap()
            .with_header("accept", &many);
        let _ = trial.request(request).denied("accept.too-many");
    }

    #[test]
    fn what_no_answer_can_be_is_refused_at_boot() {
        let many: Vec<_> = (0..17).map(|number| format!("a/b{number}")).collect();
        for offer in [
            json!([]),
            json!(["json"]),
            json!(["text/*"]),
            json!(["a/b", "a/B"]),
            json!(many),
        ] {
            let config = json!({"offer": offer});
            assert!(
                Trial::try_build::<Accept>(&config, &mut TrialHost::new()).is_err(),
                "{config}"
            );
        }
    }
}
