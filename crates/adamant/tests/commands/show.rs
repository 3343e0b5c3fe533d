//! `adamant show`, `adamant digest` and `adamant schema`.

use super::binary::{POLICY, small};

#[test]
fn what_is_shown_is_a_file_of_the_same_meaning() {
    let folder = small();
    let shown = folder.run(&["show"]).exits(0).stdout;
    assert!(
        shown.contains("header-time:") && shown.contains("missing") == POLICY.contains("missing"),
        "{shown}"
    );
    let digest = folder.run(&["digest"]).exits(0).stdout;
    let folder = folder.file("gateway.yaml", &shown);
    assert_eq!(folder.run(&["digest"]).exits(0).stdout, digest);
    assert_eq!(folder.run(&["show"]).exits(0).stdout, shown);
    let shown = folder.run(&["show", "--json"]).exits(0);
    assert_eq!(shown.json()["adamant"], 1);
    let folder = folder.file("gateway.yaml", &shown.stdout);
    assert_eq!(folder.run(&["digest"]).exits(0).stdout, digest);
}

#[test]
fn a_digest_follows_meaning_and_named_files_alone() {
    let digest = |policy: &str, keys: Option<&str>| {
        let folder = small().file("gateway.yaml", policy);
        let folder = match keys {
            Some(keys) => folder.file("keys.yaml", keys),
            None => folder,
        };
        folder.run(&["digest"]).exits(0).stdout
    };
    let base = digest(POLICY, None);
    assert_eq!(base.len(), 65);
    assert_eq!(digest(&format!("# a note\n{POLICY}"), None), base);
    assert_ne!(digest(&POLICY.replace("burst: 2", "burst: 3"), None), base);
    let keys = super::binary::KEYS.replace("acme", "acma");
    assert_ne!(digest(POLICY, Some(&keys)), base);
}

#[test]
fn the_posture_marks_what_is_public() {
    let folder = small();
    let told = folder.run(&["show", "--posture"]).exits(0).stdout;
    let row = |name: &str| {
        told.lines()
            .find(|line| line.starts_with(name))
            .unwrap_or_else(|| panic!("{told}"))
    };
    assert!(
        row("status").contains("PUBLIC") && row("status").contains("respond 200"),
        "{told}"
    );
    assert!(
        row("orders").contains("api-key") && row("orders").contains("rate"),
        "{told}"
    );
    assert!(!row("orders").contains("PUBLIC"), "{told}");
    let told = folder.run(&["show", "--posture", "--json"]).exits(0).json();
    assert_eq!(told["routes"][2]["authentication"][0], "api-key");
    assert_eq!(told["routes"][0]["public"], true);
}

#[test]
fn weaker_protection_is_marked() {
    let policy = POLICY.replace(
        "{ by: consumer, allow: 1/s, burst: 2 }",
        "{ by: address, allow: 1/s }\n      shadow: true",
    );
    let policy = policy.replace(
        "filters: [{ use: partner }]",
        "filters: [{ use: partner, on-fault: deny }]\n    stream: true",
    );
    let told = small()
        .file("gateway.yaml", &policy)
        .run(&["show", "--posture"])
        .exits(0)
        .stdout;
    let row = told.lines().find(|line| line.starts_with("orders")).unwrap();
    assert!(row.contains("stream") && row.contains("shadow: rate"), "{told}");
}

#[test]
fn a_result_that_cannot_be_written_is_no_success() {
    let folder = small();
    for command in [
        &["show"][..],
        &["show", "--json"],
        &["schema"],
        &["digest"],
        &["check"],
    ] {
        let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
        let ended = folder.command(command).stdout(full).output().unwrap();
        let told = String::from_utf8_lossy(&ended.stderr).into_owned();
        assert_eq!(ended.status.code(), Some(3), "{command:?}: {told}");
        assert!(
            told.contains("the result cannot be written"),
            "{command:?}: {told}"
        );
    }
}

#[test]
fn the_schema_takes_numbers_as_words_where_the_file_does() {
    let folder = small();
    let schema = folder.run(&["schema"]).exits(0).json();
    let cases = [
        ("Version", serde_json::json!([1, "1"])),
        ("TlsWord", serde_json::json!([1.2, "1.2"])),
        ("TlsWord", serde_json::json!([1.3, "1.3"])),
    ];
    for (name, words) in cases {
        let choices = schema["$defs"][name]["oneOf"].as_array().unwrap();
        let found = choices.iter().any(|choice| choice["enum"] == words);
        assert!(found, "an editor takes {words} as {name}: {choices:?}");
    }
}

#[test]
fn the_schema_knows_the_filters_and_its_leaves_are_paths() {
    let folder = small();
    let schema = folder.run(&["schema"]).exits(0).json();
    assert_eq!(schema["title"], "gateway.yaml");
    let leaves = folder.run(&["schema", "--leaves"]).exits(0).json();
    let leaves: Vec<&str> = leaves
        .as_array()
        .unwrap()
        .iter()
        .map(|leaf| leaf.as_str().unwrap())
        .collect();
    for leaf in [
        "listeners.*.bounds.connections",
        "policies.*[].rate.allow",
        "routes[].filters[].use",
    ] {
        assert!(leaves.contains(&leaf), "{leaf}: {leaves:?}");
    }
}
