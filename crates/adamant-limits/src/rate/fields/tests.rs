//! Tests of the RateLimit fields.

use proptest::prelude::*;

use super::*;

#[test]
fn names_become_strings_of_structured_fields() {
    let long = "n".repeat(100);
    let cases = [
        ("rate", "\"rate\"".to_owned()),
        ("a \"b\" \\c", r#""a \"b\" \\c""#.to_owned()),
        ("grün\n", "\"grn\"".to_owned()),
        (&long, format!("\"{}\"", "n".repeat(NAME_MAX))),
    ];
    for (name, expected) in cases {
        assert_eq!(quoted(name), expected);
    }
}

#[test]
fn the_longest_item_fits() {
    let fields = QuotaFields::new(&"\"".repeat(NAME_MAX), 1, Wait::from_nanoseconds(1));
    let item = fields.item(Left {
        requests: u32::MAX,
        seconds: u32::MAX,
        tier: 0,
    });
    let item = item.to_str().unwrap();
    assert!(item.ends_with(";r=4294967295;t=4294967295"), "{item}");
}

#[test]
fn a_word_that_was_never_set_is_no_decision() {
    assert_eq!(Left::from_word(0), None);
}

proptest! {
    #[test]
    fn what_is_left_survives_its_word(requests in 0..1_u64 << 31, nanoseconds in any::<u64>(), tier in any::<u8>()) {
        let left = Left::new(requests, Wait::from_nanoseconds(nanoseconds), tier);
        prop_assert_eq!(Left::from_word(left.to_word()), Some(left));
    }

    #[test]
    fn numbers_are_written_as_everyone_writes_them(requests in any::<u32>(), seconds in any::<u32>()) {
        let fields = QuotaFields::new("x", 1, Wait::from_nanoseconds(1));
        let item = fields.item(Left { requests, seconds, tier: 7 });
        prop_assert_eq!(item.to_str().unwrap(), format!("\"x\";r={requests};t={seconds}"));
        prop_assert_eq!(units_of(item.as_bytes()), Some(u64::from(requests)));
    }

    #[test]
    fn foreign_lists_are_read_without_harm(list in prop::collection::vec(any::<u8>(), 0..60)) {
        let _ = units_of(&list);
    }
}
