//! Tests of the `security-headers` filter.

use std::sync::Arc;

use adamant_filter::TlsFacts;
use adamant_filter::serde_json::{Value, json};
use adamant_filter::trial::{Trial, TrialHost};
use pingora_http::ResponseHeader;

use super::*;

fn answered(config: &Value, tls: bool, sent: &[(&'static str, &'static str)]) -> BTreeMap<String, String> {
    let trial = Trial::of::<SecurityHeaders>(config);
    let mut request = trial.prepare(Request::build(Method::GET, "/").unwrap());
    request.origin_mut().tls = tls.then(|| Arc::new(TlsFacts::default()));
    let mut head = ResponseHeader::build_no_case(200, None).unwrap();
    for (name, value) in sent {
        head.append_header(*name, *value).unwrap();
    }
    assert!(matches!(
        trial.response(&request, &mut head, false),
        Verdict::Pass
    ));
    let fields = head.headers.iter();
    fields
        .map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()))
        .collect()
}

#[test]
fn a_profile_sets_its_fields_and_what_the_file_changes() {
    let config = json!({
        "profile": "site", "existing": "replace", "leave-out": ["permissions-policy"],
        "set": {"x-frame-options": "DENY"},
        "strict-transport": {"max-age": "730d", "include-subdomains": true, "preload": true},
    });
    let fields = answered(
        &config,
        true,
        &[("x-frame-options", "ALLOWALL"), ("referrer-policy", "unsafe-url")],
    );
    assert_eq!(fields["x-frame-options"], "DENY");
    assert_eq!(fields["referrer-policy"], "strict-origin-when-cross-origin");
    assert_eq!(
        fields["strict-transport-security"],
        "max-age=63072000; includeSubDomains; preload"
    );
    assert!(!fields.contains_key("permissions-policy"));
    assert_eq!(fields.len(), 7);
}

#[test]
fn what_is_there_stays_where_the_file_says_so_and_tls_is_asked_for_over_tls_alone() {
    let config = json!({"profile": "api", "existing": "keep"});
    let fields = answered(&config, false, &[("x-frame-options", "SAMEORIGIN")]);
    assert_eq!(fields["x-frame-options"], "SAMEORIGIN");
    assert_eq!(fields["x-content-type-options"], "nosniff");
    assert!(!fields.contains_key("strict-transport-security"));
    assert_eq!(
        answered(&config, true, &[])["strict-transport-security"],
        "max-age=31536000"
    );
    let without = json!({"profile": "api", "existing": "keep", "leave-out": ["strict-transport-security"]});
    assert!(!answered(&without, true, &[]).contains_key("strict-transport-security"));
}

#[test]
fn what_browsers_would_not_take_is_refused_at_boot() {
    let with = |key: &str, value: Value| {
        let mut config = json!({"profile": "api", "existing": "keep"});
        config[key] = value;
        config
    };
    for config in [
        with("set", json!({"x-a": "1"})),
        with("set", json!({"referrer-policy": ""})),
        with("set", json!({"referrer-policy": "a\nb"})),
        with("leave-out", json!(["x-a"])),
        with("leave-out", json!(["permissions-policy"])),
        with("strict-transport", json!({"preload": true})),
        with(
            "strict-transport",
            json!({"preload": true, "include-subdomains": true, "max-age": "30d"}),
        ),
        json!({"profile": "api", "existing": "keep", "set": {"referrer-policy": "origin"}, "leave-out": ["referrer-policy"]}),
        json!({"profile": "api"}),
        json!({"existing": "keep"}),
    ] {
        assert!(
            Trial::try_build::<SecurityHeaders>(&config, &mut TrialHost::new()).is_err(),
            "{config}"
        );
    }
}
