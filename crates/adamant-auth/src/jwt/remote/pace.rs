//! How long an issuer says that its keys may be kept (RFC 9111 §5.2.2).
//!
//! The answer is taken as a wish: it is brought within bounds that neither flood an issuer nor miss a rotation.

use std::time::Duration;

use adamant_filter::Fields;

const SHORTEST: Duration = Duration::from_secs(60);
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

/// Where the issuer says nothing.
const USUAL: Duration = Duration::from_secs(10 * 60);

/// Time until the next fetch: four fifths of what the issuer declares, so that the keys are never older than
/// that.
pub(super) fn declared(fields: &Fields) -> Duration {
    let values = fields.iter().filter(|(name, _)| name.as_str() == "cache-control");
    let directives = values.flat_map(|(_, value)| value.to_str().unwrap_or_default().split(','));
    let mut age = None;
    for directive in directives {
        let (name, value) = directive.split_once('=').unwrap_or((directive, ""));
        let name = name.trim();
        if ["no-store", "no-cache"]
            .iter()
            .any(|other| name.eq_ignore_ascii_case(other))
        {
            return SHORTEST;
        }
        if name.eq_ignore_ascii_case("max-age") {
            age = value.trim().trim_matches('"').parse::<u32>().ok();
        }
    }
    age.map_or(USUAL, |age| Duration::from_secs(u64::from(age)) * 4 / 5)
        .clamp(SHORTEST, LONGEST)
}

#[cfg(test)]
mod tests {
    use adamant_filter::prelude::*;

    use super::*;

    #[test]
    fn an_issuer_is_asked_again_before_its_keys_are_old() {
        let cases: [(&[&str], u64); 13] = [
            (&[], 600),
            (&["public"], 600),
            (&["max-age=3600"], 2880),
            (&["public, max-age=3600, must-revalidate"], 2880),
            (&["public", "MAX-AGE = 3600"], 2880),
            (&["max-age=\"3600\""], 2880),
            (&["max-age=10"], 60),
            (&["max-age=0"], 60),
            (&["max-age=4000000000"], 86_400),
            (&["max-age=99999999999999999999"], 600),
            (&["max-age=-1"], 600),
            (&["no-store, max-age=3600"], 60),
            (&["max-age=3600, no-cache"], 60),
        ];
        for (values, seconds) in cases {
            let name = || HeaderName::from_static("cache-control");
            let fields = values
                .iter()
                .map(|value| (name(), value.parse().unwrap()))
                .collect();
            assert_eq!(declared(&fields), Duration::from_secs(seconds), "{values:?}");
        }
    }
}
