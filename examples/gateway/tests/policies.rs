//! The policies of the example filters, held against what their policy tests say.
#![allow(clippy::expect_used, reason = "a test fails by panicking")]

use std::path::Path;
use std::process::{Command, Output};

/// Runs a command of the gateway on a policy.
fn run(command: &str, policy: &Path) -> Output {
    Command::new(env!("CARGO_BIN_EXE_example-gateway"))
        .args([command, "--config"])
        .arg(policy)
        .output()
        .expect("the binary runs")
}

#[test]
fn the_policies_hold_what_their_tests_say() {
    for folder in ["maintenance", "tenant-header"] {
        let policy = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../{folder}/gateway.yaml"));
        for command in ["check", "test"] {
            let ended = run(command, &policy);
            assert!(ended.status.success(), "{folder}: {command}: {ended:#?}");
        }
    }
}

#[test]
fn a_guard_that_reads_the_tenant_needs_the_filter_that_finds_it() {
    let policy = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tenant-header/gateway.yaml");
    let text = std::fs::read_to_string(policy).expect("the policy of the example");
    let line = text.lines().find(|line| line.contains("- tenant-header:"));
    let without = text.replace(line.expect("the policy has the filter"), "");
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("tenants-alone");
    std::fs::create_dir_all(&folder).expect("a folder for the test");
    let policy = folder.join("gateway.yaml");
    std::fs::write(&policy, without).expect("a policy for the test");
    let told = run("check", &policy);
    assert!(!told.status.success(), "{told:#?}");
    let told = String::from_utf8_lossy(&told.stderr).into_owned() + &String::from_utf8_lossy(&told.stdout);
    assert!(told.contains("order.unwritten-slot"), "{told}");
}
