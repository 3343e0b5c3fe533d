//! What requests may carry and what they may ask for, by media type.

use adamant_tests::client::{CARRIERS, exchange, request};
use adamant_tests::{Gateway, Origin, Policy, covers};

async fn under(origin: &Origin, filter: &str) -> Gateway {
    let route =
        format!("name: all\nmatch: {{ path: /** }}\npublic: true\nto: origin\nfilters:\n  - {filter}");
    Gateway::start(&Policy::before(origin).route(&route)).await
}

#[tokio::test]
async fn bodies_of_other_media_types_reach_nobody() {
    covers(&["policies.*[].content-type.allow"]);
    let origin = Origin::hello().await;
    let gateway = under(&origin, "content-type: { allow: [application/json] }").await;
    for carrier in CARRIERS {
        let ask = async |line: &'static str, body: &'static str| {
            let lines: Vec<&str> = carrier.iter().copied().chain([line]).collect();
            exchange(gateway.address(), request("POST", "/", &lines, body)).await
        };
        let refused = ask("Content-Type: text/plain", "a").await;
        assert_eq!(refused.refused(415), "content-type.refused");
        assert_eq!(refused.field("accept"), Some("application/json"));
        assert_eq!(ask("X-A: b", "a").await.refused(415), "content-type.missing");
        assert_eq!(origin.count(), 0);
        assert_eq!(ask("Content-Type: application/json", "{}").await.status, 200);
        assert_eq!(ask("X-A: b", "").await.status, 200);
        origin.forget();
    }
}

#[tokio::test]
async fn whoever_accepts_nothing_that_is_offered_is_refused() {
    covers(&["policies.*[].accept.offer"]);
    let origin = Origin::hello().await;
    let gateway = under(&origin, "accept: { offer: [application/json] }").await;
    for (line, status) in [("Accept: text/html", 406), ("Accept: */*", 200), ("X-A: b", 200)] {
        let answer = exchange(gateway.address(), request("GET", "/", &[line], "")).await;
        assert_eq!(answer.status, status, "{line}");
    }
    assert_eq!(origin.count(), 2);
}
