//! `adamant import`.

use super::binary::small;

#[test]
fn rules_are_printed_as_a_pack_that_loads_and_the_others_are_told() {
    let rules = "SecRule ARGS \"@rx ^evil\" \"id:7,phase:2,tag:'attack-rce'\"\nSecRule ARGS \"@rx a\" \"id:8,chain\"\n";
    let folder = small().file("rules.conf", rules);
    let told = folder.run(&["import", "seclang", "rules.conf"]).exits(0);
    assert!(
        told.stderr
            .contains("rules.conf:2: it is the beginning of a chain"),
        "{}",
        told.stderr
    );
    assert!(
        told.stderr.contains("1 rules were taken, 1 were not"),
        "{}",
        told.stderr
    );
    let policy = "adamant: 1\nlisteners: { a: { bind: \"127.0.0.1:1\" } }\nupstreams: { o: { built-in: echo } }\n\
                  routes:\n  - name: all\n    match: { path: /** }\n    public: true\n    to: o\n    filters:\n      \
                  - rules: { deny: [command-injection], built-in: false, packs: [pack.yaml] }\n";
    let folder = folder
        .file("pack.yaml", &told.stdout)
        .file("gateway.yaml", policy);
    folder.run(&["check"]).exits(0);
    let asked = folder
        .run(&["explain", "--json", "--url", "http://a.test/?q=evil"])
        .exits(0);
    assert_eq!(asked.json()["reason"], "rules.command-injection");
}

#[test]
fn a_file_without_a_rule_is_a_mistake() {
    let folder = small().file("rules.conf", "SecRuleEngine On\n");
    let told = folder.run(&["import", "seclang", "rules.conf"]).exits(2);
    assert!(
        told.stderr.contains("rules.conf:1: `SecRuleEngine` is no rule"),
        "{}",
        told.stderr
    );
    folder.run(&["import", "seclang", "absent.conf"]).exits(2);
}
