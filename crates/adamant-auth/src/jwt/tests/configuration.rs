//! What the file may say under `jwt`, what it must say, and that equal meaning is written equally.

use super::*;

fn told(config: &Value, host: &mut TrialHost) -> (String, Option<String>) {
    let problems = Trial::try_build::<Jwt>(config, host).unwrap_err();
    let first = problems.iter().next().unwrap();
    (first.to_string(), first.path().map(str::to_owned))
}

#[test]
fn issuer_audience_algorithms_and_type_have_no_default() {
    for member in ["keys", "issuer", "audience", "algorithms", "type"] {
        let mut config = config();
        config.as_object_mut().unwrap().remove(member);
        let (message, _) = told(&config, &mut host());
        assert!(message.contains(member), "{member}: {message}");
    }
}

#[test]
fn what_could_never_work_or_would_protect_nothing_is_a_problem() {
    let cases = [
        ("algorithms", json!([])),
        ("algorithms", json!(["ES256", "HS256"])),
        ("algorithms", json!(["HS256"])),
        ("issuer", json!("")),
        ("audience", json!([""])),
        ("consumer", json!("")),
        ("scopes", json!("")),
        ("skew", json!("301s")),
        ("lifetime", json!("0s")),
        ("header", json!("a b")),
        ("cookie", json!("a;b")),
        ("query", json!("a&b")),
        ("realm", json!("a\"b")),
    ];
    for (member, value) in cases {
        let (message, path) = told(&with(config(), member, value.clone()), &mut host());
        let path = path.unwrap();
        assert!(path.starts_with(member), "{member} {value}: {path}: {message}");
    }
    for (member, value) in [
        ("algorithms", json!(["none"])),
        ("type", json!("JWT")),
        ("keys", json!({"link": "x"})),
    ] {
        assert!(
            Trial::try_build::<Jwt>(&with(config(), member, value), &mut host()).is_err(),
            "{member}"
        );
    }
    let two = with(with(config(), "cookie", "a"), "query", "b");
    assert!(told(&two, &mut host()).0.contains("exactly one place"));
}

#[test]
fn keys_that_cannot_serve_are_problems_of_the_step() {
    let keys = |source: Value, algorithm: &str| {
        with(with(config(), "keys", source), "algorithms", json!([algorithm]))
    };
    let secret = SecretRef::Env("KEY".to_owned());
    let host = || {
        TrialHost::new()
            .with_file("key.pem", P256_PUBLIC)
            .with_file("private.pem", P256_KEY)
            .with_file("empty.json", r#"{"keys":[]}"#)
            .with_file("secret.json", r#"{"keys":[{"kty":"oct","k":"AQAB"}]}"#)
            .with_secret(secret.clone(), &[7; 31])
    };
    let cases = [
        (keys(json!({"pem": "key.pem"}), "RS256"), "keys.pem", "algorithms"),
        (
            keys(json!({"pem": "private.pem"}), "ES256"),
            "keys.pem",
            "PRIVATE KEY",
        ),
        (
            keys(json!({"file": "empty.json"}), "ES256"),
            "keys.file",
            "no usable key",
        ),
        (
            keys(json!({"file": "secret.json"}), "ES256"),
            "keys.file",
            "secret part",
        ),
        (keys(json!({"file": "key.pem"}), "ES256"), "keys.file", "JSON"),
        (
            keys(json!({"secret": {"env": "KEY"}}), "ES256"),
            "algorithms",
            "HS256",
        ),
        (
            keys(json!({"secret": {"env": "KEY"}}), "HS256"),
            "keys.secret",
            "31 bytes",
        ),
    ];
    for (config, path, part) in cases {
        let (message, at) = told(&config, &mut host());
        assert_eq!(at.as_deref(), Some(path), "{message}");
        assert!(message.contains(part), "{message}");
    }
    assert!(Trial::try_build::<Jwt>(&keys(json!({"pem": "absent.pem"}), "ES256"), &mut host()).is_err());
}

#[expect(clippy::too_many_lines, reason = "a table of cases")]
#[test]
fn keys_have_one_source_and_only_its_terms() {
    let url = "https://id.test/keys";
    let cases = [
        (json!({}), "keys", "no source"),
        (json!({"file": "a", "pem": "b"}), "keys", "exactly one"),
        (json!({"url": url, "secret": {"env": "A"}}), "keys", "exactly one"),
        (
            json!({"pem": "key.pem", "refresh": "1m"}),
            "keys.refresh",
            "only keys from a `url`",
        ),
        (
            json!({"pem": "key.pem", "at-boot": "deny"}),
            "keys.at-boot",
            "only keys from a `url`",
        ),
        (json!({"at-boot": "deny"}), "keys", "no source"),
        (json!({"url": "id.test"}), "keys.url", "not the URL"),
        (json!({"url": "ftp://id.test/"}), "keys.url", "not the URL"),
        (json!({"url": "https://a:b@id.test/"}), "keys.url", "with a user"),
        (
            json!({"url": url, "refresh": "999ms"}),
            "keys.refresh",
            "not between",
        ),
        (json!({"url": url, "refresh": "24h"}), "keys.refresh", "too old"),
        (
            json!({"url": url, "refresh": "1m", "stale-for": "1m"}),
            "keys.refresh",
            "too old",
        ),
        (
            json!({"url": url, "cool-down": "0s"}),
            "keys.cool-down",
            "not between",
        ),
        (
            json!({"url": url, "stale-for": "31d"}),
            "keys.stale-for",
            "not between",
        ),
        (
            json!({"url": url, "timeout": "61s"}),
            "keys.timeout",
            "not between",
        ),
    ];
    for (keys, path, part) in cases {
        let (message, at) = told(&with(config(), "keys", keys.clone()), &mut host());
        assert_eq!(at.as_deref(), Some(path), "{keys}: {message}");
        assert!(message.contains(part), "{keys}: {message}");
    }
    let shared = with(
        with(config(), "keys", json!({"url": url})),
        "algorithms",
        json!(["HS256"]),
    );
    assert!(told(&shared, &mut host()).0.contains("shared secret"));
    assert!(
        Trial::try_build::<Jwt>(
            &with(config(), "keys", json!({"url": url, "at-boot": "allow"})),
            &mut host()
        )
        .is_err()
    );
}

#[test]
fn senders_prove_themselves_by_something_that_can_be_checked() {
    let dpop = json!({"origins": "https://a.test", "algorithms": ["ES256"]});
    let cases = [
        (json!({}), "sender", "nothing by which"),
        (json!({"certificate": false}), "sender", "nothing by which"),
        (
            with(dpop.clone(), "origins", "a.test"),
            "sender.dpop.origins[0]",
            "not an origin",
        ),
        (
            with(dpop.clone(), "origins", "https://a.test/b"),
            "sender.dpop.origins[0]",
            "not an origin",
        ),
        (
            with(dpop.clone(), "algorithms", json!([])),
            "sender.dpop.algorithms",
            "do not share",
        ),
        (
            with(dpop.clone(), "algorithms", json!(["HS256"])),
            "sender.dpop.algorithms",
            "do not share",
        ),
        (
            with(dpop.clone(), "within", "301s"),
            "sender.dpop.within",
            "not between",
        ),
        (
            with(dpop.clone(), "remember", 0),
            "sender.dpop.remember",
            "sent again",
        ),
    ];
    for (sender, path, part) in cases {
        let sender = if path == "sender" {
            sender
        } else {
            json!({ "dpop": sender })
        };
        let (message, at) = told(&with(config(), "sender", sender.clone()), &mut host());
        assert!(at.is_some_and(|at| at.starts_with(path)), "{sender}: {message}");
        assert!(message.contains(part), "{sender}: {message}");
    }
    let elsewhere = with(
        with(config(), "sender", json!({ "dpop": dpop })),
        "cookie",
        "token",
    );
    assert_eq!(told(&elsewhere, &mut host()).1.as_deref(), Some("sender.dpop"));
}

#[test]
fn equal_meaning_is_written_equally() {
    let canonical = |config: &Value| serde_json::to_value(parse(config)).unwrap();
    let pairs = [
        (json!({"audience": "orders"}), json!({"audience": ["orders"]})),
        (
            json!({"audience": ["b", "a"]}),
            json!({"audience": ["a", "b", "a"]}),
        ),
        (
            json!({"algorithms": ["RS256", "ES256"]}),
            json!({"algorithms": ["ES256", "RS256"]}),
        ),
        (json!({}), json!({"header": "Authorization"})),
        (json!({"header": "X-Token"}), json!({"header": "x-token"})),
        (
            json!({}),
            json!({"skew": "1m", "consumer": "sub", "scopes": "scope", "forward": false}),
        ),
        (json!({}), json!({"remember": 20000, "realm": "api"})),
        (
            json!({"keys": {"url": "https://id.test/"}}),
            json!({"keys": {"url": "https://id.test/", "cool-down": "30s", "stale-for": "1d", "timeout": "5s", "at-boot": "wait"}}),
        ),
        (
            json!({"sender": {"dpop": {"origins": "https://a.test", "algorithms": ["ES256", "EdDSA"]}}}),
            json!({"sender": {"certificate": false, "dpop": {
                "origins": ["https://a.test"], "algorithms": ["EdDSA", "ES256"], "within": "1m", "remember": 100_000,
            }}}),
        ),
    ];
    for (one, other) in pairs {
        let both = [one, other].map(|members| {
            let members = members.as_object().unwrap().clone();
            canonical(
                &members
                    .into_iter()
                    .fold(config(), |all, (name, value)| with(all, &name, value)),
            )
        });
        assert_eq!(both[0], both[1]);
        assert_eq!(
            canonical(&both[0]),
            both[0],
            "the canonical form is a configuration too"
        );
    }
    assert_ne!(
        canonical(&config()),
        canonical(&with(config(), "cookie", "session"))
    );
}

fn parse(config: &Value) -> JwtConfig {
    adamant_filter::decode(&adamant_filter::Node::from_json(config)).unwrap()
}
