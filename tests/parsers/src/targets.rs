//! What comes in the head of a request before a filter sees it: path, query, host, and what proxies tell.

use std::sync::LazyLock;

use adamant_filter::prelude::*;
use adamant_filter::trial::TrialHost;
use adamant_filter::{Catalogue, is_parameter};
use adamant_policy::config::ListenerId;
use adamant_policy::plan::{Exchange, Plan};
use adamant_policy::text::Source;

const POLICY: &[u8] = br#"
adamant: 1
listeners:
  plain: { bind: "127.0.0.1:0" }
  behind: { bind: "127.0.0.1:0", trust: { proxies: [192.0.2.0/24], header: forwarded } }
  chain: { bind: "127.0.0.1:0", trust: { proxies: [192.0.2.0/24], header: x-forwarded-for } }
routes:
  - { name: orders, match: { path: "/orders/{id}/**" }, public: true, respond: { status: 204 } }
  - { name: rest, match: { path: /** }, public: true, respond: { status: 204 } }
"#;

static PLAN: LazyLock<Plan> = LazyLock::new(|| {
    let source = Source::new("gateway.yaml", POLICY);
    let catalogue = Catalogue::new();
    let (config, canonical) = adamant_policy::load(&source, &catalogue).expect("the policy is good");
    Plan::compile(config, &canonical, &catalogue, &mut TrialHost::new()).expect("the policy compiles")
});

/// Receives a request as the gateway does; the request when nothing refused it.
fn receive(target: &str, fields: &[(&'static str, &[u8])], listener: usize) -> Option<Request> {
    let mut exchange = Exchange::default();
    exchange.request = Request::build(Method::GET, target).ok()?;
    for (name, value) in fields {
        let value = HeaderValue::from_bytes(value).ok()?;
        exchange
            .request
            .append_header(HeaderName::from_static(name), value);
    }
    PLAN.receive(&mut exchange, ListenerId(listener)).ok()?;
    Some(exchange.request)
}

/// A path that is let in has one spelling: none of its segments climbs or is empty, and it is its own canonical form.
pub(crate) fn path(bytes: &[u8]) {
    let Ok(text) = str::from_utf8(bytes) else { return };
    let Some(request) = receive(&format!("/{text}"), &[("host", b"example.test")], 0) else {
        return;
    };
    let path = request.path().to_owned();
    assert!(path.starts_with('/') && !path.contains("//"), "{path}");
    assert!(
        !request.segments().any(|part| part == "." || part == ".."),
        "{path}"
    );
    assert!(!path.contains([';', '\\', '\0', '?', '#']), "{path}");
    let again = receive(&path, &[("host", b"example.test")], 0).expect("a canonical path is let in");
    assert_eq!(again.path(), path, "the canonical form has another one");
    if let Some(id) = request.capture("id") {
        assert!(!id.is_empty() && !id.contains('/'), "{path}: {id}");
    }
}

/// Taking a parameter away leaves none of its name, and takes nothing else.
pub(crate) fn query(bytes: &[u8]) {
    let Ok(text) = str::from_utf8(bytes) else { return };
    let Ok(mut request) = Request::build(Method::GET, &format!("/?{text}")) else {
        return;
    };
    let before = request.query().unwrap_or_default().to_owned();
    let is_token = |pair: &&str| is_parameter(pair.split('=').next().unwrap_or_default().as_bytes(), "token");
    request.remove_query("token");
    let after = request.query().unwrap_or_default().to_owned();
    let kept: Vec<&str> = before.split('&').filter(|pair| !is_token(pair)).collect();
    assert_eq!(after, kept.join("&"), "of {before}");
}

/// Whoever the client is said to be, somebody is, and a route is found.
pub(crate) fn forwarded(bytes: &[u8]) {
    for (listener, name) in [(1, "forwarded"), (2, "x-forwarded-for")] {
        let fields = [("host", b"example.test".as_slice()), (name, bytes)];
        if let Some(request) = receive("/", &fields, listener) {
            assert_eq!(request.route(), "rest");
            let _ = (request.asked_scheme(), request.asked_authority());
        }
    }
}

/// A host that is let in is in lower case and has no port.
pub(crate) fn host(bytes: &[u8]) {
    if let Some(request) = receive("/", &[("host", bytes)], 0) {
        let host = request.host();
        assert!(!host.is_empty() && host.len() < 256, "{host}");
        assert!(
            !host.bytes().any(|byte| byte.is_ascii_uppercase() || byte <= b' '),
            "{host}"
        );
        assert!(host.starts_with('[') || !host.contains(':'), "{host}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What must hold would hold for nothing if everything were refused.
    #[test]
    fn good_heads_are_let_in() {
        let host = ("host", b"Example.test:8080".as_slice());
        let request = receive("/orders/7/%41", &[host], 0).expect("a good head");
        assert_eq!(
            (request.capture("id"), request.path()),
            (Some("7"), "/orders/7/A")
        );
        assert_eq!(request.host(), "example.test");
        let told = ("forwarded", b"for=198.51.100.7;proto=https".as_slice());
        let request = receive("/", &[host, told], 1).expect("a good head");
        assert_eq!(
            (request.client().to_string().as_str(), request.route()),
            ("198.51.100.7", "rest")
        );
        let told = ("x-forwarded-for", b"198.51.100.8".as_slice());
        let request = receive("/", &[host, told], 2).expect("a good head");
        assert_eq!(request.client().to_string(), "198.51.100.8");
    }
}
