//! What addresses and fields of requests may be, before anything reaches the upstream.

use adamant_tests::client::{CARRIERS, get};
use adamant_tests::{Gateway, Origin, Policy, covers};

async fn under(origin: &Origin, filter: &str) -> Gateway {
    let route =
        format!("name: all\nmatch: {{ path: /** }}\npublic: true\nto: origin\nfilters:\n  - {filter}");
    Gateway::start(&Policy::before(origin).route(&route)).await
}

#[tokio::test]
async fn a_query_has_what_the_file_says() {
    covers(&[
        "policies.*[].query.parameters.*.required",
        "policies.*[].query.parameters.*.repeat",
        "policies.*[].query.parameters.*.pattern",
        "policies.*[].query.others",
        "policies.*[].query.at-most",
    ]);
    let origin = Origin::hello().await;
    let keys = "parameters: { page: { pattern: \"[0-9]{1,3}\", required: true }, tag: { repeat: true } }, at-most: 3";
    for (others, target, reason) in [
        ("deny", "/?page=1&tag=a&tag=b", ""),
        ("deny", "/?tag=a", "query.missing"),
        ("deny", "/?page=x", "query.unfit"),
        ("deny", "/?page=1&p%61ge=2", "query.repeated"),
        ("deny", "/?page=1&x=2", "query.unknown"),
        ("pass", "/?page=1&x=2", ""),
        ("pass", "/?page=1&x=2&y=3&z=4", "query.too-many"),
    ] {
        let gateway = under(&origin, &format!("query: {{ {keys}, others: {others} }}")).await;
        for carrier in CARRIERS {
            origin.forget();
            let answer = get(gateway.address(), target, carrier).await;
            if reason.is_empty() {
                assert_eq!((answer.status, origin.only().target.as_str()), (200, target));
            } else {
                assert_eq!(
                    (answer.refused(400).as_str(), origin.count()),
                    (reason, 0),
                    "{target}"
                );
            }
        }
    }
}

#[tokio::test]
async fn fields_are_there_and_of_their_form_and_no_others_go_on() {
    covers(&[
        "policies.*[].headers.require",
        "policies.*[].headers.patterns.*",
        "policies.*[].headers.forward",
    ]);
    let origin = Origin::hello().await;
    let filter = "headers: { require: [x-tenant], patterns: { x-tenant: \"[a-z]+\" }, forward: [x-tenant] }";
    let gateway = under(&origin, filter).await;
    for carrier in CARRIERS {
        let ask = async |line: &str| {
            let lines: Vec<&str> = carrier.iter().copied().chain([line, "X-Admin: 1"]).collect();
            get(gateway.address(), "/", &lines).await
        };
        assert_eq!(ask("X-Other: a").await.refused(400), "headers.missing");
        assert_eq!(ask("X-Tenant: 1").await.refused(400), "headers.unfit");
        assert_eq!(origin.count(), 0);
        assert_eq!(ask("X-Tenant: acme").await.status, 200);
        let seen = origin.only();
        assert_eq!(
            (seen.field("x-tenant"), seen.field("x-admin")),
            (Some("acme"), None)
        );
        origin.forget();
    }
}
