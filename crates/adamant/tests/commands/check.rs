//! `adamant check`.

use super::binary::{Folder, POLICY, small};

#[test]
fn a_good_file_is_ok_with_its_memory_and_its_digest() {
    let told = small().run(&["check"]).exits(0).stdout;
    assert!(told.contains("rate: remembered keys"), "{told}");
    let last = told.lines().last().unwrap();
    let digest = last.strip_prefix("ok ").unwrap();
    assert!(
        digest.len() == 64 && digest.bytes().all(|byte| byte.is_ascii_hexdigit()),
        "{last}"
    );
}

#[test]
fn machines_get_the_same_as_json() {
    let told = small().run(&["check", "--format", "json"]).exits(0).json();
    assert_eq!(told["ok"], true);
    let bounds = told["memory"]["bounds"].as_array().unwrap();
    let sum: u64 = bounds.iter().map(|bound| bound["bytes"].as_u64().unwrap()).sum();
    assert!(sum > 0 && told["memory"]["bytes"] == sum, "{told}");
}

#[test]
fn every_problem_is_told_in_one_run() {
    let text = POLICY
        .replace("burst: 2", "burts: 2")
        .replace("to: echo", "to: eco");
    let folder = small().file("gateway.yaml", &text);
    let told = folder.run(&["check"]).exits(1);
    assert!(told.stderr.contains("did you mean `burst`?"), "{told:#?}");
    assert!(
        told.stderr.contains("gateway.yaml:") && told.stderr.contains('^'),
        "{told:#?}"
    );
    let lines = folder.run(&["check", "--format", "json"]).exits(1).json_lines();
    let codes: Vec<_> = lines.iter().map(|line| line["code"].as_str().unwrap()).collect();
    assert_eq!(codes.len(), 2, "{lines:?}");
    assert!(codes.contains(&"keys.unknown"), "{codes:?}");
}

#[test]
fn a_missing_key_file_is_a_problem_of_the_file() {
    let told = Folder::with(POLICY).run(&["check"]).exits(1).stderr;
    assert!(
        told.contains("keys.yaml") && told.contains("cannot be read"),
        "{told}"
    );
}

#[test]
fn no_secret_is_needed() {
    let policy = POLICY.replace(
        "- api-key: { keys: { file: keys.yaml } }",
        "- jwt: { keys: { secret: { env: NOT_SET_ANYWHERE } }, issuer: i, audience: a, algorithms: [HS256], type: any }",
    );
    Folder::with(&policy).run(&["check"]).exits(0);
}

#[test]
fn arguments_that_make_no_sense_are_told_apart() {
    let folder = small();
    folder.run(&["check", "--config", "absent.yaml"]).exits(2);
    folder.run(&["check", "--format", "xml"]).exits(2);
    folder.run(&["frobnicate"]).exits(2);
}

#[test]
fn help_has_examples_and_exit_codes() {
    for command in [
        "run", "check", "explain", "test", "show", "schema", "digest", "keygen",
    ] {
        let told = small().run(&[command, "--help"]).exits(0).stdout;
        assert!(
            told.contains("Examples:") && told.contains("Exit codes:"),
            "{command}: {told}"
        );
    }
}
