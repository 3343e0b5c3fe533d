//! What each quantity reads, refuses and writes.

use std::fmt::Display;
use std::str::FromStr;

use proptest::prelude::*;

use super::*;

/// `text` is read and written as `canonical`.
fn reads<T: FromStr<Err = UnitError> + Display>(text: &str, canonical: &str) {
    match text.parse::<T>() {
        Ok(value) => assert_eq!(value.to_string(), canonical, "{text}"),
        Err(error) => panic!("{text}: {error}"),
    }
}

/// `text` is refused, and the help contains `hint`.
fn refuses<T: FromStr<Err = UnitError> + Display>(text: &str, hint: &str) {
    match text.parse::<T>() {
        Ok(value) => panic!("{text} was read as {value}"),
        Err(error) => {
            let help = error.help().unwrap_or_default();
            assert!(
                help.contains(hint),
                "{text}: {error}; help: {help}; expected {hint}"
            );
        }
    }
}

#[test]
fn sizes_have_one_spelling() {
    for (text, canonical) in [
        ("0B", "0B"),
        ("500B", "500B"),
        ("1024B", "1KiB"),
        ("64KiB", "64KiB"),
        ("2048KiB", "2MiB"),
        ("1MiB", "1MiB"),
        ("1025KiB", "1025KiB"),
        ("3GiB", "3GiB"),
    ] {
        reads::<Size>(text, canonical);
    }
}

#[test]
fn sizes_without_an_exact_unit_are_refused_with_a_guess() {
    for (text, hint) in [
        ("64", "`64B` or `64KiB`"),
        ("64kb", "`64KiB`"),
        ("1M", "`1MiB`"),
        ("1 MiB", "`1MiB`"),
        ("1.5MiB", "smaller unit"),
        ("KiB", "whole number"),
        ("-1KiB", "whole number"),
        ("5x", "units are"),
        ("", "whole number"),
        ("99999999999TiB", ""),
    ] {
        refuses::<Size>(text, hint);
    }
}

#[test]
fn periods_have_one_spelling() {
    for (text, canonical) in [
        ("0s", "0s"),
        ("0ms", "0s"),
        ("500ms", "500ms"),
        ("1000ms", "1s"),
        ("60s", "1m"),
        ("90s", "90s"),
        ("120m", "2h"),
        ("24h", "1d"),
        ("14d", "14d"),
    ] {
        reads::<Period>(text, canonical);
    }
}

#[test]
fn periods_without_a_unit_are_refused_with_a_guess() {
    for (text, hint) in [
        ("10", "`10ms` or `10s`"),
        ("10sec", "`10s`"),
        ("10 s", "`10s`"),
        ("5min", "`5m`"),
        ("5M", "`5m`"),
        ("1.5s", "smaller unit"),
        ("1h30m", "one number"),
        ("7us", "millisecond"),
        ("3w", "units are"),
        ("s", "whole number"),
        ("-1s", "whole number"),
        ("4000d", ""),
        ("99999999999999999999s", ""),
    ] {
        refuses::<Period>(text, hint);
    }
}

#[test]
fn rates_have_one_spelling() {
    for (text, canonical) in [
        ("100/s", "100/s"),
        ("100/1s", "100/s"),
        ("5/m", "5/m"),
        ("5/60s", "5/m"),
        ("7/h", "7/h"),
        ("10/d", "10/d"),
        ("20/15m", "20/15m"),
        ("20/900s", "20/15m"),
        ("20/100ms", "20/100ms"),
        ("1/1ms", "1/1ms"),
    ] {
        reads::<Rate>(text, canonical);
    }
}

#[test]
fn rates_without_a_window_are_refused_with_a_guess() {
    for (text, hint) in [
        ("100", "`100/s`"),
        ("100rps", "`100/s`"),
        ("/s", "before the slash"),
        ("1.5/s", "before the slash"),
        ("0/s", "at least one"),
        ("5/sec", "`/s`"),
        ("5/minute", "`/m`"),
        ("5/0s", "not be zero"),
        ("5/", "after the number"),
        ("5/fortnight", "after the number"),
    ] {
        refuses::<Rate>(text, hint);
    }
}

#[test]
fn rates_of_bytes_have_one_spelling_and_count_by_the_second() {
    for (text, canonical) in [
        ("1MiB/s", "1MiB/s"),
        ("1024KiB/s", "1MiB/s"),
        ("500B/s", "500B/s"),
    ] {
        reads::<ByteRate>(text, canonical);
    }
    for (text, hint) in [
        ("1MiB", "each second"),
        ("1MB/s", "before the slash"),
        ("1/s", "before the slash"),
        ("1MiB/m", "by the second"),
        ("0B/s", "such as"),
    ] {
        refuses::<ByteRate>(text, hint);
    }
}

#[test]
fn shares_have_one_spelling_and_end_at_the_whole() {
    for (text, canonical) in [
        ("50%", "50%"),
        ("0.5%", "0.5%"),
        ("0.50%", "0.5%"),
        ("050%", "50%"),
        ("100%", "100%"),
        ("0%", "0%"),
    ] {
        reads::<Percent>(text, canonical);
    }
    for (text, hint) in [
        ("50", "`50%`"),
        ("0.5", "`0.5%`"),
        ("x", "percent sign"),
        ("1.2345%", "decimals"),
        ("101%", ""),
    ] {
        refuses::<Percent>(text, hint);
    }
    assert!(("25%".parse::<Percent>().unwrap().fraction() - 0.25).abs() < 1e-9);
}

#[test]
fn networks_are_exact() {
    for (text, canonical) in [
        ("10.0.0.0/8", "10.0.0.0/8"),
        ("192.0.2.7", "192.0.2.7/32"),
        ("192.0.2.7/32", "192.0.2.7/32"),
        ("0.0.0.0/0", "0.0.0.0/0"),
        ("2001:DB8::/32", "2001:db8::/32"),
        ("::1", "::1/128"),
    ] {
        reads::<Cidr>(text, canonical);
    }
    for (text, hint) in [
        ("10.1.0.0/8", "`10.0.0.0/8` or the one host `10.1.0.0`"),
        ("10.0.0.0/33", "0 to 32"),
        ("10.0.0.0/+8", "0 to 32"),
        ("10.0.0.0/", "0 to 32"),
        ("10.0.0/8", "write an address"),
        ("example.com", "write an address"),
        ("::ffff:10.0.0.1", "`10.0.0.1`"),
    ] {
        refuses::<Cidr>(text, hint);
    }
    let mapped: std::net::IpAddr = "::ffff:10.2.3.4".parse().unwrap();
    assert!("10.0.0.0/8".parse::<Cidr>().unwrap().contains(mapped));
}

#[test]
fn names_of_variables_are_those_of_a_shell() {
    assert!(secret::check_env("SIGNING_KEY_2").is_ok());
    for name in ["", "2X", "a-b", "sk live", "$HOME"] {
        assert!(secret::check_env(name).is_err(), "{name}");
    }
}

proptest! {
    #[test]
    fn what_is_written_is_read_again(millis in 0..100_000_000_000_u64, bytes: u64, count in 1..u64::MAX) {
        let period = Period::from_millis(millis);
        prop_assert_eq!(period.to_string().parse(), Ok(period));
        let size = Size::from_bytes(bytes);
        prop_assert_eq!(size.to_string().parse(), Ok(size));
        if let Some(rate) = std::num::NonZeroU64::new(count).and_then(|count| Rate::new(count, period)) {
            prop_assert_eq!(rate.to_string().parse(), Ok(rate));
        }
    }

    #[test]
    fn no_text_breaks_a_quantity(text in "\\PC{0,24}|[0-9./%a-zA-Z:]{0,12}") {
        for format in ["size", "rate", "period", "percent", "cidr", "env-name"] {
            let _ = check_format(format, &text);
        }
    }

    #[test]
    fn quantities_read_what_their_pattern_says(text in "[0-9]{1,6}(B|KiB|MiB|GiB|TiB)") {
        prop_assert!(text.parse::<Size>().is_ok());
    }
}
