//! Answers that are believed, answers that are not, and for how long.

use std::sync::Mutex;

use adamant_filter::serde_json::{Value, json};
use adamant_filter::trial::{Outcome, Trial, TrialHost};
use adamant_filter::{Answer, Call, Consumer, Consumers, Fault, KnownBy, Pending, RequestHook, Transport};

use super::*;

/// Seconds since 1970 at second 0 of each test.
const START: u64 = 1_795_478_400;

const ORIGIN: &str = "https://id.test";

/// The authorization server.
#[derive(Default)]
struct Server {
    answer: Mutex<Option<Answer>>,
    calls: Mutex<Vec<Call>>,
}

impl Transport for Server {
    fn call(&self, call: Call) -> Pending<'_, Result<Answer, Fault>> {
        self.calls.lock().unwrap().push(call);
        let answer = self.answer.lock().unwrap().clone();
        let fault = Fault {
            reason: &adamant_filter::offline::NO_ANSWER,
        };
        Box::pin(std::future::ready(answer.ok_or(fault)))
    }
}

impl Server {
    fn says(&self, body: &Value) {
        self.answers(200, "application/json", &body.to_string());
    }

    fn answers(&self, status: u16, content_type: &'static str, body: &str) {
        *self.answer.lock().unwrap() = Some(Answer {
            status: StatusCode::from_u16(status).unwrap(),
            fields: vec![(
                HeaderName::from_static("content-type"),
                HeaderValue::from_static(content_type),
            )],
            body: body.to_owned().into(),
        });
    }

    fn is_silent(&self) {
        *self.answer.lock().unwrap() = None;
    }

    fn calls(&self) -> usize {
        self.calls.lock().unwrap().len()
    }
}

fn active() -> Value {
    json!({"active": true, "iss": "https://id.test/", "aud": "orders", "sub": "acme", "scope": "a b",
        "exp": START + 3600, "nbf": START - 10})
}

fn with(mut value: Value, member: &str, to: impl Into<Value>) -> Value {
    value[member] = to.into();
    value
}

fn config() -> Value {
    json!({"url": "https://id.test/introspect", "client": {"id": "gate way", "secret": {"env": "S"}},
        "issuer": "https://id.test/", "audience": ["orders", "bills"], "active-for": "30s"})
}

struct Bench {
    server: Arc<Server>,
    trial: Trial,
}

fn host(server: &Arc<Server>) -> TrialHost {
    TrialHost::new()
        .with_service(ORIGIN, Arc::clone(server) as Arc<dyn Transport>)
        .with_secret(SecretRef::Env("S".to_owned()), b"p\xc3\xa4ss:")
}

fn bench(config: &Value) -> Bench {
    let server = Arc::new(Server::default());
    server.says(&active());
    let trial = Trial::with_host::<Introspection>(config, &mut host(&server));
    Bench { server, trial }
}

fn request(second: u64, token: &str) -> Request {
    Request::build(Method::GET, "/")
        .unwrap()
        .at(Tick(second * 1_000_000_000), Wall((START + second) * 1000))
        .with_header("authorization", &format!("Bearer {token}"))
}

impl Bench {
    fn ask(&self, second: u64, token: &str) -> Outcome {
        self.trial.request(request(second, token))
    }

    /// Whether memory alone has the answer.
    fn knows(&self, second: u64, token: &str) -> bool {
        let mut request = self.trial.prepare(request(second, token));
        match self.trial.built().wired.request.as_slice() {
            [RequestHook::Either(quick, _)] => quick(&mut request).is_some(),
            other => panic!("{other:?}"),
        }
    }
}

fn fault(outcome: &Outcome) -> &'static str {
    match outcome.verdict {
        Verdict::Fault(fault) => fault.reason.code(),
        ref other => panic!("expected a fault: {other:?}"),
    }
}

#[test]
fn an_active_token_proves_its_consumer_and_is_taken_away() {
    for (forward, is_left) in [(false, false), (true, true)] {
        let bench = bench(&with(config(), "forward", forward));
        for _ in 0..2 {
            let mut request = bench.trial.prepare(request(0, "abc"));
            assert!(matches!(bench.trial.ask(&mut request), Verdict::Pass));
            let identity: &Identity = request.slot(0).unwrap();
            assert_eq!(
                (identity.method(), identity.issuer(), identity.consumer()),
                ("introspection", "https://id.test/", "acme")
            );
            assert!(identity.has_scope("a") && identity.has_scope("b"));
            assert_eq!(identity.claim("aud"), Some(&Value::from("orders")));
            let authorization = HeaderName::from_static("authorization");
            assert_eq!(request.header(&authorization).is_some(), is_left);
        }
        assert_eq!(bench.server.calls(), 1);
    }
}

#[test]
fn a_question_is_a_form_from_a_known_client() {
    let fields = |call: &Call| -> Vec<(String, String)> {
        let text = |(name, value): &(HeaderName, HeaderValue)| {
            (name.to_string(), value.to_str().unwrap().to_owned())
        };
        call.fields.iter().map(text).collect()
    };
    let form = (
        "content-type".to_owned(),
        "application/x-www-form-urlencoded".to_owned(),
    );
    let accept = ("accept".to_owned(), "application/json".to_owned());
    let call = |by: &str| {
        let client = with(config()["client"].clone(), "by", by);
        let bench = bench(&with(config(), "client", client));
        bench.ask(0, "a+b/c~=").passes();
        bench.server.calls.lock().unwrap()[0].clone()
    };
    let basic = call("basic");
    assert_eq!(
        (basic.method.as_str(), basic.target.as_str()),
        ("POST", "/introspect")
    );
    assert_eq!(basic.body, "token=a%2Bb%2Fc%7E%3D&token_type_hint=access_token");
    // `gate+way:p%C3%A4ss%3A`.
    let authorization = (
        "authorization".to_owned(),
        "Basic Z2F0ZSt3YXk6cCVDMyVBNHNzJTNB".to_owned(),
    );
    assert_eq!(fields(&basic), [form.clone(), accept.clone(), authorization]);
    assert!(
        !format!("{basic:?}").contains("Z2F0"),
        "the secret is not printed"
    );
    let body = call("body");
    assert_eq!(
        body.body,
        "token=a%2Bb%2Fc%7E%3D&token_type_hint=access_token&client_id=gate+way&client_secret=p%C3%A4ss%3A"
    );
    assert_eq!(fields(&body), [form, accept]);
}

#[test]
fn what_the_server_says_is_checked_here_too() {
    let without = |member: &str| {
        let mut answer = active();
        answer.as_object_mut().unwrap().remove(member);
        answer
    };
    let cases = [
        (json!({"active": false}), "inactive"),
        (json!({}), "inactive"),
        (with(active(), "active", "true"), "inactive"),
        (with(active(), "active", 1), "inactive"),
        (with(active(), "iss", "https://id.test"), "issuer"),
        (without("iss"), "issuer"),
        (with(active(), "aud", "other"), "audience"),
        (with(active(), "aud", json!(["other"])), "audience"),
        (with(active(), "aud", json!({"orders": 1})), "audience"),
        (without("aud"), "audience"),
        (with(active(), "exp", START - 60), "expired"),
        (with(active(), "nbf", START + 61), "not-yet-valid"),
        (with(active(), "exp", "soon"), "claims"),
        (with(active(), "exp", -1), "claims"),
        (without("sub"), "claims"),
        (with(active(), "sub", 7), "claims"),
        (with(active(), "sub", ""), "claims"),
        (with(active(), "scope", 7), "claims"),
        (with(active(), "scope", json!(["a", 7])), "claims"),
        (with(active(), "cnf", json!({"jkt": "a"})), "binding-unchecked"),
        (
            with(active(), "cnf", json!({"x5t#S256": "a"})),
            "binding-unchecked",
        ),
        (with(active(), "cnf", json!({})), "binding-unchecked"),
        (with(active(), "cnf", "a"), "binding-unchecked"),
        (with(active(), "cnf", Value::Null), ""),
        (with(active(), "aud", json!(["other", "bills"])), ""),
        (with(active(), "exp", START - 59), ""),
        (with(active(), "nbf", START + 60), ""),
        (with(active(), "exp", START as f64 + 0.5), ""),
        (with(active(), "scope", json!(["a"])), ""),
        (without("scope"), ""),
        (without("exp"), ""),
        (without("nbf"), ""),
    ];
    for (answer, code) in cases {
        let bench = bench(&config());
        bench.server.says(&answer);
        let outcome = bench.ask(0, "abc");
        if code.is_empty() {
            outcome.passes();
            continue;
        }
        let denial = outcome.denied(&format!("introspection.{code}"));
        assert_eq!(denial.reason.status(), 401, "{answer}");
        assert_eq!(
            denial.fields[0].1,
            "Bearer realm=\"api\", error=\"invalid_token\""
        );
        assert!(bench.knows(4, "abc") && !bench.knows(5, "abc"), "{answer}");
    }
}

#[test]
fn anything_but_a_whole_answer_is_a_fault_and_is_not_remembered() {
    let good = active().to_string();
    let twice = good.replacen('{', "{\"active\":true,", 1);
    let cases: [(u16, &'static str, &str); 9] = [
        (201, "application/json", &good),
        (204, "application/json", ""),
        (302, "application/json", &good),
        (401, "application/json", "{\"active\":false}"),
        (500, "application/json", "{\"active\":false}"),
        (200, "text/html", &good),
        (200, "application/token-introspection+jwt", &good),
        (200, "application/json", "[true]"),
        (200, "application/json", &twice),
    ];
    for (status, content_type, body) in cases {
        let bench = bench(&config());
        bench.server.answers(status, content_type, body);
        assert_eq!(
            fault(&bench.ask(0, "abc")),
            "bad-answer",
            "{status} {content_type} {body}"
        );
        assert!(!bench.knows(0, "abc"));
    }
    let bench = bench(&config());
    bench.server.is_silent();
    assert_eq!(fault(&bench.ask(0, "abc")), "no-answer");
    bench.server.answers(200, "Application/JSON;charset=utf-8", &good);
    bench.ask(0, "abc").passes();
    assert_eq!(bench.server.calls(), 2);
}

#[test]
fn a_token_is_believed_for_the_stated_time_and_not_beyond_its_end() {
    let cases = [
        ("30s", START + 3600, 30),
        ("1h", START + 7, 7),
        ("30s", START + 30, 30),
        ("0s", START + 3600, 0),
        ("30s", START - 1, 0),
    ];
    for (active_for, exp, good_for) in cases {
        let bench = bench(&with(config(), "active-for", active_for));
        bench.server.says(&with(active(), "exp", exp));
        bench.ask(0, "abc").passes();
        assert_eq!(
            good_for > 0 && bench.knows(good_for - 1, "abc"),
            good_for > 0,
            "{active_for} {exp}"
        );
        assert!(!bench.knows(good_for, "abc"), "{active_for} {exp}");
    }
}

#[test]
fn a_revoked_token_passes_no_longer_than_it_is_believed() {
    let bench = bench(&with(config(), "active-for", "2s"));
    bench.ask(0, "abc").passes();
    bench.server.says(&json!({"active": false}));
    bench.ask(1, "abc").passes();
    bench.ask(2, "abc").denied("introspection.inactive");
    // And one that is granted again is found out as fast.
    bench.server.says(&active());
    bench.ask(6, "abc").denied("introspection.inactive");
    bench.ask(7, "abc").passes();
    assert_eq!(bench.server.calls(), 3);
}

#[test]
fn what_is_known_of_a_token_is_known_of_no_other() {
    let bench = bench(&config());
    bench.ask(0, "abc").passes();
    bench.server.says(&with(active(), "sub", "other"));
    let mut request = bench.trial.prepare(request(0, "abcd"));
    assert!(matches!(bench.trial.ask(&mut request), Verdict::Pass));
    assert_eq!(request.slot::<Identity>(0).unwrap().consumer(), "other");
    assert_eq!(bench.server.calls(), 2);
}

#[test]
fn invented_tokens_push_no_good_one_out() {
    let bench = bench(&with(config(), "remember", 64));
    bench.ask(0, "abc").passes();
    bench.server.says(&json!({"active": false}));
    for number in 0..2000 {
        bench
            .ask(0, &format!("invented-{number}"))
            .denied("introspection.inactive");
    }
    assert!(bench.knows(0, "abc"));
}

#[test]
fn a_credential_that_is_no_token_is_not_asked_about() {
    let bench = bench(&config());
    let long = "x".repeat(TOKEN_MAX + 1);
    let cases = [
        ("a b", "unreadable", 400),
        ("", "unreadable", 400),
        (long.as_str(), "too-long", 401),
    ];
    for (token, code, status) in cases {
        let denial = bench.ask(0, token).denied(&format!("introspection.{code}"));
        assert_eq!(denial.reason.status(), status, "{code}");
    }
    let twice = request(0, "abc").with_header("authorization", "Bearer abc");
    bench.trial.request(twice).denied("introspection.several");
    let none = Request::build(Method::GET, "/").unwrap();
    let denial = bench.trial.request(none).denied("introspection.missing");
    assert_eq!(denial.fields[0].1, "Bearer realm=\"api\"");
    bench.ask(0, &"x".repeat(TOKEN_MAX)).passes();
    assert_eq!(bench.server.calls(), 1);
}

#[test]
fn the_consumer_is_read_from_the_named_member_and_stands_for_that_of_the_file() {
    let server = Arc::new(Server::default());
    server.says(&with(active(), "client_id", "app-1"));
    let known = KnownBy {
        method: "introspection",
        issuer: "https://id.test/introspect",
        name: "app-1",
    };
    let acme = Consumer {
        name: "acme".into(),
        ..Consumer::default()
    };
    let mut host = host(&server).with_consumers(Consumers::new(Vec::new(), [(known, Arc::new(acme))]));
    let mut config = with(with(config(), "consumer", "client_id"), "any-audience", true);
    for key in ["issuer", "audience"] {
        config.as_object_mut().unwrap().remove(key);
    }
    let trial = Trial::with_host::<Introspection>(&config, &mut host);
    let mut request = trial.prepare(request(0, "abc"));
    assert!(matches!(trial.ask(&mut request), Verdict::Pass));
    let identity: &Identity = request.slot(0).unwrap();
    assert_eq!((identity.consumer(), identity.subject()), ("acme", "app-1"));
}

#[test]
fn offline_nobody_answers() {
    let trial = Trial::with_host::<Introspection>(&config(), &mut TrialHost::new());
    assert_eq!(fault(&trial.request(request(0, "abc"))), "no-answer");
}

#[test]
fn settings_that_mislead_are_problems() {
    let cases = [
        ("url", json!("id.test"), "url"),
        ("timeout", json!("0s"), "timeout"),
        ("timeout", json!("31s"), "timeout"),
        ("client", json!({"id": "", "secret": {"env": "S"}}), "client.id"),
        ("issuer", json!(""), "issuer"),
        ("audience", json!([""]), "audience"),
        ("any-audience", json!(true), "any-audience"),
        ("consumer", json!(""), "consumer"),
        ("scopes", json!(""), "scopes"),
        ("skew", json!("6m"), "skew"),
        ("active-for", json!("2h"), "active-for"),
        ("inactive-for", json!("11s"), "inactive-for"),
        ("remember", json!(0), "remember"),
        ("at-once", json!(0), "at-once"),
        ("at-once", json!(1001), "at-once"),
        ("header", json!("a b"), "header"),
        ("realm", json!(""), "realm"),
    ];
    for (key, value, path) in cases {
        let server = Arc::new(Server::default());
        let config = with(config(), key, value.clone());
        let problems = Trial::try_build::<Introspection>(&config, &mut host(&server)).unwrap_err();
        assert_eq!(problems.iter().next().unwrap().path(), Some(path), "{value}");
    }
    let mut config = config();
    config.as_object_mut().unwrap().remove("audience");
    let problems = Trial::try_build::<Introspection>(&config, &mut host(&Arc::default())).unwrap_err();
    assert_eq!(problems.iter().next().unwrap().path(), Some("audience"));
    config.as_object_mut().unwrap().remove("active-for");
    assert!(Trial::try_build::<Introspection>(&config, &mut host(&Arc::default())).is_err());
}
