//! The digest names the program as well as the policy: which filters are linked, and in which version.
//!
//! This test is a gateway itself and starts itself again, so that programs are compared that differ in nothing else.
#![allow(clippy::expect_used, reason = "a test fails by panicking")]

use std::path::Path;
use std::process::{Command, ExitCode};

use maintenance::Maintenance;
use tenant_header::Tenants;

/// Which gateway the process is: versions of the filters that it links, by the words `FILTER=VERSION`.
const LINKED: &str = "DIGEST_TEST_LINKED";

fn main() -> ExitCode {
    match std::env::var(LINKED) {
        Ok(linked) => gateway(&linked),
        Err(_) => {
            the_digest_follows_what_is_linked();
            ExitCode::SUCCESS
        }
    }
}

fn gateway(linked: &str) -> ExitCode {
    let program = adamant::Adamant::with_builtins();
    let program = linked
        .split_whitespace()
        .fold(program, |program, word| match word.split_once('=') {
            Some(("maintenance", version)) => program.filter::<Maintenance>(version),
            Some(("tenants", version)) => program.filter::<Tenants>(version),
            Some(_) | None => program,
        });
    program.main()
}

/// The digest of one policy, which uses none of the filters, as this gateway tells it.
fn digest(linked: &str) -> String {
    let policy = Path::new(env!("CARGO_TARGET_TMPDIR")).join("digest.yaml");
    let text = "adamant: 1\nlisteners: { l: { bind: \"127.0.0.1:0\" } }\nroutes:\n  - { name: r, match: { path: / }, \
                public: true, respond: { status: 204 } }\n";
    std::fs::write(&policy, text).expect("a policy for the test");
    let ended = Command::new(std::env::current_exe().expect("this program"))
        .env(LINKED, linked)
        .args(["digest", "--config"])
        .arg(&policy)
        .output()
        .expect("the gateway runs");
    assert!(ended.status.success(), "{linked}: {ended:#?}");
    let told = String::from_utf8(ended.stdout).expect("text").trim().to_owned();
    assert_eq!(told.len(), 64, "{told}");
    told
}

fn the_digest_follows_what_is_linked() {
    let first = digest("maintenance=1.0.0 tenants=1.0.0");
    assert_eq!(
        first,
        digest("tenants=1.0.0 maintenance=1.0.0"),
        "the order of linking means nothing"
    );
    let others = [
        "maintenance=1.0.1 tenants=1.0.0",
        "maintenance=1.0.0 tenants=1.0.1",
        "maintenance=1.0.0",
        "tenants=1.0.0",
        "none",
    ];
    let mut seen = vec![first];
    for linked in others {
        let other = digest(linked);
        assert!(
            !seen.contains(&other),
            "{linked}: another program with the same digest"
        );
        seen.push(other);
    }
}
