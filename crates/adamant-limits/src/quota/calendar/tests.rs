//! Tests of periods, with the changes of clocks that are easy to get wrong.

use proptest::prelude::*;

use super::*;

fn calendar(zone: &str, per: Per) -> Calendar {
    Calendar::new(zone.parse::<Zone>().unwrap().time_zone(), per)
}

fn at(text: &str) -> Wall {
    wall(text.parse().unwrap()).unwrap()
}

/// Zone, period, a moment, and when the period of the moment begins and ends.
type Row = (&'static str, Per, &'static str, &'static str, &'static str);

#[rustfmt::skip] // One row a line: it is a table.
const PERIODS: &[Row] = &[
    ("UTC", Per::Day, "2026-11-25T09:00:00Z", "2026-11-25T00:00:00Z", "2026-11-26T00:00:00Z"),
    ("UTC", Per::Hour, "2026-11-25T09:59:59.999Z", "2026-11-25T09:00:00Z", "2026-11-25T10:00:00Z"),
    // A Wednesday; a Sunday night; a Monday morning.
    ("UTC", Per::Week, "2026-11-25T09:00:00Z", "2026-11-23T00:00:00Z", "2026-11-30T00:00:00Z"),
    ("UTC", Per::Week, "2026-11-29T23:59:59Z", "2026-11-23T00:00:00Z", "2026-11-30T00:00:00Z"),
    ("UTC", Per::Week, "2026-11-30T00:00:00Z", "2026-11-30T00:00:00Z", "2026-12-07T00:00:00Z"),
    ("UTC", Per::Month, "2028-02-29T12:00:00Z", "2028-02-01T00:00:00Z", "2028-03-01T00:00:00Z"),
    ("UTC", Per::Month, "2026-12-31T23:59:59Z", "2026-12-01T00:00:00Z", "2027-01-01T00:00:00Z"),
    // Berlin: an ordinary day, one of 23 hours, one of 25.
    ("Europe/Berlin", Per::Day, "2026-11-25T22:59:59Z", "2026-11-24T23:00:00Z", "2026-11-25T23:00:00Z"),
    ("Europe/Berlin", Per::Day, "2026-03-29T12:00:00Z", "2026-03-28T23:00:00Z", "2026-03-29T22:00:00Z"),
    ("Europe/Berlin", Per::Day, "2026-10-25T12:00:00Z", "2026-10-24T22:00:00Z", "2026-10-25T23:00:00Z"),
    ("Europe/Berlin", Per::Month, "2026-03-31T22:30:00Z", "2026-03-31T22:00:00Z", "2026-04-30T22:00:00Z"),
    // The hour that comes twice is two hours.
    ("Europe/Berlin", Per::Hour, "2026-10-25T00:30:00Z", "2026-10-25T00:00:00Z", "2026-10-25T01:00:00Z"),
    ("Europe/Berlin", Per::Hour, "2026-10-25T01:30:00Z", "2026-10-25T01:00:00Z", "2026-10-25T02:00:00Z"),
    // Zones that are not whole hours from UTC, and a change of half an hour.
    ("Asia/Kathmandu", Per::Hour, "2026-11-25T09:00:00Z", "2026-11-25T08:15:00Z", "2026-11-25T09:15:00Z"),
    ("Australia/Lord_Howe", Per::Hour, "2026-04-04T14:59:00Z", "2026-04-04T14:00:00Z", "2026-04-04T15:00:00Z"),
    ("Australia/Lord_Howe", Per::Hour, "2026-04-04T15:10:00Z", "2026-04-04T15:00:00Z", "2026-04-04T15:30:00Z"),
    // Midnight does not exist: clocks go from 24:00 to 01:00.
    ("Africa/Cairo", Per::Day, "2026-04-24T12:00:00Z", "2026-04-23T22:00:00Z", "2026-04-24T21:00:00Z"),
    // A day that does not exist at all.
    ("Pacific/Apia", Per::Day, "2011-12-30T09:59:59Z", "2011-12-29T10:00:00Z", "2011-12-30T10:00:00Z"),
    ("Pacific/Apia", Per::Day, "2011-12-30T10:00:00Z", "2011-12-30T10:00:00Z", "2011-12-31T10:00:00Z"),
];

#[test]
fn periods_begin_and_end_with_the_calendar_of_their_zone() {
    for &(zone, per, now, starts, ends) in PERIODS {
        let expected = Window {
            starts: at(starts),
            ends: at(ends),
        };
        assert_eq!(
            calendar(zone, per).window(at(now)),
            expected,
            "{zone} {per:?} {now}"
        );
    }
}

#[test]
fn zones_have_one_spelling() {
    for (text, name) in [
        ("UTC", "UTC"),
        ("europe/berlin", "Europe/Berlin"),
        ("Europe/Berlin", "Europe/Berlin"),
    ] {
        assert_eq!(text.parse::<Zone>().unwrap().name(), name);
    }
    for text in ["", "Berlin", "CEST", "+02:00", "Europe/Berlin ", "../etc/passwd"] {
        assert!(text.parse::<Zone>().is_err(), "{text}");
    }
}

#[test]
fn there_is_an_answer_at_the_ends_of_time() {
    for now in [0, 1, u64::MAX / 2, u64::MAX - 1] {
        for per in [Per::Hour, Per::Day, Per::Week, Per::Month] {
            let window = calendar("America/New_York", per).window(Wall(now));
            assert!(window.holds(Wall(now)), "{per:?} {now} {window:?}");
        }
    }
}

const ZONES: [&str; 8] = [
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "America/Havana",
    "Asia/Kathmandu",
    "Australia/Lord_Howe",
    "Pacific/Apia",
    "Africa/Casablanca",
];

proptest! {
    /// Periods lie one behind the other without gap and overlap, and every moment of one gives the same.
    #[test]
    fn periods_divide_time(
        zone in prop::sample::select(ZONES.to_vec()),
        per in prop::sample::select(vec![Per::Hour, Per::Day, Per::Week, Per::Month]),
        now in 946_684_800_000_u64..2_524_608_000_000,
        inside in 0.0..1.0,
    ) {
        let calendar = || calendar(zone, per);
        let window = calendar().window(Wall(now));
        prop_assert!(window.holds(Wall(now)));
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss, reason = "any moment will do")]
        let other = window.starts.0 + (inside * (window.ends.0 - window.starts.0) as f64) as u64;
        for same in [window.starts.0, other.min(window.ends.0 - 1), window.ends.0 - 1] {
            prop_assert_eq!(calendar().window(Wall(same)), window);
        }
        prop_assert_eq!(calendar().window(window.ends).starts, window.ends);
        prop_assert_eq!(calendar().window(Wall(window.starts.0 - 1)).ends, window.starts);
    }
}
