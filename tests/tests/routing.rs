//! Which route takes a request: host, path, method, header, query, listener; the first that matches.

use adamant_tests::client::{exchange, get, request};
use adamant_tests::{Authority, Client, Gateway, Policy, covers, gateway::Setup};

/// A public route that answers with its own name.
fn named(name: &str, matches: &str) -> String {
    format!("name: {name}\nmatch: {{ {matches} }}\npublic: true\nrespond: {{ status: 200, text: {name} }}")
}

fn policy(routes: &[(&str, &str)]) -> Policy {
    let start = Policy::new().listener("public", "");
    routes.iter().fold(start, |policy, (name, matches)| {
        policy.route(&named(name, matches))
    })
}

/// What answered: the route's name, or the status.
async fn answered(gateway: &Gateway, method: &str, target: &str, lines: &[&str]) -> String {
    let answer = exchange(gateway.address(), request(method, target, lines, "")).await;
    if answer.status == 200 {
        answer.text()
    } else {
        answer.status.to_string()
    }
}

#[tokio::test]
async fn hosts_are_exact_or_have_one_leading_wildcard() {
    covers(&[
        "routes[].match.host",
        "routes[].name",
        "routes[].respond.text",
        "routes[].public",
    ]);
    let gateway = Gateway::start(&policy(&[
        ("exact", "host: api.test, path: /**"),
        ("several", "host: [one.test, two.test], path: /**"),
        ("wild", "host: \"*.wild.test\", path: /**"),
        ("deep", "host: \"*.a.deep.test\", path: /**"),
        ("less-deep", "host: \"*.deep.test\", path: /**"),
    ]))
    .await;
    let table = [
        ("api.test", "exact"),
        ("API.Test", "exact"),
        ("api.test:8080", "exact"),
        ("api.test.", "exact"),
        ("one.test", "several"),
        ("two.test", "several"),
        ("x.wild.test", "wild"),
        ("x.y.wild.test", "wild"),
        ("wild.test", "404"),
        ("notwild.test", "404"),
        ("x.a.deep.test", "deep"),
        ("a.deep.test", "less-deep"),
        ("other.test", "404"),
        ("sub.api.test", "404"),
        ("127.0.0.1", "404"),
    ];
    for (host, expected) in table {
        let found = answered(&gateway, "GET", "/", &[&format!("Host: {host}")]).await;
        // A trailing dot names the same host; refusing it is as safe.
        assert!(
            found == expected || host.ends_with('.') && found == "400",
            "{host}: {found}, not {expected}"
        );
    }
}

#[tokio::test]
async fn paths_are_exact_have_captures_or_an_open_end() {
    covers(&["routes[].match.path"]);
    let gateway = Gateway::start(&policy(&[
        ("exact", "path: /exact"),
        ("slash", "path: /slash/"),
        ("capture", "path: \"/users/{id}\""),
        ("inner", "path: \"/users/{id}/cards/{card}\""),
        ("open", "path: /open/**"),
        ("mixed", "path: \"/mixed/{id}/**\""),
        ("root", "path: /"),
    ]))
    .await;
    let table = [
        ("/", "root"),
        ("/exact", "exact"),
        ("/exact/", "404"),
        ("/Exact", "404"),
        ("/exact?x=/slash/", "exact"),
        ("/%65xact", "exact"),
        ("/x/../exact", "exact"),
        ("/slash/", "slash"),
        ("/slash", "404"),
        ("/users/7", "capture"),
        ("/users/", "404"),
        ("/users/7/", "404"),
        ("/users/7/cards/8", "inner"),
        ("/users/7/cards", "404"),
        ("/open", "open"),
        ("/open/", "open"),
        ("/open/a/b/c", "open"),
        ("/opened", "404"),
        ("/mixed/1", "mixed"),
        ("/mixed/1/2", "mixed"),
        ("/mixed/", "404"),
        ("/mixed", "404"),
        ("/nothing", "404"),
    ];
    for (target, expected) in table {
        assert_eq!(answered(&gateway, "GET", target, &[]).await, expected, "{target}");
    }
}

#[tokio::test]
async fn the_first_route_that_matches_takes_the_request() {
    let gateway = Gateway::start(&policy(&[
        ("one", "path: /a/one"),
        ("posts", "path: /a/**, methods: [POST]"),
        ("any", "path: \"/a/{x}\""),
        ("rest", "path: /**"),
    ]))
    .await;
    let table = [
        ("GET", "/a/one", "one"),
        ("POST", "/a/one", "one"),
        ("POST", "/a/x", "posts"),
        ("GET", "/a/x", "any"),
        ("GET", "/a/x/y", "rest"),
    ];
    for (method, target, expected) in table {
        assert_eq!(
            answered(&gateway, method, target, &[]).await,
            expected,
            "{method} {target}"
        );
    }
}

#[tokio::test]
async fn rfc9110_15_5_6_a_path_known_under_other_methods_is_405_with_allow() {
    covers(&["routes[].match.methods"]);
    let gateway = Gateway::start(&policy(&[
        ("reads", "path: \"/orders/{id}\", methods: [GET, HEAD]"),
        ("writes", "path: /orders/**, methods: [POST]"),
        (
            "elsewhere",
            "host: other.test, path: /orders/**, methods: [DELETE]",
        ),
    ]))
    .await;
    assert_eq!(answered(&gateway, "GET", "/orders/7", &[]).await, "reads");
    assert_eq!(answered(&gateway, "POST", "/orders/7", &[]).await, "writes");
    let refused = exchange(gateway.address(), request("DELETE", "/orders/7", &[], "")).await;
    assert_eq!(refused.refused(405), "route.method");
    let mut allowed: Vec<&str> = refused
        .field("allow")
        .unwrap()
        .split(',')
        .map(str::trim)
        .collect();
    allowed.sort_unstable();
    assert_eq!(
        allowed,
        ["GET", "HEAD", "POST"],
        "methods of the routes that match but for the method"
    );
    assert_eq!(
        get(gateway.address(), "/nothing", &[]).await.refused(404),
        "route.unknown"
    );
}

#[tokio::test]
async fn header_fields_and_query_parameters_select() {
    covers(&[
        "routes[].match.headers.*",
        "routes[].match.headers.*.present",
        "routes[].match.query.*",
        "routes[].match.query.*.present",
    ]);
    let gateway = Gateway::start(&policy(&[
        ("gold", "path: /**, headers: { x-tier: gold }"),
        ("beta", "path: /**, headers: { x-beta: { present: true } }"),
        ("plain", "path: /plain, headers: { x-odd: { present: false } }"),
        ("version", "path: /**, query: { v: \"2\" }"),
        ("debug", "path: /**, query: { debug: { present: true } }"),
        ("calm", "path: /calm, query: { loud: { present: false } }"),
    ]))
    .await;
    let table: &[(&str, &[&str], &str)] = &[
        ("/", &["X-Tier: gold"], "gold"),
        ("/", &["x-tier: Gold"], "404"),
        ("/", &["x-tier: gold", "x-tier: gold"], "404"),
        ("/", &["x-beta: "], "beta"),
        ("/plain", &[], "plain"),
        ("/plain", &["x-odd: 1"], "404"),
        ("/?v=2", &[], "version"),
        ("/?a=1&v=2&b", &[], "version"),
        ("/?v=3", &[], "404"),
        ("/?v=2&v=2", &[], "404"),
        ("/?V=2", &[], "404"),
        ("/?debug", &[], "debug"),
        ("/?debug=0", &[], "debug"),
        ("/calm", &[], "calm"),
        ("/calm?loud=1", &[], "404"),
        ("/", &[], "404"),
    ];
    for (target, lines, expected) in table {
        assert_eq!(
            answered(&gateway, "GET", target, lines).await,
            *expected,
            "{target} {lines:?}"
        );
    }
}

#[tokio::test]
async fn a_route_may_belong_to_listeners() {
    covers(&["routes[].match.listener", "listeners.*.bind"]);
    let policy = Policy::new()
        .listener("public", "")
        .listener("inside", "")
        .route(&named("inner", "path: /a, listener: inside"))
        .route(&named("outer", "path: /a, listener: [public]"))
        .route(&named("both", "path: /b"));
    let gateway = Gateway::start(&policy).await;
    for (listener, target, expected) in [
        ("inside", "/a", "inner"),
        ("public", "/a", "outer"),
        ("inside", "/b", "both"),
        ("public", "/b", "both"),
    ] {
        let answer = get(gateway.listener(listener), target, &[]).await;
        assert_eq!(answer.text(), expected, "{listener} {target}");
    }
}

#[tokio::test]
async fn fixed_answers_are_given_as_written() {
    covers(&[
        "routes[].respond.status",
        "routes[].respond.json",
        "routes[].respond.headers.*",
    ]);
    let policy = Policy::new()
        .listener("public", "")
        .route("name: json\nmatch: { path: /json }\npublic: true\nrespond: { status: 203, json: { ok: true, list: [1, \"2\"] } }")
        .route("name: empty\nmatch: { path: /empty }\npublic: true\nrespond: { status: 204, headers: { x-made-by: \"the file\" } }")
        .route("name: text\nmatch: { path: /text }\npublic: true\nrespond: { text: \"hello\\n\", headers: { content-type: text/html } }");
    let gateway = Gateway::start(&policy).await;
    let mut client = Client::connect(gateway.address()).await;
    let json = client.get("/json", &[]).await;
    assert_eq!(
        (json.status, json.field("content-type")),
        (203, Some("application/json"))
    );
    assert_eq!(json.json(), serde_json::json!({ "ok": true, "list": [1, "2"] }));
    let empty = client.get("/empty", &[]).await;
    assert_eq!(
        (empty.status, empty.field("x-made-by"), empty.body.len()),
        (204, Some("the file"), 0)
    );
    let text = client.get("/text", &[]).await;
    assert_eq!(
        (text.status, text.field("content-type"), text.text()),
        (200, Some("text/html"), "hello\n".to_owned())
    );
    let head = client.exchange(request("HEAD", "/json", &[], "")).await;
    assert_eq!(
        head.field("content-length"),
        json.field("content-length"),
        "RFC 9110 §9.3.2"
    );
    assert_eq!(
        client.get("/empty", &[]).await.status,
        204,
        "the connection is still in step"
    );
}

#[tokio::test]
async fn redirects_name_the_new_place() {
    covers(&[
        "routes[].redirect",
        "routes[].redirect.to",
        "routes[].redirect.status",
        "routes[].redirect.keep-query",
    ]);
    let policy = Policy::new()
        .listener("public", "")
        .route("name: short\nmatch: { path: /short }\npublic: true\nredirect: /new")
        .route("name: long\nmatch: { path: /long }\npublic: true\nredirect: { to: \"https://new.test/x\", status: 303, keep-query: false }");
    let gateway = Gateway::start(&policy).await;
    let short = get(gateway.address(), "/short?a=1", &[]).await;
    assert_eq!((short.status, short.field("location")), (308, Some("/new?a=1")));
    let long = get(gateway.address(), "/long?a=1", &[]).await;
    assert_eq!(
        (long.status, long.field("location")),
        (303, Some("https://new.test/x"))
    );
}

#[tokio::test]
async fn a_listener_may_redirect_everything_to_another() {
    covers(&["listeners.*.redirect-to"]);
    let site = Authority::new("redirect").site(&["api.test"]);
    let policy = Policy::new()
        .listener(
            "public",
            "tls: { certificate: site.pem, key: { file: site.key } }",
        )
        .listener("plain", "redirect-to: public")
        .route(&named("all", "path: /**"));
    let setup = Setup::new(&policy)
        .file("site.pem", &site.certificate)
        .file("site.key", &site.key);
    let gateway = setup.start().await;
    for method in ["GET", "POST"] {
        let answer = exchange(gateway.listener("plain"), request(method, "/a/b?c=d", &[], "")).await;
        assert_eq!(answer.status, 308, "{method}");
        assert_eq!(
            answer.field("location"),
            Some("https://api.test/a/b?c=d"),
            "a client that names no port reached us through a port mapping"
        );
    }
    let hostile = get(gateway.listener("plain"), "//evil.test/", &[]).await;
    assert_eq!(hostile.status, 400, "malformed targets are refused here, too");
}
