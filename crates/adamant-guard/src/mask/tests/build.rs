//! What is written wrongly under `mask`.

use super::*;

fn problem(config: &Value) -> Problem {
    let problems = Trial::try_build::<Mask>(config, &mut TrialHost::new()).expect_err("it is broken");
    problems.iter().next().unwrap().clone()
}

#[test]
fn a_rule_that_means_nothing_is_refused_at_its_place() {
    let cases = [
        (json!([]), "rules"),
        (json!([{"as": "redact"}]), "rules[0]"),
        (json!([{"fields": ["a"], "as": {}}]), "rules[0].as"),
        (
            json!([{"fields": ["a"], "as": {"keep-last": 4, "hash": {"env": "K"}}}]),
            "rules[0].as",
        ),
        (
            json!([{"fields": ["a"], "as": {"keep-last": 0}}]),
            "rules[0].as.keep-last",
        ),
        (
            json!([{"fields": ["a"], "as": {"keep-last": 17}}]),
            "rules[0].as.keep-last",
        ),
        (
            json!([{"paths": ["$.a", "a"], "as": "redact"}]),
            "rules[0].paths[1]",
        ),
        (
            json!([{"detect": ["card"], "as": "redact", "match-case": true}]),
            "rules[0].match-case",
        ),
        (
            json!([{"detect": ["card", "card"], "as": "redact"}]),
            "rules[0].detect[0]",
        ),
        (
            json!([{"fields": ["a"], "as": "redact", "unless": {}}]),
            "rules[0].unless",
        ),
    ];
    for (rules, path) in cases {
        assert_eq!(problem(&with(rules.clone())).path(), Some(path), "{rules}");
    }
    let mut many = with(json!([]));
    many["rules"] = vec![json!({"fields": ["a"], "as": "redact"}); 33].into();
    assert_eq!(problem(&many).path(), Some("rules"));
    let mut stream = with(json!([{"fields": ["a"], "as": "refuse"}]));
    stream["stream"] = json!(true);
    assert_eq!(problem(&stream).path(), Some("rules[0].as"));
    let mut text = with(json!([{"fields": ["a"], "as": "redact"}]));
    text["text"] = json!(true);
    assert_eq!(problem(&text).path(), Some("text"));
    text["rules"] = json!([{"detect": ["card"], "as": "redact"}]);
    text["stream"] = json!(true);
    assert_eq!(problem(&text).path(), Some("text"));
}

#[test]
fn a_short_key_of_hashes_is_refused() {
    let config = with(json!([{"fields": ["a"], "as": {"hash": {"env": "KEY"}}}]));
    let secret = SecretRef::Env("KEY".to_owned());
    let mut host = TrialHost::new().with_secret(secret, &[7; 31]);
    let problems = Trial::try_build::<Mask>(&config, &mut host).expect_err("31 bytes");
    assert_eq!(problems.iter().next().unwrap().path(), Some("rules[0].as.hash"));
}

#[test]
fn the_canonical_form_has_no_order_but_that_of_the_rules() {
    let canonical = |rules: Value| {
        let node = adamant_filter::Node::from_json(&with(rules));
        let config: MaskConfig = adamant_filter::decode(&node).unwrap();
        serde_json::to_value(&config).unwrap()
    };
    let one = json!([{"fields": ["a", "b"], "detect": ["card", "iban"], "as": "redact", "unless": {"groups": ["x", "y"]}}]);
    let other = json!([{"detect": ["iban", "card"], "fields": ["b", "a"], "paths": [], "as": "redact", "match-case": false, "unless": {"groups": ["y", "x"]}}]);
    assert_eq!(canonical(one), canonical(other));
    let (first, second) = (
        json!({"fields": ["a"], "as": "redact"}),
        json!({"fields": ["a"], "as": "remove"}),
    );
    assert_ne!(
        canonical(json!([first, second])),
        canonical(json!([second, first]))
    );
}
