//! What leaves of JSON, held and in pieces.

use proptest::prelude::*;

use super::*;

/// What leaves of a body under these rules.
fn masked(rules: &Value, body: &str) -> String {
    let answered = answer(&with(rules.clone()), head("application/json"), &[body.as_bytes()]);
    assert_eq!(code(&answered.verdict), "", "{body}");
    String::from_utf8(answered.body).unwrap()
}

fn streaming(rules: Value, at_most: &str, longer: &str) -> Value {
    json!({"rules": rules, "at-most": at_most, "longer": longer, "others": "refuse", "stream": true})
}

#[test]
fn each_way_of_masking_leaves_json() {
    let body = r#"{ "a" : 1, "b": {"c": [1, {"a": "x"}], "n": "4242 4242 4242 4242"} , "d":[ 1 ,2, 3 ] }"#;
    let cases = [
        (
            json!([{"fields": ["a"], "as": "redact"}]),
            r#"{ "a" : "***", "b": {"c": [1, {"a": "***"}], "n": "4242 4242 4242 4242"} , "d":[ 1 ,2, 3 ] }"#,
        ),
        (
            json!([{"fields": ["A"], "as": "remove"}]),
            r#"{ "b": {"c": [1, {}], "n": "4242 4242 4242 4242"} , "d":[ 1 ,2, 3 ] }"#,
        ),
        (
            json!([{"fields": ["b"], "as": "redact"}]),
            r#"{ "a" : 1, "b": "***" , "d":[ 1 ,2, 3 ] }"#,
        ),
        (json!([{"fields": ["b", "d"], "as": "remove"}]), r#"{ "a" : 1  }"#),
        (json!([{"fields": ["a", "b", "d"], "as": "remove"}]), "{  }"),
        (
            json!([{"paths": ["$.d[1]"], "as": "remove"}]),
            r#"{ "a" : 1, "b": {"c": [1, {"a": "x"}], "n": "4242 4242 4242 4242"} , "d":[ 1 , 3 ] }"#,
        ),
        (
            json!([{"paths": ["$.d[0]", "$.a", "$.b"], "as": "remove"}]),
            r#"{  "d":[ 2, 3 ] }"#,
        ),
        (
            json!([{"paths": ["$.d[*]"], "as": {"keep-last": 4}}, {"paths": ["$.b"], "as": "remove"}]),
            r#"{ "a" : 1 , "d":[ "***" ,"***", "***" ] }"#,
        ),
        (
            json!([{"detect": ["card"], "as": {"keep-last": 4}}]),
            r#"{ "a" : 1, "b": {"c": [1, {"a": "x"}], "n": "***4242"} , "d":[ 1 ,2, 3 ] }"#,
        ),
        (
            json!([{"detect": ["card"], "as": "remove"}]),
            r#"{ "a" : 1, "b": {"c": [1, {"a": "x"}]} , "d":[ 1 ,2, 3 ] }"#,
        ),
    ];
    for (rules, expected) in cases {
        assert_eq!(masked(&rules, body), expected, "{rules}");
    }
}

#[test]
fn detectors_see_through_escapes_and_look_at_names_and_numbers() {
    let rules = json!([{"detect": ["card", "email", "private-key"], "as": "redact"}]);
    let cases = [
        (
            r#"{"a":"to \u0061@b\u002etest, \"x\""}"#,
            r#"{"a":"to ***, \"x\""}"#,
        ),
        (r#"{"a@b.test":1,"c":2}"#, r#"{"***":1,"c":2}"#),
        (
            r#"[4242424242424242,4242424242424241]"#,
            r#"["***",4242424242424241]"#,
        ),
        (
            r#"["-----BEGIN PRIVATE KEY-----\nMII\n-----END PRIVATE KEY-----\n"]"#,
            r#"["***\n"]"#,
        ),
        (r#""a@b.test and c@d.test""#, r#""*** and ***""#),
        (
            r#""\ud83d\ude00 a@b.test \ud83d""#,
            r#""\ud83d\ude00 *** \ud83d""#,
        ),
    ];
    for (body, expected) in cases {
        assert_eq!(masked(&rules, body), expected);
    }
    let remove = json!([{"detect": ["email"], "as": "remove"}]);
    assert_eq!(masked(&remove, r#"{"a@b.test":{"x":1},"c":2}"#), r#"{"c":2}"#);
    assert_eq!(masked(&remove, r#""a@b.test""#), "null");
}

#[test]
fn the_name_of_a_value_wins_over_what_is_found_in_it_and_the_first_rule_over_later_ones() {
    let rules = json!([
        {"detect": ["email"], "as": {"keep-last": 4}},
        {"fields": ["mail"], "as": "redact"},
        {"paths": ["$.mail"], "as": "remove"},
    ]);
    assert_eq!(
        masked(&rules, r#"{"mail":"me: a@b.test","x":"me: a@b.test"}"#),
        r#"{"mail":"***","x":"me: ***"}"#
    );
    let escaped = json!([{"fields": ["mail"], "as": "redact"}]);
    assert_eq!(masked(&escaped, r#"{"m\u0061il":1}"#), r#"{"m\u0061il":"***"}"#);
    let exact = json!([{"fields": ["mail"], "as": "redact", "match-case": true}]);
    assert_eq!(
        masked(&exact, r#"{"Mail":1,"mail":2}"#),
        r#"{"Mail":1,"mail":"***"}"#
    );
}

#[test]
fn the_same_value_has_the_same_hash_and_another_key_another() {
    let config = with(json!([{"fields": ["a"], "as": {"hash": {"env": "KEY"}}}]));
    let hashed = |key: u8, body: &str| {
        let secret = SecretRef::Env("KEY".to_owned());
        let trial = Trial::with_host::<Mask>(&config, &mut TrialHost::new().with_secret(secret, &[key; 32]));
        let mut request = trial.prepare(Request::build(Method::GET, "/").unwrap());
        assert!(matches!(trial.ask(&mut request), Verdict::Pass));
        String::from_utf8(
            trial
                .answer(&request, head("application/json"), &[body.as_bytes()])
                .body,
        )
        .unwrap()
    };
    let one = hashed(1, r#"{"a":"x"}"#);
    // HMAC-SHA-256 of `x` by 32 bytes of 1, from Python's `hmac`.
    assert_eq!(one, r#"{"a":"hmac:9a6525695460ebcfaee4b950"}"#);
    assert_eq!(hashed(1, r#"{"a":"\u0078"}"#), one);
    assert_ne!(hashed(2, r#"{"a":"x"}"#), one);
    assert_ne!(hashed(1, r#"{"a":"y"}"#), one);
}

#[test]
fn what_must_not_leave_refuses_the_answer() {
    for rules in [
        json!([{"detect": ["private-key"], "as": "refuse"}]),
        json!([{"fields": ["k"], "as": "refuse"}]),
    ] {
        let body = br#"{"a":1,"k":"-----BEGIN EC PRIVATE KEY-----"}"#;
        let answered = answer(&with(rules.clone()), head("application/json"), &[body]);
        assert_eq!((code(&answered.verdict), answered.body.len()), ("forbidden", 0));
        assert_eq!(masked(&rules, r#"{"a":1}"#), r#"{"a":1}"#);
    }
}

#[test]
fn a_long_value_of_a_stream_is_dealt_with_as_the_file_says() {
    let long = format!(
        r#"{{"a":"{0}","b":"{0} a@b.test","c":["{0}"]}}"#,
        "x".repeat(3000)
    );
    let pieces: Vec<&[u8]> = long.as_bytes().chunks(100).collect();
    let detect = json!([{"fields": ["a"], "as": "redact"}, {"detect": ["email"], "as": "redact"}]);
    let refused = answer(
        &streaming(detect.clone(), "1KiB", "refuse"),
        head("application/json"),
        &pieces,
    );
    assert_eq!(code(&refused.verdict), "too-long");
    assert_eq!(String::from_utf8(refused.body).unwrap(), r#"{"a":"***""#);
    let passed = answer(
        &streaming(detect, "1KiB", "pass"),
        head("application/json"),
        &pieces,
    );
    let expected = long.replacen(&format!("\"{}\"", "x".repeat(3000)), "\"***\"", 1);
    assert_eq!(String::from_utf8(passed.body).unwrap(), expected);
    // Nothing has to be found in it, so nothing of it has to be held.
    let named = json!([{"fields": ["c"], "as": "remove"}]);
    let answered = answer(
        &streaming(named, "1KiB", "refuse"),
        head("application/json"),
        &pieces,
    );
    assert_eq!(code(&answered.verdict), "");
    let value: Value = serde_json::from_slice(&answered.body).unwrap();
    assert_eq!(value["c"], Value::Null);
    assert_eq!(value["a"].as_str().map(str::len), Some(3000));
}

#[test]
fn several_steps_mask_the_same_stream_each_by_its_own_rules() {
    let rules = |name: &str| {
        let node = adamant_filter::Node::from_json(&with(json!([{"fields": [name], "as": "redact"}])));
        let config: MaskConfig = adamant_filter::decode(&node).unwrap();
        let compiled =
            adamant_filter::trial::with_boot(&mut TrialHost::new(), |boot| Rules::of(&config, boot));
        Arc::new(compiled.unwrap())
    };
    let (one, two) = (rules("a"), rules("b"));
    let rewriter = |rules: &Arc<Rules>| Rewriter::new(Arc::clone(rules), 1, (1024, Unreadable::Refuse));
    let running = Running::of(rewriter(&one));
    running.add(rewriter(&two));
    let body = br#"{"a":1,"b":2}"#;
    let (mut first, mut second) = (Vec::new(), Vec::new());
    assert_eq!(running.push(&two, body, true, &mut first), Ok(true));
    assert_eq!(first, br#"{"a":1,"b":"***"}"#);
    assert_eq!(running.push(&one, &first, true, &mut second), Ok(true));
    assert_eq!(second, br#"{"a":"***","b":"***"}"#);
}

/// Any JSON, with names and texts that rules look at.
fn json_value() -> impl Strategy<Value = Value> {
    let text = prop::sample::select(vec![
        "",
        "x",
        "a@b.test",
        "to a@b.test or \"c@d.test\"\n",
        "4242424242424242",
        "\u{e9}\u{1F600} a@b.test",
        "\\",
        "-1",
    ]);
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        Just(Value::from(4_242_424_242_424_242_u64)),
        text.prop_map(Value::from),
    ];
    let name = prop::sample::select(vec!["a", "b", "secret", "Secret", "a@b.test", "\u{e9}\"", ""]);
    leaf.prop_recursive(4, 40, 5, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::btree_map(name.clone().prop_map(str::to_owned), inner, 0..5)
                .prop_map(|members| members.into_iter().collect::<serde_json::Map<_, _>>().into()),
        ]
    })
}

/// What the rules mean, done on a tree: names and paths, and nothing found.
fn by_tree(value: &Value, remove: &str, redact: &str) -> Value {
    match value {
        Value::Array(items) => items.iter().map(|item| by_tree(item, remove, redact)).collect(),
        Value::Object(members) => members
            .iter()
            .filter(|(name, _)| !name.eq_ignore_ascii_case(remove))
            .map(|(name, value)| {
                let value = if name.eq_ignore_ascii_case(redact) {
                    json!("***")
                } else {
                    by_tree(value, remove, redact)
                };
                (name.clone(), value)
            })
            .collect::<serde_json::Map<_, _>>()
            .into(),
        other => other.clone(),
    }
}

fn rewritten(config: &Value, pieces: &[&[u8]]) -> Vec<u8> {
    let answered = answer(config, head("application/json"), pieces);
    assert_eq!(code(&answered.verdict), "");
    answered.body
}

proptest! {
    #[test]
    fn what_leaves_is_what_the_rules_mean(value in json_value(), pretty in any::<bool>()) {
        let body = if pretty { serde_json::to_string_pretty(&value) } else { serde_json::to_string(&value) }.unwrap();
        let config = with(json!([{"fields": ["secret"], "as": "remove"}, {"fields": ["b"], "as": "redact"}]));
        let out: Value = serde_json::from_slice(&rewritten(&config, &[body.as_bytes()])).unwrap();
        prop_assert_eq!(out, by_tree(&value, "secret", "b"));
    }

    #[test]
    fn nothing_moves_where_nothing_is_masked(value in json_value()) {
        let body = serde_json::to_string_pretty(&value).unwrap();
        let config = with(json!([{"fields": ["other"], "as": "remove"}, {"paths": ["$.x..y"], "as": "redact"}, {"detect": ["iban"], "as": "remove"}]));
        prop_assert_eq!(rewritten(&config, &[body.as_bytes()]), body.into_bytes());
    }

    #[test]
    fn pieces_do_not_matter(value in json_value(), size in 1usize..9) {
        let body = serde_json::to_string_pretty(&value).unwrap();
        let rules = json!([
            {"fields": ["secret"], "as": "remove"}, {"paths": ["$.a.b", "$[1]"], "as": "redact"},
            {"detect": ["email"], "as": {"keep-last": 2}}, {"detect": ["card"], "as": "remove"},
        ]);
        let whole = rewritten(&with(rules.clone()), &[body.as_bytes()]);
        let pieces: Vec<&[u8]> = body.as_bytes().chunks(size).collect();
        prop_assert_eq!(&rewritten(&streaming(rules, "64KiB", "refuse"), &pieces), &whole);
        prop_assert!(serde_json::from_slice::<Value>(&whole).is_ok());
        let leaks = whole.windows(8).any(|part| part == b"a@b.test" || part == b"42424242");
        prop_assert!(!leaks, "{}", String::from_utf8_lossy(&whole));
    }

    /// What is no JSON never leaves as if it were: whatever passes can be read.
    #[test]
    fn only_json_passes(body in "[\\[\\]{}\",:0-9eE.+ \\\\untrlsfa-]{0,24}") {
        let config = with(json!([{"fields": ["a"], "as": "remove"}, {"detect": ["email"], "as": "redact"}]));
        let answered = answer(&config, head("application/json"), &[body.as_bytes()]);
        if code(&answered.verdict).is_empty() && !body.is_empty() {
            prop_assert!(serde_json::from_slice::<Value>(&answered.body).is_ok(), "{body}");
        } else if !body.is_empty() {
            // Half a pair is allowed here, and a number beyond measure.
            let known = serde_json::from_str::<Value>(&body).is_err();
            prop_assert!(known, "{body}");
        }
    }
}
