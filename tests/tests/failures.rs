//! Failing answers per source: who fails too often is refused before anything else is asked.

use adamant_tests::client::{CARRIERS, get, request};
use adamant_tests::gateway::Setup;
use adamant_tests::idp::api_key_entry;
use adamant_tests::{Answer, Client, Gateway, H2Client, Origin, Policy, Response, covers, wait};

fn route(name: &str, filters: &str) -> String {
    format!("name: {name}\nmatch: {{ path: /{name}/** }}\npublic: true\nto: origin\nfilters:\n  - {filters}")
}

/// An origin that answers with the status that the path ends in.
async fn origin() -> Origin {
    Origin::start(|seen| {
        let status = seen.target.rsplit('/').next().and_then(|text| text.parse().ok());
        status.map_or_else(|| Answer::ok("hello"), Answer::status)
    })
    .await
}

/// One exchange, which is counted before its answer is there.
async fn counted(gateway: &Gateway, target: &str, lines: &[&str]) -> Response {
    get(gateway.address(), target, lines).await
}

fn retry_after(answer: &Response) -> u64 {
    let field = answer.field("retry-after").expect("a block says when it ends");
    field.parse().expect("whole seconds")
}

#[tokio::test]
async fn the_last_failure_blocks_its_source_on_every_route_of_the_policy() {
    covers(&[
        "policies.*[].failures.by",
        "policies.*[].failures.statuses",
        "policies.*[].failures.allow",
        "policies.*[].failures.burst",
        "policies.*[].failures.block-for",
    ]);
    let origin = origin().await;
    let failures = "- failures: { by: address, statuses: [404, 503], allow: 1/m, burst: 3, block-for: 5m }";
    let policy = Policy::before(&origin)
        .public("protocols: [h1, h2]")
        .policy("calm", failures)
        .route(&route("a", "use: calm"))
        .route(&route("b", "use: calm"));
    let gateway = Gateway::start(&policy).await;
    for _ in 0..5 {
        for target in ["/a/x", "/a/403", "/b/500"] {
            assert_ne!(counted(&gateway, target, &[]).await.status, 429);
        }
    }
    let [lean, general] = CARRIERS;
    assert_eq!(counted(&gateway, "/a/404", lean).await.status, 404);
    assert_eq!(counted(&gateway, "/b/503", general).await.status, 503);
    let mut h2 = H2Client::connect(gateway.address()).await;
    assert_eq!(h2.get("/a/404", &[]).await.status, 404);
    let reached = origin.count();
    for target in ["/a/x", "/b/x", "/a/404"] {
        for carrier in CARRIERS {
            let refused = counted(&gateway, target, carrier).await;
            assert_eq!(refused.refused(429), "failures.blocked");
            let wait = retry_after(&refused);
            assert!((280..=300).contains(&wait), "{wait}");
            assert_eq!(refused.field("ratelimit"), None);
        }
    }
    assert_eq!(origin.count(), reached);
    let mut stranger = Client::connect_from("127.0.0.9", gateway.address()).await;
    assert_eq!(stranger.get("/a/x", &[]).await.status, 200);
}

#[tokio::test]
async fn a_blocked_source_cannot_try_another_key() {
    let origin = origin().await;
    let filters = "failures: { by: address, statuses: [401], allow: 1/m, burst: 3 }\n  - api-key: { header: x-api-key, keys: { file: keys.yaml } }";
    let policy = Policy::before(&origin).route(&route("a", filters));
    let gateway = Setup::new(&policy)
        .file(
            "keys.yaml",
            format!("keys:\n{}", api_key_entry("first", "adm_first", "acme", "")),
        )
        .start()
        .await;
    let key = |key: &str| format!("X-Api-Key: {key}");
    assert_eq!(counted(&gateway, "/a/x", &[&key("adm_first")]).await.status, 200);
    for number in 0..3 {
        let answer = counted(&gateway, "/a/x", &[&key(&format!("adm_{number}"))]).await;
        assert_eq!(answer.refused(401), "api-key.unknown");
    }
    for _ in 0..5 {
        let answer = counted(&gateway, "/a/x", &[&key("adm_first")]).await;
        assert_eq!(answer.refused(429), "failures.blocked");
        // Without `block-for`, until `allow` gives one back: what was refused did not make it longer.
        assert!((1..=60).contains(&retry_after(&answer)));
    }
}

#[tokio::test]
async fn a_failure_counts_when_the_client_does_not_stay_for_it() {
    let origin = Origin::start(|_| Answer::status(401)).await;
    let filters = "failures: { by: address, statuses: [401], allow: 1/m, burst: 2 }";
    let gateway = Gateway::start(&Policy::before(&origin).route(&route("a", filters))).await;
    for number in 1..=2 {
        let mut client = Client::connect(gateway.address()).await;
        client.send(request("GET", "/a/x", &[], "")).await;
        client.finish().await;
        origin.received(number).await;
        client.closed().await;
        gateway.counts("http_server_active_requests", &[], 0.0).await;
    }
    let counted = get(gateway.address(), "/a/x", &[]).await;
    assert!([401, 429].contains(&counted.status), "{}", counted.text());
}

/// The head of an answer, whose body stays unread for as long as the result is kept.
async fn head_only(
    h2: &mut H2Client,
    target: &str,
    fields: &[(&str, &str)],
) -> http::Response<h2::RecvStream> {
    let head = h2.head(http::Method::GET, "api.test", target, fields);
    let (answer, _) = h2.open(head, true).await.expect("a stream opens");
    let answer = wait::soon("the head of an answer", answer).await;
    answer.expect("a head should have come")
}

/// A target, the fields of the request, and the statuses before and behind the limit.
type Case = (&'static str, &'static [(&'static str, &'static str)], u16, u16);

#[tokio::test]
async fn a_client_of_http2_that_takes_no_body_is_counted() {
    let origin = origin().await;
    let limit = "failures: { by: address, statuses: [401, 404], allow: 1/h, burst: 3 }";
    let filters = format!("{limit}\n  - api-key: {{ header: x-api-key, keys: {{ file: keys.yaml }} }}");
    let shadowed = format!("{limit}\n    shadow: true");
    let chosen = format!("{limit}\n    when: {{ headers: {{ x-guess: {{ present: true }} }} }}");
    let policy = Policy::before(&origin)
        .public("protocols: [h1, h2]")
        .observe("access-log: { to: stdout, format: json }")
        .route(&route("own", &filters))
        .route(&route("theirs", limit))
        .route(&route("shadow", &shadowed))
        .route(&route("when", &chosen));
    let gateway = Setup::new(&policy)
        .file(
            "keys.yaml",
            format!("keys:\n{}", api_key_entry("first", "adm_first", "acme", "")),
        )
        .start()
        .await;
    let cases: [Case; 5] = [
        ("/own/x", &[("x-api-key", "adm_guess")], 401, 429),
        ("/theirs/404", &[], 404, 429),
        ("/when/404", &[("x-guess", "1")], 404, 429),
        ("/when/404", &[], 404, 404),
        ("/shadow/404", &[], 404, 404),
    ];
    for (target, fields, failed, then) in cases {
        let mut h2 = H2Client::connect_without_window(gateway.address()).await;
        let mut unread = Vec::new();
        for expected in [failed, failed, failed, then, then] {
            let answer = head_only(&mut h2, target, fields).await;
            assert_eq!(answer.status().as_u16(), expected, "{target} {fields:?}");
            unread.push(answer);
        }
    }
    // All of those are over, so the shadow told what it would have done before an answer was read.
    let lines = gateway.logged(25).await;
    let would = lines.iter().filter(|line| {
        let line = line.to_string();
        line.contains("/shadow/404") && line.contains("blocked")
    });
    assert_eq!(would.count(), 2, "the two that came after the third failure");
}

#[tokio::test]
async fn a_refused_grpc_call_counts_by_the_status_of_its_reason() {
    let origin = origin().await;
    let filters = "failures: { by: address, statuses: [401], allow: 1/h, burst: 3 }\n  - api-key: { header: x-api-key, keys: { file: keys.yaml } }";
    let policy = Policy::before(&origin)
        .public("protocols: [h1, h2]")
        .route(&route("a", filters));
    let gateway = Setup::new(&policy)
        .file(
            "keys.yaml",
            format!("keys:\n{}", api_key_entry("first", "adm_first", "acme", "")),
        )
        .start()
        .await;
    let mut h2 = H2Client::connect(gateway.address()).await;
    let call = [("content-type", "application/grpc"), ("x-api-key", "adm_guess")];
    for expected in ["16", "16", "16", "8"] {
        let answer = h2.get("/a/x", &call).await;
        assert_eq!(
            (answer.status, answer.field("grpc-status")),
            (200, Some(expected))
        );
    }
}

#[tokio::test]
async fn a_client_that_reads_heads_and_leaves_long_answers_is_counted() {
    let origin = Origin::start(|_| Answer::ok(vec![b'x'; 8 << 20]).with_status(404)).await;
    let limit = "failures: { by: address, statuses: [404], allow: 1/h, burst: 3 }";
    let gateway = Gateway::start(&Policy::before(&origin).route(&route("a", limit))).await;
    let mut unread = Vec::new();
    for expected in [404, 404, 404, 429, 429] {
        let mut client = Client::connect(gateway.address()).await;
        client.send(request("GET", "/a/x", &[], "")).await;
        assert_eq!(client.read_head().await.status, expected);
        unread.push(client);
    }
}

#[tokio::test]
async fn a_block_ends_when_it_says() {
    let origin = origin().await;
    let filters = "failures: { by: address, statuses: [404], allow: 1/s, burst: 1, block-for: 1s }";
    let gateway = Gateway::start(&Policy::before(&origin).route(&route("a", filters))).await;
    assert_eq!(counted(&gateway, "/a/404", &[]).await.status, 404);
    wait::polled("the block ends although it is asked for all the time", || async {
        (counted(&gateway, "/a/x", &[]).await.status == 200).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_limit_in_shadow_blocks_nobody_and_tells_whom_it_would() {
    let origin = origin().await;
    let filters = "failures: { by: address, statuses: [404], allow: 1/m, burst: 2 }\n    shadow: true";
    let policy = Policy::before(&origin)
        .route(&route("a", filters))
        .observe("access-log: { to: stdout, format: json }");
    let gateway = Gateway::start(&policy).await;
    for _ in 0..4 {
        assert_eq!(counted(&gateway, "/a/404", &[]).await.status, 404);
    }
    let lines = gateway.logged(4).await;
    let would = lines.iter().filter(|line| line.to_string().contains("blocked"));
    assert_eq!(would.count(), 2, "the two that came after the second failure");
}

#[tokio::test]
async fn sources_may_be_named_by_fields_and_are_forgotten_when_there_are_too_many() {
    covers(&["policies.*[].failures.missing", "policies.*[].failures.remember"]);
    let origin = origin().await;
    let by_key = |name: &str, missing: &str| {
        let failures = format!(
            "failures: {{ by: \"header:x-key\", statuses: [404], allow: 1/h, burst: 1, remember: 1, missing: {missing} }}\n  - headers: {{ request: {{ remove: [x-key] }} }}"
        );
        route(name, &failures)
    };
    let policy = Policy::before(&origin)
        .route(&by_key("deny", "deny"))
        .route(&by_key("share", "share"))
        .route(&by_key("skip", "skip"));
    let gateway = Gateway::start(&policy).await;
    assert_eq!(
        counted(&gateway, "/deny/x", &[]).await.refused(400),
        "failures.key-missing"
    );
    assert_eq!(counted(&gateway, "/share/404", &[]).await.status, 404);
    assert_eq!(counted(&gateway, "/share/x", &[]).await.status, 429);
    for _ in 0..3 {
        assert_eq!(counted(&gateway, "/skip/404", &[]).await.status, 404);
    }
    let first = ["X-Key: first"];
    assert_eq!(counted(&gateway, "/deny/404", &first).await.status, 404);
    assert_eq!(counted(&gateway, "/deny/x", &first).await.status, 429);
    // There is room for one block, and it goes to the next who fails.
    assert_eq!(counted(&gateway, "/deny/404", &["X-Key: next"]).await.status, 404);
    assert_eq!(counted(&gateway, "/deny/x", &["X-Key: next"]).await.status, 429);
    assert_eq!(counted(&gateway, "/deny/x", &first).await.status, 200);
    assert!(gateway.metric("adamant_failures_forgotten_total", &[]).await >= Some(1.0));
}

#[tokio::test]
async fn requests_of_a_policy_test_end_as_others_do() {
    let origin = origin().await;
    let failures = "failures: { by: address, statuses: [401], allow: 1/m, burst: 3, block-for: 5m }";
    let filters = format!(
        "in-flight: {{ by: address, at-most: 1 }}\n  - {failures}\n  - api-key: {{ header: x-api-key, keys: {{ file: keys.yaml }} }}"
    );
    let cases = r#"adamant-test: 1
tests:
  - name: places come back
    request: { get: "http://localhost/a/x", headers: { x-api-key: adm_first } }
    repeat: 9
    expect: { to: origin }
  - name: the third failure blocks
    request: { get: "http://localhost/a/x" }
    repeat: 4
    expect: { status: 401 }
    expect-last: { status: 429, reason: failures.blocked, header: { retry-after: "300" } }
  - name: a block ends
    request: { get: "http://localhost/a/x" }
    repeat: 4
    after: 5m
    expect: { status: 401 }
"#;
    let policy = Policy::before(&origin);
    let told = Setup::new(&policy.route(&route("a", &filters)))
        .file(
            "keys.yaml",
            format!("keys:\n{}", api_key_entry("first", "adm_first", "acme", "")),
        )
        .file("gateway.test.yaml", cases)
        .run(&["test"])
        .await;
    assert_eq!(told.code, Some(0), "{}", told.text());
    assert_eq!(origin.count(), 0);
}
