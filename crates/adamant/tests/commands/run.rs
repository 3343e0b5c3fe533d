//! `adamant run`: what it says, what it announces, and how it refuses.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::binary::{Folder, POLICY, small};

/// A gateway that ends with the value.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Longest time that anything here may take.
const PATIENCE: Duration = Duration::from_secs(20);

fn start(folder: &Folder, arguments: &[&str]) -> (Running, Value) {
    let mut command = folder.command(arguments);
    let child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary starts");
    let mut running = Running(child);
    let path = folder.path().join("addresses.json");
    let began = Instant::now();
    loop {
        if let Ok(text) = std::fs::read_to_string(&path) {
            return (
                running,
                serde_json::from_str(&text).expect("whole as soon as it is there"),
            );
        }
        let ended = running.0.try_wait().expect("a child of ours");
        assert!(
            ended.is_none() && began.elapsed() < PATIENCE,
            "it serves soon, and announces it: {ended:?}"
        );
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn get(address: &str, target: &str) -> String {
    let mut stream = TcpStream::connect(address).expect("it accepts");
    stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    write!(
        stream,
        "GET {target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    )
    .expect("it reads");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("it answers");
    answer
}

#[test]
fn it_announces_where_it_serves_and_tells_what_it_enforces() {
    let folder = small();
    let (mut running, announced) = start(
        &folder,
        &["run", "--workers", "1", "--announce", "addresses.json"],
    );
    let address = announced["listeners"]["public"]
        .as_str()
        .expect("the listener's address");
    let answer = get(address, "/status");
    assert!(
        answer.starts_with("HTTP/1.1 200") && answer.ends_with(r#"{"ok":true}"#),
        "{answer}"
    );
    assert!(
        get(address, "/orders/1").starts_with("HTTP/1.1 404"),
        "another host has no orders"
    );
    running.0.kill().expect("a child of ours");
    let mut told = String::new();
    running
        .0
        .stderr
        .take()
        .expect("a pipe")
        .read_to_string(&mut told)
        .expect("text");
    let digest = announced["digest"].as_str().expect("the digest");
    assert!(told.starts_with(&format!("digest {digest}\n")), "{told}");
    assert!(
        told.contains("PUBLIC") && told.contains("api-key"),
        "the posture is told: {told}"
    );
    let line = format!(" INFO  {} adamant", &digest[..8]);
    assert!(told.contains(&line), "log lines carry the digest: {told}");
    assert_eq!(folder.run(&["digest"]).exits(0).stdout.trim(), digest);
}

#[test]
fn it_is_what_happens_without_a_command() {
    let (_running, announced) = start(&small(), &["--announce", "addresses.json"]);
    assert!(announced["listeners"]["public"].is_string(), "{announced}");
}

#[test]
fn a_port_in_use_is_the_machine() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("its address").to_string();
    let policy = POLICY.replace("127.0.0.1:0", &address);
    let told = small()
        .file("gateway.yaml", &policy)
        .run(&["run"])
        .exits(3)
        .stderr;
    assert!(
        told.contains(&address) && told.contains("listener public"),
        "{told}"
    );
}

#[test]
fn a_missing_secret_is_the_machine() {
    let policy = POLICY.replace(
        "- api-key: { keys: { file: keys.yaml } }",
        "- jwt: { keys: { secret: { env: NOT_SET_ANYWHERE } }, issuer: i, audience: a, algorithms: [HS256], type: any }",
    );
    let told = Folder::with(&policy).run(&["run"]).exits(3).stderr;
    assert!(told.contains("`NOT_SET_ANYWHERE` is not set"), "{told}");
}

#[test]
fn a_broken_file_never_starts() {
    let told = Folder::with("adamant: 1\n")
        .run(&["run", "--announce", "addresses.json"])
        .exits(1);
    assert!(
        told.stdout.is_empty() && told.stderr.contains("error["),
        "{told:#?}"
    );
}

#[test]
fn no_place_for_the_announcement_is_the_machine() {
    small()
        .run(&["run", "--announce", "absent/addresses.json"])
        .exits(3);
}
