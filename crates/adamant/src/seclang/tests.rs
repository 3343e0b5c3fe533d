//! Files of rules and what becomes of them. Each was written for this file.

use super::*;

const FILE: &str = r#"
# A comment
SecRule ARGS|REQUEST_HEADERS:X-Note "@rx (?i)drop\s+\"table" \
    "id:100,phase:2,block,t:none,t:urlDecodeUni,t:lowercase,\
    msg:'Drops, a table',severity:'ERROR',tag:'attack-sqli',tag:'paranoia-level/2'"
SecRule REQUEST_COOKIES "@pm one two" "id:101,phase:1,setvar:'tx.inbound_anomaly_score_pl1=+%{tx.warning_anomaly_score}'"
SecRule ARGS "@detectSQLi" "id:102,phase:2"
SecRule ARGS:q "@streq a b" "id:103"
"#;

fn reasons(text: &str) -> Vec<String> {
    let imported = import(text);
    assert!(imported.rules.is_empty(), "{imported:?}");
    imported.left_out.into_iter().map(|(_, reason)| reason).collect()
}

#[test]
fn rules_become_a_pack() {
    let imported = import(FILE);
    assert_eq!(imported.left_out, []);
    let expected = r#"rules:
  # Drops, a table
  - id: seclang-100
    category: sql-injection
    severity: error
    level: 2
    targets: ["query-values", "form-values", "json", "header:X-Note"]
    transform: [url-decode, lower-case]
    match: { regex: "(?i)drop\\s+\"table" }
  - id: seclang-101
    category: other
    severity: warning
    level: 1
    targets: ["cookie-values"]
    transform: []
    match: { contains: ["one", "two"] }
  - id: seclang-102
    category: other
    severity: critical
    level: 1
    targets: ["query-values", "form-values", "json"]
    transform: []
    match: { class: sql }
  - id: seclang-103
    category: other
    severity: critical
    level: 1
    targets: ["query:q", "form:q", "json:q"]
    transform: []
    match: { equals: ["a b"] }
"#;
    assert_eq!(imported.pack(), expected);
}

#[test]
fn what_cannot_be_taken_is_told() {
    let cases = [
        ("SecAction \"id:1\"", "`SecAction` is no rule"),
        ("SecRule ARGS", "a rule has variables"),
        ("SecRule ARGS \"@rx a\"", "it has no id"),
        ("SecRule ARGS \"!@rx a\" \"id:1\"", "absent"),
        ("SecRule ARGS \"@rx (?=a)\" \"id:1\"", "cannot be matched here"),
        ("SecRule ARGS \"@ipMatch 1\" \"id:1\"", "no operator `@ipMatch`"),
        ("SecRule ARGS \"@pm\" \"id:1\"", "nothing to look for"),
        ("SecRule ARGS \"@contains %{tx.a}\" \"id:1\"", "macro"),
        ("SecRule TX:a \"@rx a\" \"id:1\"", "do not look at `TX:a`"),
        ("SecRule !ARGS:a \"@rx a\" \"id:1\"", "exception"),
        ("SecRule ARGS:/a/ \"@rx a\" \"id:1\"", "no expressions"),
        ("SecRule ARGS \"@rx a\" \"id:1,phase:4\"", "phase 4"),
        (
            "SecRule ARGS \"@rx a\" \"id:1,t:sha1\"",
            "no transformation `sha1`",
        ),
        (
            "SecRule ARGS \"@rx a\" \"id:1,ctl:ruleEngine=Off\"",
            "no action `ctl`",
        ),
        ("SecRule ARGS \"@rx a\" \"id:1,severity:HIGH\"", "no severity"),
    ];
    for (text, reason) in cases {
        let told = reasons(text);
        assert!(told.len() == 1 && told[0].contains(reason), "{text}: {told:?}");
    }
}

#[test]
fn chains_are_left_out_as_a_whole() {
    let chain = "SecRule ARGS \"@rx a\" \"id:1,chain\"\nSecRule ARGS \"@rx b\" \"id:2,chain\"\nSecRule ARGS \"@rx c\" \"id:3\"";
    assert!(reasons(chain).iter().all(|reason| reason.contains("chain")));
    let imported = import(&format!(
        "{chain}\nSecRule ARGS \"@rx d\" \"id:4\"\nSecRule ARGS \"@rx d\" \"id:4\""
    ));
    assert_eq!(imported.rules.len(), 1);
    assert_eq!(
        imported.left_out.last(),
        Some(&(5, "another rule is called `seclang-4`".to_owned()))
    );
}
