//! What is asked, and what the answers mean, by both filters that ask.

use std::net::IpAddr;
use std::sync::Mutex;

use adamant_filter::serde_json::{Value, json};
use adamant_filter::trial::{Trial, TrialHost};
use adamant_filter::{Consumer, Consumers, Fault, KnownBy, Pending, TlsFacts};

use super::*;
use crate::{ForwardAuth, ForwardCheck};

const ORIGIN: &str = "https://auth.test";

/// The service.
struct Service {
    answer: Result<Answer, Fault>,
    calls: Mutex<Vec<Call>>,
}

impl Transport for Service {
    fn call(&self, call: Call) -> Pending<'_, Result<Answer, Fault>> {
        self.calls.lock().unwrap().push(call);
        Box::pin(std::future::ready(self.answer.clone()))
    }
}

/// Header fields.
type Pairs<'p> = &'p [(&'static str, &'static str)];

fn service(status: u16, fields: Pairs<'_>) -> Arc<Service> {
    let field = |(name, value): &(&'static str, &'static str)| {
        (HeaderName::from_static(name), HeaderValue::from_static(value))
    };
    let answer = Answer {
        status: StatusCode::from_u16(status).unwrap(),
        fields: fields.iter().map(field).collect(),
        body: "not for anybody".into(),
    };
    Arc::new(Service {
        answer: Ok(answer),
        calls: Mutex::default(),
    })
}

fn host(service: &Arc<Service>) -> TrialHost {
    TrialHost::new().with_service(ORIGIN, Arc::clone(service) as Arc<dyn Transport>)
}

fn config(more: Value) -> Value {
    let mut config = json!({"url": "https://auth.test/verify?by=gateway"});
    config
        .as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    config
}

fn with_consumer(mut config: Value) -> Value {
    config["consumer"] = "X-User".into();
    config
}

fn request(fields: Pairs<'_>) -> Request {
    let request = Request::build(Method::PUT, "/orders/1?x=%20y&z").unwrap();
    let request = request.from_client(IpAddr::from([198, 51, 100, 7]));
    fields
        .iter()
        .fold(request, |request, (name, value)| request.with_header(name, value))
}

/// Asks `forward-check` once; the request afterwards, and the verdict.
fn check(more: Value, service: &Arc<Service>, sent: Pairs<'_>) -> (Request, Verdict) {
    let trial = Trial::with_host::<ForwardCheck>(&config(more), &mut host(service));
    let mut request = trial.prepare(request(sent));
    let verdict = trial.ask(&mut request);
    (request, verdict)
}

fn values<'r>(request: &'r Request, name: &str) -> Vec<&'r str> {
    let fields = request.headers().filter(|(field, _)| *field == name);
    fields.map(|(_, value)| value.to_str().unwrap()).collect()
}

fn texts(fields: &Fields) -> Vec<(&str, &str)> {
    fields
        .iter()
        .map(|(name, value)| (name.as_str(), value.to_str().unwrap()))
        .collect()
}

#[test]
fn the_service_learns_the_request_and_the_listed_fields_alone() {
    let service = service(200, &[]);
    let sent: Pairs<'_> = &[
        ("authorization", "Bearer abc"),
        ("cookie", "a=1"),
        ("cookie", "b=2"),
        ("x-secret", "no"),
        ("content-length", "5"),
        ("x-forwarded-uri", "/forged"),
        ("x-forwarded-method", "GET"),
    ];
    let (_, verdict) = check(json!({"send": ["Authorization", "cookie"]}), &service, sent);
    assert!(matches!(verdict, Verdict::Pass));
    let calls = service.calls.lock().unwrap();
    let call = &calls[0];
    assert_eq!(
        (call.method.as_str(), call.target.as_str()),
        ("GET", "/verify?by=gateway")
    );
    assert!(call.body.is_empty());
    assert_eq!(
        texts(&call.fields),
        [
            ("x-forwarded-method", "PUT"),
            ("x-forwarded-proto", "http"),
            ("x-forwarded-host", "example.test"),
            ("x-forwarded-uri", "/orders/1?x=%20y&z"),
            ("x-forwarded-for", "198.51.100.7"),
            ("authorization", "Bearer abc"),
            ("cookie", "a=1"),
            ("cookie", "b=2"),
        ]
    );
}

#[test]
fn a_tls_connection_is_told() {
    let service = service(200, &[]);
    let trial = Trial::with_host::<ForwardCheck>(&config(json!({})), &mut host(&service));
    let mut request = trial.prepare(request(&[]));
    request.origin_mut().tls = Some(Arc::new(TlsFacts::default()));
    assert!(matches!(trial.ask(&mut request), Verdict::Pass));
    let calls = service.calls.lock().unwrap();
    assert!(texts(&calls[0].fields).contains(&("x-forwarded-proto", "https")));
}

#[test]
fn taken_fields_are_those_of_the_service() {
    let take = json!({"take": ["X-User", "x-group", "x-none"]});
    let sent: Pairs<'_> = &[("x-user", "forged"), ("x-none", "forged"), ("x-other", "kept")];
    let said: Pairs<'_> = &[
        ("x-user", "acme"),
        ("x-group", "a"),
        ("x-group", "b"),
        ("x-more", "no"),
        ("x-other", "no"),
    ];
    let (request, verdict) = check(take.clone(), &service(200, said), sent);
    assert!(matches!(verdict, Verdict::Pass));
    for (name, expected) in [
        ("x-user", vec!["acme"]),
        ("x-group", vec!["a", "b"]),
        ("x-none", vec![]),
        ("x-more", vec![]),
        ("x-other", vec!["kept"]),
    ] {
        assert_eq!(values(&request, name), expected, "{name}");
    }
    // With `on-fault: pass` the request goes on, and the forged fields must not.
    let (request, verdict) = check(take, &service(500, said), sent);
    assert!(matches!(verdict, Verdict::Fault(_)));
    assert!(values(&request, "x-user").is_empty() && values(&request, "x-none").is_empty());
}

#[test]
fn credentials_end_here_unless_the_file_says_otherwise() {
    let sent: Pairs<'_> = &[
        ("authorization", "Bearer abc"),
        ("cookie", "a=1"),
        ("x-tenant", "t"),
    ];
    let cases: [(Value, [bool; 3]); 4] = [
        (
            json!({"send": ["authorization", "x-tenant"]}),
            [false, true, true],
        ),
        (json!({"send": ["authorization", "cookie"]}), [false, false, true]),
        (
            json!({"send": ["authorization"], "forward": true}),
            [true, true, true],
        ),
        (json!({"send": ["x-tenant"]}), [true, true, true]),
    ];
    for (more, left) in cases {
        let (request, _) = check(more.clone(), &service(200, &[]), sent);
        let is_left = ["authorization", "cookie", "x-tenant"].map(|name| !values(&request, name).is_empty());
        assert_eq!(is_left, left, "{more}");
    }
    // A credential that the service has put in place of the client's stays.
    let exchange = json!({"send": ["authorization"], "take": ["authorization"]});
    let (request, _) = check(exchange, &service(200, &[("authorization", "Bearer new")]), sent);
    assert_eq!(values(&request, "authorization"), ["Bearer new"]);
}

#[test]
fn every_answer_passes_refuses_or_is_a_fault() {
    let said: Pairs<'_> = &[
        ("www-authenticate", "Basic realm=\"x\""),
        ("retry-after", "7"),
        ("location", "https://login.test/"),
        ("x-reason", "tired"),
        ("set-cookie", "a=1"),
        ("content-type", "text/html"),
    ];
    let bare: Pairs<'_> = &[];
    let twice: Pairs<'_> = &[("location", "/a"), ("location", "/b")];
    let cases = [
        (json!({}), 200, bare, "pass"),
        (json!({}), 204, bare, "pass"),
        (json!({}), 299, bare, "pass"),
        (json!({"pass": [204]}), 204, bare, "pass"),
        (json!({"pass": [204]}), 200, bare, "fault bad-answer 503"),
        (json!({}), 401, said, "deny unauthenticated 401"),
        (json!({}), 403, said, "deny forbidden 403"),
        (json!({}), 302, said, "reply 302"),
        (json!({}), 308, said, "reply 308"),
        (json!({}), 302, bare, "fault bad-answer 503"),
        (json!({}), 302, twice, "fault bad-answer 503"),
        (json!({}), 300, said, "fault bad-answer 503"),
        (json!({}), 304, said, "fault bad-answer 503"),
        (json!({}), 400, said, "fault bad-answer 503"),
        (json!({}), 404, said, "fault bad-answer 503"),
        (json!({}), 429, said, "fault bad-answer 503"),
        (json!({}), 500, said, "fault bad-answer 503"),
        (json!({}), 100, bare, "fault bad-answer 503"),
    ];
    for (mut more, status, fields, expected) in cases {
        more["relay"] = json!(["X-Reason"]);
        let (_, verdict) = check(more, &service(status, fields), &[]);
        let relayed = [
            ("www-authenticate", "Basic realm=\"x\""),
            ("retry-after", "7"),
            ("location", "https://login.test/"),
            ("x-reason", "tired"),
        ];
        let told = match verdict {
            Verdict::Pass => "pass".to_owned(),
            Verdict::Deny(denial) => {
                assert_eq!(texts(&denial.fields), relayed);
                format!("deny {} {}", denial.reason.code(), denial.reason.status())
            }
            Verdict::Reply(reply) => {
                assert_eq!(
                    texts(&reply.fields),
                    [&relayed[..], &[("cache-control", "no-store")]].concat()
                );
                assert!(reply.body.is_empty());
                format!("reply {}", reply.status)
            }
            Verdict::Fault(fault) => format!("fault {} {}", fault.reason.code(), fault.reason.status()),
        };
        assert_eq!(told, expected, "{status}");
    }
}

#[test]
fn silence_is_the_fault_that_the_transport_tells() {
    let silent = Arc::new(Service {
        answer: Err(Fault { reason: &LATE }),
        calls: Mutex::default(),
    });
    let (_, verdict) = check(json!({}), &silent, &[]);
    let Verdict::Fault(fault) = verdict else {
        panic!("{verdict:?}")
    };
    assert!(REASONS.contains(&fault.reason) && *fault.reason == LATE);
}

#[test]
fn the_consumer_is_whom_the_service_names() {
    let known = KnownBy {
        method: "forward-auth",
        issuer: "https://auth.test/verify?by=gateway",
        name: "u-1",
    };
    let acme = Consumer {
        name: "acme".into(),
        ..Consumer::default()
    };
    let consumers = || Consumers::new(Vec::new(), [(known, Arc::new(acme.clone()))]);
    let cases: [(Pairs<'_>, Option<&str>); 6] = [
        (&[("x-user", "u-1")], Some("acme")),
        (&[("x-user", "u-2")], Some("u-2")),
        (&[], None),
        (&[("x-user", "")], None),
        (&[("x-user", "u-1"), ("x-user", "u-2")], None),
        (&[("x-users", "u-1")], None),
    ];
    for (said, expected) in cases {
        let mut host = host(&service(200, said)).with_consumers(consumers());
        let trial = Trial::with_host::<ForwardAuth>(&with_consumer(config(json!({}))), &mut host);
        let mut request = trial.prepare(request(&[("x-user", "forged")]));
        let verdict = trial.ask(&mut request);
        let consumer = request.slot::<Identity>(0).map(Identity::consumer);
        assert_eq!(consumer, expected, "{said:?}");
        assert_eq!(matches!(verdict, Verdict::Pass), expected.is_some(), "{said:?}");
        // It is not on the list `take`.
        assert!(values(&request, "x-user").is_empty());
        if let Verdict::Fault(fault) = verdict {
            assert_eq!((fault.reason.code(), fault.reason.status()), ("nameless", 503));
        }
    }
}

#[test]
fn settings_that_mislead_are_problems() {
    let cases = [
        (json!({"url": "auth.test"}), "url"),
        (json!({"timeout": "0s"}), "timeout"),
        (json!({"timeout": "31s"}), "timeout"),
        (json!({"at-once": 0}), "at-once"),
        (json!({"at-once": 100_001}), "at-once"),
        (json!({"pass": [302]}), "pass"),
        (json!({"send": ["a b"]}), "send"),
        (json!({"send": ["Transfer-Encoding"]}), "send"),
        (json!({"send": ["content-length"]}), "send"),
        (json!({"send": ["connection"]}), "send"),
        (json!({"send": ["host"]}), "send"),
        (json!({"send": ["x-forwarded-for"]}), "send"),
        (json!({"send": ["x-real-ip"]}), "send"),
        (json!({"send": ["X-A", "x-a"]}), "send"),
        (json!({"take": ["x-forwarded-host"]}), "take"),
        (json!({"take": ["x-request-id"]}), "take"),
        (json!({"take": ["te"]}), "take"),
        (json!({"relay": ["content-type"]}), "relay"),
        (json!({"relay": ["Location"]}), "relay"),
        (json!({"forward": true}), "forward"),
    ];
    for (more, path) in cases {
        let config = config(more);
        let service = service(200, &[]);
        let told = [
            Trial::try_build::<ForwardCheck>(&config, &mut host(&service)).map(drop),
            Trial::try_build::<ForwardAuth>(&with_consumer(config.clone()), &mut host(&service)).map(drop),
        ];
        for told in told {
            assert_eq!(
                told.unwrap_err().iter().next().unwrap().path(),
                Some(path),
                "{config}"
            );
        }
    }
    let mut nobody = config(json!({"consumer": "host"}));
    let told = Trial::try_build::<ForwardAuth>(&nobody, &mut host(&service(200, &[]))).unwrap_err();
    assert_eq!(told.iter().next().unwrap().path(), Some("consumer"));
    nobody.as_object_mut().unwrap().remove("consumer");
    assert!(Trial::try_build::<ForwardAuth>(&nobody, &mut host(&service(200, &[]))).is_err());
}
