//! What an upstream is told about the client, and what concerns one connection and stays on it.

use adamant_tests::client::{exchange, get, request};
use adamant_tests::gateway::Setup;
use adamant_tests::idp::api_key_entry;
use adamant_tests::{
    Answer, Authority, Client, Gateway, H2Client, Idp, Origin, Policy, Seen, covers, policy,
};
use jsonwebtoken::Algorithm;

/// Ids that a client made up or a proxy sent.
const THEIR_ID: &str = "0190a5b4-7c3e-7d2a-8f00-0123456789ab";

/// The parameters of the elements of `Forwarded` (RFC 7239 §4), names in lower case, values without quotes.
fn forwarded(seen: &Seen) -> Vec<Vec<(String, String)>> {
    let line = seen.field("forwarded").expect("`Forwarded` is sent");
    let pair = |pair: &str| {
        let (name, value) = pair.trim().split_once('=').expect("a parameter has a value");
        (name.to_ascii_lowercase(), value.trim_matches('"').to_owned())
    };
    line.split(',')
        .map(|element| element.split(';').map(pair).collect())
        .collect()
}

fn element(parameters: &[(&str, &str)]) -> Vec<(String, String)> {
    parameters
        .iter()
        .map(|&(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

/// `X-Forwarded-For`, `-Proto` and `-Host` as they arrived.
fn x_forwarded(seen: &Seen) -> [Option<&str>; 3] {
    ["x-forwarded-for", "x-forwarded-proto", "x-forwarded-host"].map(|name| seen.field(name))
}

fn is_uuid(text: &str) -> bool {
    let is_in_place = |(place, byte): (usize, u8)| match place {
        8 | 13 | 18 | 23 => byte == b'-',
        _ => byte.is_ascii_hexdigit(),
    };
    text.len() == 36 && text.bytes().enumerate().all(is_in_place)
}

/// The only request of an origin after this one from `127.0.0.2` (trusted where a test trusts) or elsewhere.
async fn sent(gateway: &Gateway, origin: &Origin, from: &str, lines: &[&str]) -> Seen {
    origin.forget();
    let mut client = Client::connect_from(from, gateway.address()).await;
    let answer = client.get("/", lines).await;
    assert_eq!(answer.status, 200, "{lines:?}: {}", answer.text());
    origin.only()
}

#[tokio::test]
async fn a_client_is_told_of_in_fields_of_our_own_making() {
    let origin = Origin::hello().await;
    let site = Authority::new("forwarding");
    let policy = Policy::proxy(&origin).listener(
        "secure",
        "protocols: [h1, h2]\ntls: { certificate: site.pem, key: { file: site.key } }",
    );
    let pair = site.site(&["api.test"]);
    let setup = Setup::new(&policy)
        .file("site.pem", &pair.certificate)
        .file("site.key", &pair.key);
    let gateway = setup.start().await;
    let plain = sent(&gateway, &origin, "127.0.0.3", &["Host: api.test:8080"]).await;
    assert_eq!(
        x_forwarded(&plain),
        [Some("127.0.0.3"), Some("http"), Some("api.test:8080")]
    );
    assert_eq!(plain.field("forwarded"), None);

    origin.forget();
    let at = gateway.listener("secure");
    let mut secure = Client::connect_tls(at, "api.test", site.client(&["http/1.1"]))
        .await
        .unwrap();
    assert_eq!(secure.get("/", &[]).await.status, 200);
    let expected = [Some("127.0.0.1"), Some("https"), Some("api.test")];
    assert_eq!(x_forwarded(&origin.only()), expected);

    origin.forget();
    let mut h2 = H2Client::connect_tls(at, "api.test", site.client(&["h2"]))
        .await
        .unwrap();
    assert_eq!(h2.get("/", &[("x-forwarded-for", "192.0.2.7")]).await.status, 200);
    let seen = origin.only();
    assert_eq!(x_forwarded(&seen), expected);
    assert_eq!(seen.host, "api.test", "`:authority` became `Host`");
}

#[tokio::test]
async fn what_an_untrusted_client_says_of_itself_is_dropped() {
    let origin = Origin::hello().await;
    let gateway = Gateway::start(&Policy::proxy(&origin)).await;
    let rows: &[&[&str]] = &[
        &["X-Forwarded-For: 192.0.2.7"],
        &["X-Forwarded-For: 192.0.2.7", "X-Forwarded-For: 127.0.0.1"],
        &["x-forwarded-for:"],
        &["X-FORWARDED-FOR: unknown, 10.0.0.1"],
        &["X-Forwarded-Proto: https", "X-Forwarded-Host: evil.test"],
        &["X-Forwarded-Proto: https", "X-Forwarded-Proto: https"],
        &["Forwarded: for=192.0.2.7;proto=https;host=evil.test"],
        &["X-Forwarded-Port: 443", "X-Forwarded-Prefix: /evil"],
        &["X-Real-IP: 192.0.2.7", "X-Forwarded-Server: evil.test"],
    ];
    for lines in rows {
        let seen = sent(&gateway, &origin, "127.0.0.2", lines).await;
        let expected = [Some("127.0.0.2"), Some("http"), Some("api.test")];
        assert_eq!(x_forwarded(&seen), expected, "{lines:?}");
        for name in [
            "forwarded",
            "x-forwarded-port",
            "x-forwarded-prefix",
            "x-forwarded-server",
            "x-real-ip",
        ] {
            assert_eq!(seen.fields.all(name), [""; 0], "{lines:?}: {name}");
        }
    }
}

#[tokio::test]
async fn a_trusted_proxy_is_continued_and_nobody_else() {
    covers(&["listeners.*.trust.proxies", "listeners.*.trust.header"]);
    let origin = Origin::hello().await;
    let policy = Policy::proxy(&origin)
        .public("trust: { header: x-forwarded-for, proxies: [127.0.0.2/32, 10.0.0.0/8] }");
    let gateway = Gateway::start(&policy).await;
    let said = [
        "X-Forwarded-For: 198.51.100.1, 192.0.2.7",
        "X-Forwarded-For: 10.1.1.1",
        "X-Forwarded-Proto: https",
        "X-Forwarded-Host: shop.test",
        "Forwarded: for=198.51.100.9",
    ];
    let seen = sent(&gateway, &origin, "127.0.0.2", &said).await;
    assert_eq!(
        x_forwarded(&seen),
        [
            Some("198.51.100.1, 192.0.2.7, 10.1.1.1, 127.0.0.2"),
            Some("https"),
            Some("shop.test")
        ],
        "the chain goes on in its order, on one line"
    );
    assert_eq!(
        seen.field("forwarded"),
        None,
        "one of the two headers is believed"
    );
    assert_eq!(seen.host, "api.test", "`Host` is what was asked for");

    let bare = sent(&gateway, &origin, "127.0.0.2", &[]).await;
    assert_eq!(
        x_forwarded(&bare),
        [Some("127.0.0.2"), Some("http"), Some("api.test")]
    );
    let other = sent(&gateway, &origin, "127.0.0.3", &said).await;
    assert_eq!(
        x_forwarded(&other),
        [Some("127.0.0.3"), Some("http"), Some("api.test")]
    );
}

#[tokio::test]
async fn rfc7239_4_forwarded_is_written_and_continued_by_its_grammar() {
    covers(&["listeners.*.trust.header"]);
    let origin = Origin::hello().await;
    let policy = Policy::proxy(&origin).public("trust: { header: forwarded, proxies: [127.0.0.2/32] }");
    let gateway = Gateway::start(&policy).await;
    let said = [
        "Forwarded: for=\"[2001:db8::7]:4711\";proto=https",
        "X-Forwarded-For: 192.0.2.7",
        "X-Forwarded-Proto: https",
        "X-Forwarded-Host: evil.test",
    ];
    let own = |node| element(&[("for", node), ("proto", "http"), ("host", "api.test:81")]);
    let with_host: Vec<&str> = said.iter().copied().chain(["Host: api.test:81"]).collect();
    let seen = sent(&gateway, &origin, "127.0.0.2", &with_host).await;
    let theirs = element(&[("for", "[2001:db8::7]:4711"), ("proto", "https")]);
    assert_eq!(forwarded(&seen), [theirs, own("127.0.0.2")]);
    assert!(
        seen.field("forwarded").unwrap().contains("host=\"api.test:81\""),
        "a colon is no token character, so the value is quoted: {seen:?}"
    );
    assert_eq!(x_forwarded(&seen), [None; 3]);

    let seen = sent(&gateway, &origin, "127.0.0.3", &with_host).await;
    assert_eq!(forwarded(&seen), [own("127.0.0.3")]);
    assert_eq!(x_forwarded(&seen), [None; 3]);
    let seen = sent(&gateway, &origin, "127.0.0.3", &["Host: api.test:81"]).await;
    assert_eq!(forwarded(&seen), [own("127.0.0.3")]);
}

#[tokio::test]
async fn the_clients_address_is_counted_from_the_right_while_hops_are_trusted() {
    let origin = Origin::hello().await;
    let route = "name: all\nmatch: { path: /** }\npublic: true\nto: origin\nfilters:\n  - addresses: { allow: [192.0.2.0/24] }";
    let policy = Policy::before(&origin)
        .public("trust: { proxies: [127.0.0.2/32, 10.0.0.0/8] }")
        .route(route);
    let gateway = Gateway::start(&policy).await;
    let many = format!("X-Forwarded-For: 192.0.2.7{}", ", 10.0.0.1".repeat(10));
    let rows = [
        ("127.0.0.2", "X-Forwarded-For: 192.0.2.7", 200),
        ("127.0.0.2", "X-Forwarded-For: 192.0.2.7, 10.9.9.9", 200),
        ("127.0.0.2", "X-Forwarded-For: 192.0.2.7:4711", 200),
        ("127.0.0.2", "X-Forwarded-For: 192.0.2.7, 198.51.100.1", 403),
        ("127.0.0.2", "X-Forwarded-For: 192.0.2.7, unknown, 10.9.9.9", 403),
        ("127.0.0.2", "X-Forwarded-For: 192.0.2.7, nonsense", 403),
        ("127.0.0.2", "Forwarded: for=192.0.2.7", 403),
        ("127.0.0.2", "X-Real-IP: 192.0.2.7", 403),
        ("127.0.0.2", "X-Other: y", 403),
        ("127.0.0.2", many.as_str(), 400),
        ("127.0.0.3", "X-Forwarded-For: 192.0.2.7", 403),
        ("127.0.0.3", many.as_str(), 403),
    ];
    for (from, line, status) in rows {
        origin.forget();
        let mut client = Client::connect_from(from, gateway.address()).await;
        let answer = client.get("/", &[line]).await;
        assert_eq!(answer.status, status, "{from} {line}: {}", answer.text());
        assert_eq!(origin.count(), usize::from(status == 200), "{from} {line}");
    }
}

#[tokio::test]
async fn forwarding_fields_never_choose_the_route() {
    let origin = Origin::hello().await;
    let policy = Policy::before(&origin)
        .public("trust: { proxies: [127.0.0.0/8] }")
        .route("name: inner\nmatch: { host: inner.test, path: /** }\npublic: true\nto: origin")
        .route("name: outer\nmatch: { path: /open }\npublic: true\nrespond: { text: outer }");
    let gateway = Gateway::start(&policy).await;
    for line in [
        "X-Forwarded-Host: inner.test",
        "Forwarded: host=inner.test",
        "X-Host: inner.test",
        "X-Original-URL: /secret",
        "X-Rewrite-URL: /secret",
        "X-HTTP-Method-Override: DELETE",
    ] {
        let answer = get(gateway.address(), "/open", &[line]).await;
        assert_eq!(
            (answer.status, answer.text()),
            (200, "outer".to_owned()),
            "{line}"
        );
    }
    assert_eq!(origin.count(), 0);
}

#[tokio::test]
async fn every_exchange_has_one_request_id_that_both_sides_see() {
    let origin = Origin::start(|_| Answer::ok("hello").with("x-request-id", "the-origins-own")).await;
    let gateway = Gateway::start(&Policy::proxy(&origin)).await;
    let mut known = Vec::new();
    for lines in [
        &[][..],
        &[&format!("X-Request-Id: {THEIR_ID}")[..]][..],
        &["x-request-id: a", "x-request-id: b"][..],
    ] {
        origin.forget();
        let answer = get(gateway.address(), "/", lines).await;
        let id = answer
            .field("x-request-id")
            .expect("the client is told")
            .to_owned();
        assert!(is_uuid(&id) && id != THEIR_ID, "{lines:?}: {id}");
        assert_eq!(
            origin.only().field("x-request-id"),
            Some(id.as_str()),
            "{lines:?}"
        );
        assert!(!known.contains(&id), "ids are not used twice");
        known.push(id);
    }
    let lines = [format!("X-Request-Id: {THEIR_ID}"), "Host: evil_host!".to_owned()];
    let refused = get(gateway.address(), "/", &[&lines[0], &lines[1]]).await;
    assert_eq!(refused.status, 400);
    let told = refused.json()["request_id"].as_str().unwrap().to_owned();
    assert!(is_uuid(&told) && told != THEIR_ID, "{told}");
    assert_eq!(refused.field("x-request-id"), Some(told.as_str()));
}

#[tokio::test]
async fn a_request_id_is_kept_when_its_sender_is_trusted_with_it() {
    covers(&["listeners.*.trust.request-id"]);
    let origin = Origin::hello().await;
    let keeps = "trust: { proxies: [127.0.0.2/32], request-id: true }";
    let gateway = Gateway::start(&Policy::proxy(&origin).public(keeps)).await;
    let line = format!("X-Request-Id: {THEIR_ID}");
    let kept = sent(&gateway, &origin, "127.0.0.2", &[&line]).await;
    assert_eq!(kept.field("x-request-id"), Some(THEIR_ID));
    for (from, line) in [
        ("127.0.0.3", line.as_str()),
        ("127.0.0.2", "X-Request-Id: not-an-id"),
        ("127.0.0.2", "X-Request-Id: 0190a5b4-7c3e-7d2a-8f00-0123456789ab0"),
        ("127.0.0.2", "X-Request-Id:"),
    ] {
        let seen = sent(&gateway, &origin, from, &[line]).await;
        let id = seen.field("x-request-id").unwrap();
        assert!(is_uuid(id) && id != THEIR_ID, "{from} {line}: {id}");
    }
    // Trust in addresses is not trust in ids.
    let policy = Policy::proxy(&origin).public("trust: { proxies: [127.0.0.2/32] }");
    let gateway = Gateway::start(&policy).await;
    let seen = sent(&gateway, &origin, "127.0.0.2", &[&line]).await;
    assert_ne!(seen.field("x-request-id"), Some(THEIR_ID));
}

#[tokio::test]
async fn rfc9110_7_6_1_fields_of_the_clients_connection_stay_on_it() {
    let origin = Origin::hello().await;
    let gateway = Gateway::start(&Policy::proxy(&origin)).await;
    let rows: &[&[&str]] = &[
        &["Connection: keep-alive", "Keep-Alive: timeout=5"],
        &["Connection: close"],
        &["Connection: TE, close", "TE: gzip, trailers"],
        &["TE: gzip"],
        &["Proxy-Connection: keep-alive"],
        &["Proxy-Authorization: Basic c2VjcmV0OnNlY3JldA=="],
        &["Proxy-Authenticate: Basic"],
        &[
            "Connection: Upgrade, HTTP2-Settings",
            "Upgrade: h2c",
            "HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA",
        ],
        &["Upgrade: h2c"],
    ];
    for lines in rows {
        let all: Vec<&str> = lines.iter().copied().chain(["X-End: to-end"]).collect();
        let seen = sent(&gateway, &origin, "127.0.0.1", &all).await;
        for name in [
            "keep-alive",
            "proxy-connection",
            "proxy-authorization",
            "proxy-authenticate",
            "upgrade",
            "http2-settings",
        ] {
            assert_eq!(seen.fields.all(name), [""; 0], "{lines:?}: {name}");
        }
        let connection = seen.fields.all("connection").join(",").to_ascii_lowercase();
        assert!(
            !["close", "te", "upgrade"]
                .iter()
                .any(|word| connection.contains(word)),
            "{lines:?}: {connection}"
        );
        assert!(
            !seen.fields.all("te").iter().any(|value| value.contains("gzip")),
            "{lines:?}"
        );
        assert_eq!(seen.field("x-end"), Some("to-end"), "{lines:?}");
    }
}

#[tokio::test]
async fn rfc9110_7_6_1_fields_of_the_upstreams_connection_stay_on_it() {
    let origin = Origin::start(|_| {
        Answer::ok("hello")
            .with("connection", "keep-alive, X-Hop, x-request-id")
            .with("x-hop", "1")
            .with("keep-alive", "timeout=77")
            .with("proxy-connection", "keep-alive")
            .with("proxy-authenticate", "Basic")
            .with("upgrade", "h2c")
            .with("set-cookie", "a=1")
            .with("set-cookie", "b=2")
            .with("x-end", "to-end")
    })
    .await;
    let gateway = Gateway::start(&Policy::proxy(&origin).public("protocols: [h1, h2]")).await;
    let answers = [
        get(gateway.address(), "/", &[]).await,
        H2Client::connect(gateway.address()).await.get("/", &[]).await,
    ];
    for answer in answers {
        assert_eq!((answer.status, answer.text()), (200, "hello".to_owned()));
        for name in ["x-hop", "proxy-connection", "proxy-authenticate", "upgrade"] {
            assert_eq!(answer.fields.all(name), [""; 0], "{name}");
        }
        assert!(!answer.fields.all("keep-alive").join(",").contains("77"));
        let connection = answer.fields.all("connection").join(",").to_ascii_lowercase();
        assert!(!connection.contains("x-"), "{connection}");
        assert_eq!(answer.field("x-end"), Some("to-end"));
        assert_eq!(answer.fields.all("set-cookie"), ["a=1", "b=2"]);
        assert!(
            answer.field("x-request-id").is_some_and(is_uuid),
            "an upstream cannot nominate ours: {answer:?}"
        );
    }
}

#[tokio::test]
async fn the_upstream_sees_the_host_of_the_client_the_upstream_or_the_route() {
    covers(&["upstreams.*.host", "routes[].rewrite.host"]);
    let origin = Origin::hello().await;
    let to = policy::to(&origin);
    let policy = Policy::new()
        .listener("public", "")
        .upstream("asked", &to)
        .upstream("said", &format!("{to}\nhost: client"))
        .upstream("fixed", &format!("{to}\nhost: inner.test"))
        .route("name: asked\nmatch: { path: /asked }\npublic: true\nto: asked")
        .route("name: said\nmatch: { path: /said }\npublic: true\nto: said")
        .route("name: fixed\nmatch: { path: /fixed }\npublic: true\nto: fixed")
        .route(
            "name: route\nmatch: { path: /route }\npublic: true\nto: fixed\nrewrite: { host: route.test }",
        );
    let gateway = Gateway::start(&policy).await;
    for (target, host) in [
        ("/asked", "api.test:8080"),
        ("/said", "api.test:8080"),
        ("/fixed", "inner.test"),
        ("/route", "route.test"),
    ] {
        origin.forget();
        get(gateway.address(), target, &["Host: api.test:8080"]).await;
        let seen = origin.only();
        assert_eq!(seen.host, host, "{target}");
        assert_eq!(
            seen.field("x-forwarded-host"),
            Some("api.test:8080"),
            "{target}: the upstream still learns what was asked for"
        );
    }
}

#[tokio::test]
async fn a_route_may_strip_and_prefix_the_path() {
    covers(&["routes[].rewrite.strip", "routes[].rewrite.prefix"]);
    let origin = Origin::hello().await;
    let route = |name: &str, rewrite: &str| {
        format!(
            "name: {name}\nmatch: {{ path: /{name}/** }}\npublic: true\nto: origin\nrewrite: {{ {rewrite} }}"
        )
    };
    let policy = Policy::before(&origin)
        .route(&route("strip", "strip: /strip"))
        .route(&route("prefix", "prefix: /api/v2"))
        .route(&route("both", "strip: /both, prefix: /api"));
    let gateway = Gateway::start(&policy).await;
    let table = [
        ("/strip/a/b?c=%2f&d", "/a/b?c=%2f&d"),
        ("/strip/", "/"),
        ("/strip", "/"),
        ("/strip?a", "/?a"),
        ("/strip/strip/x", "/strip/x"),
        ("/%73trip/a", "/a"),
        ("/x/../strip/a", "/a"),
        ("/strip/a%C3%A4", "/a%C3%A4"),
        ("/prefix/a?b", "/api/v2/prefix/a?b"),
        ("/both/a/", "/api/a/"),
        ("/both/a?b=/both/", "/api/a?b=/both/"),
    ];
    for (sent, arrives) in table {
        origin.forget();
        let answer = exchange(gateway.address(), request("POST", sent, &[], "body")).await;
        assert_eq!(answer.status, 200, "{sent}: {}", answer.text());
        let seen = origin.only();
        assert_eq!(
            (seen.target.as_str(), &*seen.body),
            (arrives, &b"body"[..]),
            "{sent}"
        );
    }
    for target in ["/stripped", "/strip/../prefixed", "/strip/%2e%2e/prefix"] {
        origin.forget();
        let answer = get(gateway.address(), target, &[]).await;
        assert!(matches!(answer.status, 400 | 404), "{target}: {}", answer.status);
        assert_eq!(origin.count(), 0, "{target}");
    }
}

/// Routes that ask for a credential, and pass it on or not as their names say.
async fn behind_credentials(origin: &Origin, idp: &Idp) -> Gateway {
    let jwt = format!(
        "keys: {{ file: jwks.json }}, issuer: \"{}\", audience: orders, algorithms: [ES256], type: at+jwt",
        idp.issuer
    );
    let route = |name: &str, filter: &str| {
        format!("name: {name}\nmatch: {{ path: /{name} }}\nto: origin\nfilters:\n  - {filter}")
    };
    let key = "keys: { file: keys.yaml }";
    let policy = Policy::before(origin)
        .route(&route("key", &format!("api-key: {{ {key} }}")))
        .route(&route(
            "key-kept",
            &format!("api-key: {{ {key}, forward: true }}"),
        ))
        .route(&route(
            "bearer",
            &format!("api-key: {{ header: authorization, {key} }}"),
        ))
        .route(&route("token", &format!("jwt: {{ {jwt} }}")))
        .route(&route("token-kept", &format!("jwt: {{ {jwt}, forward: true }}")));
    Setup::new(&policy)
        .file("jwks.json", idp.jwks())
        .file(
            "keys.yaml",
            format!("keys:\n{}", api_key_entry("one", "secret-of-acme", "acme", "")),
        )
        .start()
        .await
}

#[tokio::test]
async fn a_proved_credential_goes_no_further_unless_it_should() {
    covers(&["policies.*[].api-key.forward", "policies.*[].jwt.forward"]);
    let origin = Origin::hello().await;
    let idp = Idp::new(&[Algorithm::ES256]);
    let gateway = behind_credentials(&origin, &idp).await;
    let token = format!("Authorization: Bearer {}", idp.token("acme", "orders:read"));
    let (key, bearer) = (
        "X-Api-Key: secret-of-acme",
        "Authorization: Bearer secret-of-acme",
    );
    for (target, line, is_kept) in [
        ("/key", key, false),
        ("/key-kept", key, true),
        ("/bearer", bearer, false),
        ("/token", token.as_str(), false),
        ("/token-kept", token.as_str(), true),
    ] {
        origin.forget();
        let refused = get(gateway.address(), target, &[]).await;
        assert_eq!(refused.status, 401, "{target}");
        assert_eq!(origin.count(), 0, "{target}: a refused request goes nowhere");
        let answer = get(gateway.address(), target, &[line, "Cookie: a=b"]).await;
        assert_eq!(answer.status, 200, "{target}: {}", answer.text());
        let seen = origin.only();
        let secret = line.rsplit(' ').next().unwrap();
        let head = String::from_utf8_lossy(&seen.head).into_owned();
        assert_eq!(head.contains(secret), is_kept, "{target}: {head}");
        assert_eq!(
            seen.field("cookie"),
            Some("a=b"),
            "{target}: what proved nothing goes on"
        );
    }
    let log = format!("{}{}", gateway.stdout(), gateway.stderr());
    assert!(!log.contains("secret-of-acme"), "{log}");
}

#[tokio::test]
async fn fields_that_the_file_owns_are_the_files() {
    let origin = Origin::start(|_| {
        Answer::ok("hello")
            .with("server", "origin/1.0")
            .with("x-end", "y")
    })
    .await;
    let route = "name: all\nmatch: { path: /** }\npublic: true\nto: origin\nfilters:\n  - headers: { request: { remove: [x-consumer, x-internal-*], set: { x-internal-route: all } }, response: { remove: [server], set: { x-frame-options: DENY } } }";
    let gateway = Gateway::start(&Policy::before(&origin).route(route)).await;
    let lines = [
        "X-Consumer: root",
        "x-internal-route: admin",
        "X-Internal-Route: admin",
        "X-INTERNAL-level: 9",
        "X-Kept: y",
    ];
    let answer = get(gateway.address(), "/", &lines).await;
    let seen = origin.only();
    assert_eq!(seen.field("x-internal-route"), Some("all"));
    assert_eq!(seen.field("x-consumer"), None);
    assert_eq!(seen.field("x-internal-level"), None);
    assert_eq!(seen.field("x-kept"), Some("y"));
    assert_eq!(answer.field("server"), None);
    assert_eq!(
        (answer.field("x-frame-options"), answer.field("x-end")),
        (Some("DENY"), Some("y"))
    );
}
