//! Files that do not load, with the key at fault.

use super::*;

fn problem(config: &Value) -> String {
    match Trial::try_build::<OidcLogin>(config, &mut host()) {
        Ok(_) => "loads".to_owned(),
        Err(problems) => format!("{problems:?}"),
    }
}

/// A key, another value of it, and a part of what is told.
type Cases = Vec<(&'static str, Value, &'static str)>;

fn judge(cases: Cases) {
    for (key, value, expected) in cases {
        let told = problem(&with(config(), key, value.clone()));
        assert!(
            told != "loads" && told.contains(expected),
            "{key}: {value}: {told}"
        );
    }
}

#[test]
fn an_issuer_has_places_and_keys() {
    judge(vec![
        ("issuer", json!(""), "issuer"),
        ("client", json!("a\nb"), "client"),
        (
            "endpoints",
            json!({"authorization": "http://id.test/a", "token": "https://id.test/t"}),
            "endpoints.authorization",
        ),
        (
            "endpoints",
            json!({"authorization": "https://id.test/a", "token": "/t"}),
            "endpoints.token",
        ),
        (
            "endpoints",
            json!({"authorization": "https://id.test/a"}),
            "token",
        ),
        ("keys", json!({}), "keys"),
        (
            "keys",
            json!({"file": "jwks.json", "url": "https://id.test/k"}),
            "keys",
        ),
        ("keys", json!({"file": "none.json"}), "none.json"),
    ]);
    let mut named = with(config(), "issuer", "accounts");
    named.as_object_mut().unwrap().remove("endpoints");
    assert!(
        problem(&named).contains("endpoints"),
        "an issuer without a place cannot be asked"
    );
    let loopback = with(config(), "origin", "http://127.0.0.1:8080");
    assert_eq!(problem(&loopback), "loads");
}

#[test]
fn words_and_paths_are_those_of_browsers() {
    assert_eq!(problem(&config()), "loads");
    judge(vec![
        ("algorithms", json!([]), "algorithms"),
        ("algorithms", json!(["none"]), "algorithms"),
        ("origin", json!("https://app.test/"), "origin"),
        ("origin", json!("https://App.test"), "origin"),
        ("origin", json!("https://app.test:443"), "origin"),
        ("origin", json!("http://app.test"), "origin"),
        ("origin", json!("app.test"), "origin"),
        ("callback", json!("callback"), "callback"),
        ("callback", json!("//evil.test"), "callback"),
        ("callback", json!("/a?b"), "callback"),
        ("logout", json!("/callback"), "logout"),
        ("logout", json!("/a\\b"), "logout"),
        ("ask", json!(["email"]), "openid"),
        ("ask", json!(["openid", "a b"]), "a b"),
        ("claims", json!(["sub"]), "claims"),
        ("skew", json!("10m"), "skew"),
        ("timeout", json!("0s"), "timeout"),
        ("timeout", json!("2m"), "timeout"),
        ("remember", json!(0), "remember"),
    ]);
}

#[test]
fn a_session_ends_and_is_well_kept() {
    let session = |member: &str, value: Value| with(json!({"secret": {"env": "COOKIES"}}), member, value);
    judge(vec![
        ("session", session("cookie", json!("session")), "session.cookie"),
        ("session", session("cookie", json!("__Host-")), "session.cookie"),
        (
            "session",
            session("cookie", json!("__Host-a b")),
            "session.cookie",
        ),
        ("session", session("absolute", json!("31d")), "session.absolute"),
        ("session", session("absolute", json!("10m")), "session.idle"),
        ("session", session("idle", json!("0s")), "session.idle"),
        (
            "session",
            session("previous", json!({"env": "COOKIES"})),
            "session.previous",
        ),
        (
            "session",
            session("previous", json!({"env": "SHORT"})),
            "session.previous",
        ),
        ("session", json!({"secret": {"env": "SHORT"}}), "session.secret"),
        ("session", json!({}), "secret"),
    ]);
}
