//! What answers hold of people and secrets, and who sees it.

use adamant_tests::client::{CARRIERS, get};
use adamant_tests::gateway::Setup;
use adamant_tests::idp::api_key_entry;
use adamant_tests::{Answer, Gateway, Origin, Policy, Response, covers};

const BODY: &str =
    r#"{"name":"Ada","Pin":1234,"card":{"number":"4242 4242 4242 4242"},"mail":"to ada@example.com"}"#;

/// The route `all` under a mask with these keys.
fn policy(origin: &Origin, keys: &str) -> Policy {
    Policy::before(origin).route(&format!(
        "name: all\nmatch: {{ path: /** }}\npublic: true\nto: origin\nfilters:\n  - mask: {{ {keys} }}"
    ))
}

async fn origin_of(media: &'static str, body: &'static str) -> Origin {
    Origin::start(move |_| Answer::of(media, body).with("etag", "\"1\"")).await
}

/// The answer by each carrier.
async fn ask(gateway: &Gateway, lines: &[&str]) -> Vec<Response> {
    let mut answers = Vec::new();
    for carrier in CARRIERS {
        let lines: Vec<&str> = carrier.iter().chain(lines).copied().collect();
        answers.push(get(gateway.address(), "/", &lines).await);
    }
    answers
}

#[tokio::test]
async fn what_the_rules_name_does_not_leave() {
    covers(&[
        "policies.*[].mask.rules[].fields",
        "policies.*[].mask.rules[].paths",
        "policies.*[].mask.rules[].match-case",
        "policies.*[].mask.rules[].detect",
        "policies.*[].mask.rules[].as",
        "policies.*[].mask.rules[].as.keep-last",
        "policies.*[].mask.stream",
        "policies.*[].mask.at-most",
    ]);
    let origin = origin_of("application/json", BODY).await;
    let cases = [
        (
            "{ fields: [pin], as: remove }",
            r#"{"name":"Ada","card":{"number":"4242 4242 4242 4242"},"mail":"to ada@example.com"}"#,
        ),
        ("{ fields: [pin], match-case: true, as: redact }", BODY),
        (
            "{ paths: [\"$.card.number\"], as: { keep-last: 4 } }",
            &BODY.replace("4242 4242 4242 4242", "***4242"),
        ),
        (
            "{ detect: [email], as: redact }",
            &BODY.replace("ada@example.com", "***"),
        ),
    ];
    for (rule, expected) in cases {
        for rest in ["stream: true", "stream: false"] {
            let keys = format!("rules: [{rule}], at-most: 4KiB, longer: refuse, others: refuse, {rest}");
            let gateway = Gateway::start(&policy(&origin, &keys)).await;
            for answer in ask(&gateway, &["Accept-Encoding: gzip"]).await {
                assert_eq!((answer.status, answer.text().as_str()), (200, expected), "{keys}");
                assert_eq!(answer.field("etag"), None);
                assert_eq!(origin.last().field("accept-encoding"), None);
            }
        }
    }
}

#[tokio::test]
async fn the_same_answer_is_another_for_another_consumer() {
    covers(&[
        "policies.*[].mask.rules[].unless.groups",
        "policies.*[].mask.rules[].unless.consumers",
        "policies.*[].mask.rules[].unless.scopes",
    ]);
    let origin = origin_of("application/json", BODY).await;
    let rules = "rules: [{ fields: [pin], as: redact, unless: { groups: [leads] } }, { fields: [name], as: redact, unless: { consumers: [support] } }, { detect: [email], as: redact, unless: { scopes: [pii] } }]";
    let policy = Policy::before(&origin)
        .top("plans: { gold: {} }\nconsumers:\n  lead: { plan: gold, groups: [leads], known-by: [{ api-key: { name: lead } }] }")
        .route(&format!(
            "name: all\nmatch: {{ path: /** }}\nto: origin\nfilters:\n  - api-key: {{ header: x-api-key, keys: {{ file: keys.yaml }} }}\n  - rate: {{ by: consumer, allow: 100/s, plans: {{ gold: {{ allow: 100/s }} }} }}\n  - mask: {{ {rules}, at-most: 4KiB, longer: refuse, others: refuse, stream: true }}"
        ));
    let keys = [
        api_key_entry("a", "adm_lead", "lead", ""),
        api_key_entry("b", "adm_support", "support", ""),
        api_key_entry("c", "adm_scoped", "other", "scopes: [pii]"),
    ];
    let gateway = Setup::new(&policy)
        .file("keys.yaml", format!("keys:\n{}", keys.concat()))
        .start()
        .await;
    for (key, shown) in [
        ("adm_lead", "1234"),
        ("adm_support", "Ada"),
        ("adm_scoped", "ada@example.com"),
    ] {
        for answer in ask(&gateway, &[&format!("X-Api-Key: {key}")]).await {
            let text = answer.text();
            let seen: Vec<&str> = ["1234", "Ada", "ada@example.com"]
                .into_iter()
                .filter(|part| text.contains(part))
                .collect();
            assert_eq!(seen, [shown], "{key}: {text}");
        }
    }
}

#[tokio::test]
async fn a_keyed_hash_tells_that_two_values_are_the_same() {
    covers(&[
        "policies.*[].mask.rules[].as.hash.env",
        "policies.*[].mask.rules[].as.hash.file",
    ]);
    let origin = origin_of("application/json", r#"{"a":"x"}"#).await;
    let mut seen = Vec::new();
    for secret in ["{ env: MASK_KEY }", "{ file: mask.key }"] {
        let keys = format!(
            "rules: [{{ fields: [a], as: {{ hash: {secret} }} }}], at-most: 4KiB, longer: refuse, others: refuse, stream: true"
        );
        let setup = Setup::new(&policy(&origin, &keys)).variable("MASK_KEY", &"k".repeat(32));
        let gateway = setup.file("mask.key", "k".repeat(32)).start().await;
        seen.extend(ask(&gateway, &[]).await.iter().map(Response::text));
    }
    assert!(
        seen[0].starts_with(r#"{"a":"hmac:"#) && seen[0].len() == 37,
        "{seen:?}"
    );
    assert!(seen.iter().all(|one| *one == seen[0]), "{seen:?}");
}

#[tokio::test]
async fn what_cannot_be_masked_passes_only_where_the_file_says_so() {
    covers(&[
        "policies.*[].mask.others",
        "policies.*[].mask.text",
        "policies.*[].mask.longer",
    ]);
    let rules = "rules: [{ detect: [email], as: redact }], at-most: 1KiB";
    let text = origin_of("text/plain", "to ada@example.com").await;
    for (keys, status, body) in [
        ("longer: refuse, others: refuse", 502, ""),
        ("longer: refuse, others: pass", 200, "to ada@example.com"),
        ("longer: refuse, others: refuse, text: true", 200, "to ***"),
    ] {
        let gateway = Gateway::start(&policy(&text, &format!("{rules}, {keys}"))).await;
        for answer in ask(&gateway, &[]).await {
            assert_eq!(answer.status, status, "{keys}");
            if status == 200 {
                assert_eq!(answer.text(), body, "{keys}");
            } else {
                assert_eq!(answer.refused(502), "mask.unreadable");
            }
        }
    }
    let long: &'static str =
        Box::leak(format!(r#"["ada@example.com","{}"]"#, "x".repeat(5000)).into_boxed_str());
    let origin = origin_of("application/json", long).await;
    let gateway = Gateway::start(&policy(
        &origin,
        &format!("{rules}, longer: refuse, others: refuse"),
    ))
    .await;
    for answer in ask(&gateway, &[]).await {
        assert_eq!(answer.refused(502), "mask.too-long");
    }
    let gateway = Gateway::start(&policy(
        &origin,
        &format!("{rules}, longer: pass, others: refuse"),
    ))
    .await;
    for answer in ask(&gateway, &[]).await {
        assert_eq!(answer.text(), long);
    }
}

/// `{"pin":1234,"a":1}` by gzip.
#[rustfmt::skip] // Bytes.
const CODED: &[u8] = &[
    31, 139, 8, 0, 0, 0, 0, 0, 2, 3, 171, 86, 42, 200, 204, 83, 178, 50, 52, 50, 54, 209, 81, 74, 4, 50, 106, 1, 16, 82, 183, 150, 18, 0, 0, 0,
];

#[tokio::test]
async fn a_coded_answer_is_decoded_and_a_member_that_must_not_leave_refuses_it() {
    let origin =
        Origin::start(|_| Answer::of("application/json", CODED).with("content-encoding", "gzip")).await;
    let rest = "at-most: 4KiB, longer: refuse, others: refuse";
    for (how, expected) in [("redact", r#"{"pin":"***","a":1}"#), ("refuse", "")] {
        let keys = format!("rules: [{{ fields: [pin], as: {how} }}], {rest}");
        let gateway = Gateway::start(&policy(&origin, &keys)).await;
        for answer in ask(&gateway, &[]).await {
            if expected.is_empty() {
                assert_eq!(answer.refused(502), "mask.forbidden");
            } else {
                assert_eq!(answer.text(), expected);
                assert_eq!(answer.field("content-encoding"), None);
                assert_eq!(answer.field("content-length"), Some("19"));
            }
        }
    }
}
