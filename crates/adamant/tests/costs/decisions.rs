//! What a decision costs on the heap: nothing, on the plain path, with ten thousand routes, and on the full
//! chain of credential, scopes and limit.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use http::Method;

use adamant_filter::{Request, TlsFacts};
use adamant_policy::config::ListenerId;
use adamant_policy::plan::{Decided, Exchange, Plan, Progress};

use crate::counting::calls;
use crate::site::{Site, TOKEN_STEPS};

/// Heap calls of one decision after the memory of an exchange has grown to its size.
fn calls_per_decision(plan: &Plan, path: &str, fields: &[(&'static str, &str)]) -> u64 {
    calls_of_shown(plan, path, fields, &[])
}

/// The same for a client that has shown this chain of certificates.
fn calls_of_shown(plan: &Plan, path: &str, fields: &[(&'static str, &str)], chain: &[Arc<[u8]>]) -> u64 {
    let mut exchange = Exchange::default();
    let mut spent = 0;
    for _ in 0..8 {
        let mut request = Request::build(Method::GET, path).expect("a target");
        for (name, value) in [
            ("host", "api.example.test"),
            ("accept", "*/*"),
            ("x-client", "c-1"),
        ]
        .iter()
        .chain(fields)
        {
            request = request.with_header(name, value);
        }
        let mut origin = request.origin().clone();
        origin.tls = Some(Arc::new(TlsFacts {
            client_chain: chain.to_vec(),
            ..TlsFacts::default()
        }));
        let before = calls();
        exchange.begin(origin, plan.layout().slots(), plan.layout().words());
        exchange.request.swap_head(request.head_mut());
        plan.receive(&mut exchange, ListenerId(0))
            .expect("the request is well formed");
        let decided = plan.request(&mut exchange);
        spent = calls() - before;
        let decided = rest_of(plan, &mut exchange, decided);
        assert!(matches!(decided, Decided::Go), "{decided:?}");
    }
    spent
}

/// A token that is new is proved by a hook that waits; from then on it is remembered.
fn rest_of(plan: &Plan, exchange: &mut Exchange, decided: Progress) -> Decided {
    let from = match decided {
        Progress::Done(decided) => return decided,
        Progress::Waits(from) => from,
    };
    let mut rest = pin!(plan.request_from(exchange, from));
    let mut context = Context::from_waker(Waker::noop());
    loop {
        if let Poll::Ready(decided) = rest.as_mut().poll(&mut context) {
            return decided;
        }
    }
}

#[test]
fn the_plain_path_allocates_nothing() {
    let plan = Site::new().routes(10, "").plan();
    assert_eq!(calls_per_decision(&plan, "/r/00005/items/7?limit=10", &[]), 0);
}

#[test]
fn ten_thousand_routes_allocate_nothing_either() {
    let plan = Site::new().routes(10_000, "").plan();
    assert_eq!(calls_per_decision(&plan, "/r/05000/items/7", &[]), 0);
}

#[test]
fn guards_and_limits_that_pass_allocate_nothing() {
    let steps = "{ methods: { allow: [GET] } }, { addresses: { allow: [192.0.2.0/24] } }, \
                 { body-size: { at-most: 1MiB } }, \
                 { rate: { by: [address, \"header:x-client\"], allow: 1000/s, burst: 1000, missing: deny } }";
    let plan = Site::new().routes(10, steps).plan();
    assert_eq!(calls_per_decision(&plan, "/r/00005/items/7", &[]), 0);
}

#[test]
fn a_key_and_its_limit_allocate_nothing() {
    let site = Site::new();
    let steps = "{ api-key: { keys: { file: keys.yaml } } }, { scopes: { all: [\"items:read\"] } }, \
                 { rate: { by: consumer, allow: 1000/s, burst: 1000 } }";
    let plan = site.routes(10, steps).plan();
    let fields = [("x-api-key", Site::KEY)];
    assert_eq!(calls_per_decision(&plan, "/r/00005/items/7", &fields), 0);
}

#[test]
fn a_remembered_token_and_its_limit_allocate_nothing() {
    let site = Site::new();
    let bearer = format!("Bearer {}", site.token());
    let plan = site.routes(10, TOKEN_STEPS).plan();
    let fields = [("authorization", bearer.as_str())];
    assert_eq!(calls_per_decision(&plan, "/r/00005/items/7", &fields), 0);
}

#[test]
fn a_remembered_certificate_allocates_nothing() {
    let site = Site::new();
    let steps = "{ client-certificate: { consumer: dns-name, allow: [\"*.example.test\"] } }, \
                 { rate: { by: consumer, allow: 1000/s, burst: 1000 } }";
    let plan = site.routes(10, steps).plan();
    let chain = [Site::certificate("orders.example.test")];
    assert_eq!(calls_of_shown(&plan, "/r/00005/items/7", &[], &chain), 0);
}

#[test]
fn changes_of_header_fields_allocate_nothing_for_values_of_the_file() {
    let steps = "{ headers: { request: { set: { x-gateway: adamant }, remove: [x-internal] } } }";
    let plan = Site::new().routes(10, steps).plan();
    let spent = calls_per_decision(&plan, "/r/00005/items/7", &[("x-internal", "1")]);
    assert!(
        spent <= 2,
        "a field that is set may grow the map and its index: {spent}"
    );
}
