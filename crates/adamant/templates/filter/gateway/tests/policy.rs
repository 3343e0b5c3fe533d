//! The policy of this folder holds what its tests say.

use std::path::Path;
use std::process::Command;

#[test]
fn the_policy_holds_what_its_tests_say() {
    let policy = Path::new(env!("CARGO_MANIFEST_DIR")).join("../gateway.yaml");
    for command in ["check", "test"] {
        let ended = Command::new(env!("CARGO_BIN_EXE_sample-filter-gateway"))
            .args([command, "--config"])
            .arg(&policy)
            .output()
            .expect("the gateway runs");
        assert!(ended.status.success(), "{command}: {ended:#?}");
    }
}
