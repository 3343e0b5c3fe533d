//! The filter without an issuer: sessions, redirects, and files that do not load. The whole way of a browser is
//! shown by black-box tests.

mod configuration;
mod sessions;

use adamant_filter::Host as _;
use adamant_filter::serde_json::{Value, json};
use adamant_filter::trial::{Trial, TrialHost};

use super::*;

const JWKS: &str = r#"{"keys":[{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}]}"#;

/// Milliseconds of the wall clock in these tests: 2026-11-24T00:00:00Z.
const NOW: u64 = 1_795_478_400_000;

const MINUTE: u64 = 60_000;

fn config() -> Value {
    json!({
        "issuer": "https://id.test/",
        "endpoints": {"authorization": "https://id.test/authorize?p=1", "token": "https://id.test/token"},
        "client": "app",
        "secret": {"env": "CLIENT"},
        "keys": {"file": "jwks.json"},
        "algorithms": ["ES256"],
        "origin": "https://app.test",
        "logout": "/logout",
        "session": {"secret": {"env": "COOKIES"}},
    })
}

fn with(mut value: Value, member: &str, to: impl Into<Value>) -> Value {
    value[member] = to.into();
    value
}

fn secret_of(name: &str) -> SecretRef {
    SecretRef::Env(name.to_owned())
}

fn host() -> TrialHost {
    TrialHost::new()
        .with_file("jwks.json", JWKS)
        .with_secret(secret_of("CLIENT"), b"client secret")
        .with_secret(secret_of("COOKIES"), &[7; 32])
        .with_secret(secret_of("SHORT"), &[7; 31])
}

fn trial() -> Trial {
    Trial::with_host::<OidcLogin>(&config(), &mut host())
}

fn get(target: &str) -> Request {
    Request::build(Method::GET, target)
        .unwrap()
        .at(Tick(0), Wall(NOW))
        .with_header("host", "app.test")
}

fn page(target: &str) -> Request {
    get(target).with_header("accept", "text/html")
}

/// A field of an answer.
fn field<'f>(fields: &'f Fields, name: &HeaderName) -> Option<&'f str> {
    let found = fields.iter().find(|(field, _)| field == name);
    found.and_then(|(_, value)| value.to_str().ok())
}

fn reply(verdict: Verdict) -> Reply {
    match verdict {
        Verdict::Reply(reply) => *reply,
        other => panic!("expected an answer: {other:?}"),
    }
}

#[test]
fn a_page_without_a_session_is_a_redirect_to_the_issuer() {
    let trial = trial();
    let answer = reply(trial.request(page("/orders?page=2")).verdict);
    assert_eq!(answer.status, 302);
    let location = field(&answer.fields, &LOCATION).unwrap();
    assert!(
        location.starts_with("https://id.test/authorize?p=1&response_type=code&client_id=app&"),
        "{location}"
    );
    let other = reply(trial.request(page("/orders?page=2")).verdict);
    assert_ne!(
        field(&other.fields, &LOCATION),
        Some(location),
        "no two logins are the same"
    );
    for spelling in ["APP.test", "app.test:443"] {
        let request = Request::build(Method::GET, "/")
            .unwrap()
            .with_header("host", spelling);
        let answer = trial.request(request.with_header("accept", "text/html"));
        assert_eq!(reply(answer.verdict).status, 302, "{spelling}");
    }
    for other in ["other.test", "app.test:80", "app.test.evil.test", ""] {
        let request = Request::build(Method::GET, "/")
            .unwrap()
            .with_header("host", other);
        let answer = trial.request(request.with_header("accept", "text/html"));
        answer.denied("oidc-login.other-host");
    }
}

#[test]
fn without_secrets_nothing_is_decided() {
    let mut host = TrialHost::new().with_file("jwks.json", JWKS);
    let trial = Trial::with_host::<OidcLogin>(&config(), &mut host);
    trial.request(get("/")).denied("oidc-login.missing");
    for request in [
        page("/"),
        get("/").with_header("cookie", "__Host-session=x"),
        get("/callback?code=a&state=b"),
    ] {
        let Verdict::Fault(fault) = trial.request(request).verdict else {
            panic!("a secret that is not there decides nothing")
        };
        assert_eq!(fault.reason.code(), "key-withheld");
    }
}

#[test]
fn until_the_issuer_was_asked_the_gateway_is_not_ready() {
    let answer = |body: &str| adamant_filter::Answer {
        status: StatusCode::OK,
        fields: Vec::new(),
        body: body.to_owned().into(),
    };
    let mut host = host();
    let mut config = config();
    config.as_object_mut().unwrap().remove("endpoints");
    let trial = Trial::with_host::<OidcLogin>(&config, &mut host);
    let undiscovered = || {
        let Verdict::Fault(fault) = trial.request(page("/")).verdict else {
            panic!("nobody knows where to send a browser")
        };
        fault.reason.code()
    };
    host.tick(Tick(0));
    assert!(!host.is_ready());
    assert_eq!(undiscovered(), "undiscovered");
    host.answer("https://id.test", Some(answer("{}")));
    host.tick(Tick(0));
    assert!(!host.is_ready());
    let document = r#"{"issuer":"https://id.test/","authorization_endpoint":"https://id.test/a","token_endpoint":"https://id.test/t"}"#;
    host.answer("https://id.test", Some(answer(document)));
    host.tick(Tick(0));
    assert!(host.is_ready());
    let reply = reply(trial.request(page("/")).verdict);
    assert!(
        field(&reply.fields, &LOCATION)
            .unwrap()
            .starts_with("https://id.test/a?")
    );
    let calls = host.calls("https://id.test");
    host.tick(Tick(0));
    assert_eq!(
        host.calls("https://id.test"),
        calls,
        "it is asked until it has answered"
    );
}
