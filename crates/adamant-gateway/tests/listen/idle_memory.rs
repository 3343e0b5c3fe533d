//! What an idle connection costs; it prints, because resident memory is not stable enough to assert.

use std::time::Duration;

use crate::{BOUNDS, Gateway, listening};

fn resident_kib() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

fn open_files_max() -> usize {
    let limits = std::fs::read_to_string("/proc/self/limits").unwrap();
    let line = limits
        .lines()
        .find(|line| line.starts_with("Max open files"))
        .unwrap();
    line.split_whitespace()
        .nth(3)
        .unwrap()
        .parse()
        .unwrap_or(usize::MAX)
}

/// Both ends live in this process, so the figure is an upper bound of the gateway's share.
#[test]
fn idle_connections_are_small() {
    let gateway = Gateway::start(listening(BOUNDS));
    let mut warm = gateway.connect();
    assert_eq!(warm.get("/facts").status, 200);
    let before = resident_kib();
    // Both ends need a descriptor, and other tests run beside this one.
    let count = (open_files_max() / 2).saturating_sub(500).min(5_000);
    let mut clients: Vec<_> = (0..count).map(|_| gateway.connect()).collect();
    for client in &mut clients {
        assert_eq!(client.get("/facts").status, 200);
    }
    gateway.await_open(count + 1);
    std::thread::sleep(Duration::from_millis(100));
    let each = (resident_kib().saturating_sub(before)) as f64 / count as f64;
    println!("{count} idle connections: {each:.1} KiB each, both ends");
}
