//! What comes from files: the text of a policy, patterns of paths, and quantities.

use adamant_filter::serde_json::{Value, from_value, json};
use adamant_filter::trial::TrialHost;
use adamant_filter::{ByteRate, Catalogue, Cidr, Percent, Period, Rate, Size};
use adamant_policy::plan::Plan;
use adamant_policy::text::{Color, Source, json_lines, render};

/// A text is a policy or has problems that can be told; a policy is its own canonical form.
pub(crate) fn yaml(bytes: &[u8]) {
    let source = Source::new("gateway.yaml", bytes);
    let catalogue = Catalogue::new();
    match adamant_policy::load(&source, &catalogue) {
        Ok((_, canonical)) => {
            let again = canonical.to_string();
            let again = Source::new("canonical.yaml", again.as_bytes());
            let (_, second) = adamant_policy::load(&again, &catalogue).expect("a canonical form loads");
            assert_eq!(canonical, second, "the canonical form has another one");
        }
        Err(problems) => {
            assert!(!problems.is_empty(), "refused for no reason");
            let told = render(&source, &problems, Color::Off) + &json_lines(&source, &problems);
            assert!(!told.is_empty(), "refused without a word");
        }
    }
}

/// A pattern that loads compiles, whatever it is.
pub(crate) fn pattern(bytes: &[u8]) {
    let Ok(text) = str::from_utf8(bytes) else { return };
    let _ = is_pattern(text);
}

fn is_pattern(text: &str) -> bool {
    let policy = json!({
        "adamant": "1",
        "listeners": { "public": { "bind": "127.0.0.1:0" } },
        "routes": [{
            "name": "r",
            "match": { "path": text },
            "public": true,
            "respond": { "status": 204 }
        }]
    });
    let policy = policy.to_string();
    let source = Source::new("gateway.yaml", policy.as_bytes());
    let catalogue = Catalogue::new();
    let Ok((config, canonical)) = adamant_policy::load(&source, &catalogue) else {
        return false;
    };
    assert!(text.starts_with('/'), "{text}");
    Plan::compile(config, &canonical, &catalogue, &mut TrialHost::new()).expect("what loads compiles");
    true
}

/// A quantity that is read is written in one way, and read again it is the same.
pub(crate) fn units(bytes: &[u8]) {
    let Ok(text) = str::from_utf8(bytes) else { return };
    let value = Value::String(text.to_owned());
    macro_rules! one_form {
        ($($unit:ty),+) => {$(
            if let Ok(read) = from_value::<$unit>(value.clone()) {
                let written = json!(read);
                let again: $unit = from_value(written.clone()).expect("what is written can be read");
                assert_eq!(json!(again), written, "of {text}");
            }
        )+};
    }
    one_form!(Size, Period, Rate, ByteRate, Percent, Cidr);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What must hold would hold for nothing if everything were refused.
    #[test]
    fn good_patterns_load_and_bad_ones_do_not() {
        for good in ["/a/**", "/{id}/b", "/**"] {
            assert!(is_pattern(good), "{good}");
        }
        for bad in ["", "a", "/a*", "/{a}{b}", "/a/**/b"] {
            assert!(!is_pattern(bad), "{bad}");
        }
    }
}
