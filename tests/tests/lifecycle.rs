//! The life of a gateway from its file to its end: nothing changes it, and a signal drains it.
#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use adamant_tests::gateway::Setup;
use adamant_tests::{Client, Gateway, Origin, Policy, client};

#[tokio::test]
async fn a_changed_file_changes_nothing() {
    let origin = Origin::hello().await;
    let policy = Policy::proxy(&origin);
    let gateway = Gateway::start(&policy).await;
    gateway.folder().write("gateway.yaml", "adamant: 1\n");
    let answer = client::get(gateway.address(), "/", &[]).await;
    assert_eq!(answer.status, 200, "the file was read once and never again");
    let version = client::get(gateway.admin(), "/version", &[]).await;
    assert_eq!(version.json()["digest"], gateway.digest());
}

#[tokio::test]
async fn a_signal_to_stop_closes_idle_connections_and_ends_with_success() {
    let origin = Origin::hello().await;
    let mut gateway = Gateway::start(&Policy::proxy(&origin)).await;
    let mut idle = Client::connect(gateway.address()).await;
    assert_eq!(idle.get("/", &[]).await.status, 200);
    gateway.terminate();
    idle.closed().await;
    assert!(gateway.ended().await.success());
}

#[tokio::test]
async fn a_port_in_use_is_told_and_ends_the_start() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = taken.local_addr().expect("an address");
    let yaml = format!(
        "adamant: 1\nlisteners:\n  public: {{ bind: \"{address}\" }}\nroutes:\n  - {{ name: a, match: {{ path: / }}, public: true, respond: {{ status: 204 }} }}\n"
    );
    let refused = Setup::text(&yaml).refuses().await;
    assert_eq!(refused.code, Some(3));
    assert!(
        refused.stderr.contains("public") && refused.stderr.contains(&address.to_string()),
        "{}",
        refused.stderr
    );
}
