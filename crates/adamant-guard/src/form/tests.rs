//! Forms with one reading and with several. Knows nothing of how a body arrives.

use adamant_filter::serde_json::{Value, json};
use adamant_filter::trial::{Trial, TrialHost};
use proptest::prelude::*;

use super::*;

fn judged(config: &Value, body: impl Into<Vec<u8>>) -> Option<(&'static str, Place)> {
    let trial = Trial::of::<Form>(config);
    let request = Request::build(Method::POST, "/").unwrap();
    let mut request = trial.prepare(request.with_header("content-type", "application/x-www-form-urlencoded"));
    assert!(matches!(trial.ask(&mut request), Verdict::Pass));
    match trial.body(&mut request, &mut Chunk::new(body.into().into(), true)) {
        Verdict::Pass => None,
        Verdict::Deny(denial) => {
            let details = denial.details.expect("a refusal of a body tells the place");
            let place = details.iter().next().unwrap().place.clone();
            Some((denial.reason.code(), place))
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn forms_that_have_one_reading_pass() {
    for body in [
        "a=1",
        "a=",
        "a",
        "a=1&b=2",
        "a=b=c",
        "a=%C3%A9&%E2%82%AC=+",
        "a=x y",
        "a%26=1&a%3d=2",
        "a=1&A=1",
    ] {
        assert_eq!(judged(&json!({}), body), None, "{body}");
    }
}

#[test]
fn forms_that_receivers_read_differently_are_refused_with_the_place() {
    let long = json!({"name": "3B", "value": "4B", "fields": 2});
    let lists = json!({"allowed": ["a", "b", "c"], "required": ["a", "b"], "repeated": ["c"]});
    let table: [(&Value, &[u8], &str, u64); 20] = [
        (&json!({}), b"a=1&a=2", "duplicate", 4),
        (&json!({}), b"a=1&%61=2", "duplicate", 4),
        (&json!({}), b"a=1&&b=2", "syntax", 4),
        (&json!({}), b"a=1&", "syntax", 4),
        (&json!({}), b"a&", "syntax", 2),
        (&json!({}), b"&a=1", "syntax", 0),
        (&json!({}), b"=1", "syntax", 0),
        (&json!({}), b"a=%", "escape", 2),
        (&json!({}), b"a=%4", "escape", 2),
        (&json!({}), b"a=%zz", "escape", 2),
        (&json!({}), b"a=1;b=2", "semicolon", 3),
        (&json!({}), b"a=%ff", "utf8", 2),
        (&json!({}), b"%ff=1", "utf8", 0),
        (&json!({}), b"a=\xc3\xa9", "syntax", 2),
        (&json!({}), b"a=1\r\n", "syntax", 3),
        (&json!({}), b"a=%00", "nul", 2),
        (&long, b"abcd=1", "name-too-long", 3),
        (&long, b"abc=%41%41%41%41%41", "value-too-long", 16),
        (&long, b"a=1&b=2&c=3", "too-many-fields", 8),
        (&lists, b"a=1&b=2&c=3&c=4&d=5", "undeclared", 16),
    ];
    for (config, body, reason, at) in table {
        let expected = Some((reason, Place::Offset(at)));
        assert_eq!(
            judged(config, body),
            expected,
            "{}",
            String::from_utf8_lossy(body)
        );
    }
    assert_eq!(judged(&lists, "a=1&b=2&c=3&c=4"), None);
    assert_eq!(
        judged(&lists, "a=1&c=3"),
        Some(("missing-field", Place::Parameter("b".into())))
    );
}

#[test]
fn lists_that_contradict_each_other_are_problems() {
    let wrong = [
        (json!({"allowed": []}), "allowed"),
        (json!({"allowed": ["a"], "required": ["b"]}), "required"),
        (json!({"allowed": ["a"], "repeated": ["b"]}), "repeated"),
        (json!({"required": ["abcd"], "name": "3B"}), "required"),
        (json!({"required": ["a", "b"], "fields": 1}), "fields"),
        (json!({"fields": 0}), "fields"),
        (json!({"value": "0B"}), "value"),
        (json!({"body-at-most": "17MiB"}), "body-at-most"),
    ];
    for (config, path) in wrong {
        let problems = Trial::try_build::<Form>(&config, &mut TrialHost::new()).unwrap_err();
        let paths: Vec<_> = problems
            .iter()
            .map(|problem| problem.path().unwrap_or_default())
            .collect();
        assert_eq!(paths, [path], "{config}");
    }
}

/// Text as browsers write it in forms.
fn encoded(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'*' | b'-' | b'.' | b'_' => {
                char::from(byte).to_string()
            }
            b' ' => "+".to_owned(),
            _ => format!("%{byte:02X}"),
        })
        .collect()
}

proptest! {
    #[test]
    fn what_browsers_send_passes(pairs in prop::collection::btree_map("[^\0]{1,8}", "[^\0]{0,20}", 1..20)) {
        let body: Vec<_> = pairs.iter().map(|(name, value)| encoded(name) + "=" + &encoded(value)).collect();
        prop_assert_eq!(judged(&json!({}), body.join("&")), None);
    }

    #[test]
    fn whatever_comes_is_judged(body in prop::collection::vec(prop_oneof![any::<u8>(), prop::sample::select(b"a=&%+41".to_vec())], 1..200)) {
        judged(&json!({}), body);
    }
}
