//! Waits that grow, tables that do not.

use proptest::prelude::*;

use super::*;

fn config(after: u32, remember: u32) -> GuardConfig {
    GuardConfig {
        after,
        remember,
        ..GuardConfig::default()
    }
}

fn at(seconds: u64) -> Tick {
    Tick(seconds * 1_000_000_000)
}

fn seconds(table: &Table, culprit: u128, now: u64) -> Option<u64> {
    table.wait(Culprit(culprit), at(now)).map(|wait| wait.as_secs())
}

#[test]
fn the_wait_doubles_up_to_its_bound_and_is_forgotten_at_last() {
    let table = Table::new(&config(3, 10), 3);
    let fail = |now: u64| table.add(Culprit(1), at(now));
    for _ in 0..2 {
        fail(0);
        assert_eq!(seconds(&table, 1, 0), None, "the first failures are free");
    }
    for (now, wait) in [
        (0, 1),
        (1, 2),
        (3, 4),
        (7, 8),
        (100, 16),
        (200, 32),
        (300, 64),
        (400, 128),
        (600, 256),
        (900, 300),
        (1200, 300),
    ] {
        fail(now);
        assert_eq!(seconds(&table, 1, now), Some(wait), "at {now}");
        assert_eq!(seconds(&table, 1, now + wait), None, "at {now}");
        assert_eq!(seconds(&table, 2, now), None, "another one");
    }
    fail(1500 + 3599);
    assert_eq!(seconds(&table, 1, 5099), Some(300));
    fail(5399 + 3600);
    assert_eq!(seconds(&table, 1, 8999), None, "an hour without failure");
}

#[test]
fn a_success_clears_the_account_and_not_the_network() {
    let guard = Guard::with_key(&config(1, 10), [1; 32]);
    let (account, source) = (
        guard.account(b"alice"),
        guard.source("192.0.2.1".parse().unwrap()),
    );
    for _ in 0..25 {
        guard.failed(account, source, at(0));
    }
    assert!(matches!(
        guard.account_blocked(account, at(0)),
        Some(Blocked::Account(_))
    ));
    assert_eq!(
        guard.source_blocked(source, at(0)),
        Some(Blocked::Source(Duration::from_secs(1)))
    );
    guard.succeeded(account);
    assert_eq!(guard.account_blocked(account, at(0)), None);
    assert!(guard.source_blocked(source, at(0)).is_some());
}

#[test]
fn networks_are_addresses_or_the_first_half_of_them() {
    let guard = Guard::with_key(&config(1, 10), [1; 32]);
    let source = |text: &str| guard.source(text.parse().unwrap());
    assert_eq!(source("192.0.2.1"), source("::ffff:192.0.2.1"));
    assert_ne!(source("192.0.2.1"), source("192.0.2.2"));
    assert_eq!(source("2001:db8::1"), source("2001:db8::ffff:1:2"));
    assert_ne!(source("2001:db8::1"), source("2001:db8:0:1::1"));
}

#[test]
fn settings_that_guard_nothing_are_problems() {
    let good = GuardConfig::default();
    let cases = [
        (
            GuardConfig {
                after: 0,
                ..good.clone()
            },
            "guard.after",
        ),
        (
            GuardConfig {
                after_from_source: 0,
                ..good.clone()
            },
            "guard.after-from-source",
        ),
        (
            GuardConfig {
                remember: 0,
                ..good.clone()
            },
            "guard.remember",
        ),
        (
            GuardConfig {
                wait: Period::from_secs(0),
                ..good.clone()
            },
            "guard.wait",
        ),
        (
            GuardConfig {
                wait: Period::from_secs(301),
                ..good.clone()
            },
            "guard.at-most",
        ),
        (
            GuardConfig {
                forget: Period::from_secs(299),
                ..good.clone()
            },
            "guard.forget",
        ),
    ];
    assert!(good.check().is_ok());
    for (config, path) in cases {
        assert_eq!(config.check().unwrap_err().path(), Some(path));
    }
}

#[test]
fn retry_after_is_never_too_early() {
    for (millis, told) in [(1, "1"), (1000, "1"), (1001, "2"), (300_000, "300")] {
        assert_eq!(
            Blocked::Account(Duration::from_millis(millis)).retry_after(),
            told
        );
    }
}

proptest! {
    /// Whoever fails most recently is remembered, however many others fail; memory does not grow.
    #[test]
    fn a_flood_of_others_drops_the_least_indebted(others in proptest::collection::vec(any::<u128>(), 1..400)) {
        let table = Table::new(&config(1, 12), 1);
        for _ in 0..12 {
            table.add(Culprit(7), at(0));
        }
        let places = table.places.len();
        for other in &others {
            table.add(Culprit(*other), at(0));
        }
        prop_assert_eq!(table.places.len(), places);
        prop_assert!(table.wait(Culprit(7), at(0)).is_some());
    }

    /// No wait is longer than the file says.
    #[test]
    fn no_wait_passes_the_bound(failures in any::<u32>()) {
        let table = Table::new(&config(5, 6), 5);
        prop_assert!(table.wait_after(failures) <= Duration::from_secs(300));
    }
}
