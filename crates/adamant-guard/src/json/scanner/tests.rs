//! What is JSON and what is not, compared with a table and with another parser. Times nothing: steps are counted.

use std::collections::BTreeSet;

use adamant_filter::serde_json::{self, Value};
use proptest::prelude::*;

use super::*;
use crate::json::limits::NumberRange;
use crate::json::number::{OUT_OF_RANGE, TOO_MANY_DIGITS};
use crate::json::text::{CONTROL, NAME_TOO_LONG, STRING_TOO_LONG, SURROGATE, UTF8};

fn judge(body: &[u8]) -> Result<(), Wrong> {
    Scanner::judge(&Limits::default(), body)
}

/// The code and the offset, so that a failing table is readable.
fn told(read: Result<(), Wrong>) -> Option<(&'static str, u64)> {
    read.err().map(|wrong| (wrong.reason.code(), wrong.offset))
}

#[test]
fn json_of_every_kind_passes() {
    let good = [
        "null",
        "true",
        "false",
        "0",
        "-0",
        "12",
        "-1.5e+10",
        "1E2",
        "0.5",
        "0e0",
        "\"\"",
        "[]",
        "{}",
        " \t\r\n[ ] \n",
        "[1,[2,[3]],{}]",
        r#"{"a":1,"b":{"a":[{"a":null}]},"c":""}"#,
        r#""\"\\\/\b\f\n\r\t\u00e9\uD83D\uDE00""#,
        "\"é€😀\u{7f}\"",
        r#"{"":0," ":1}"#,
        r#"{"a":1,"A":2}"#,
        r#"[{"a":1},{"a":1}]"#,
        "\"\u{feff}\"",
    ];
    for body in good {
        assert_eq!(told(judge(body.as_bytes())), None, "{body}");
        assert!(serde_json::from_str::<Value>(body).is_ok(), "{body}");
    }
}

/// What is no JSON, why, and at which byte.
const WRONG: [(&[u8], &Reason, u64); 53] = [
    (b"", &TRUNCATED, 0),
    (b" ", &TRUNCATED, 1),
    (b"tru", &TRUNCATED, 3),
    (b"[1,", &TRUNCATED, 3),
    (b"{\"a\"", &TRUNCATED, 4),
    (b"\"a", &TRUNCATED, 2),
    (b"\"\\ud800", &TRUNCATED, 7),
    (b"-", &SYNTAX, 1),
    (b"[1", &TRUNCATED, 2),
    (b"[-", &TRUNCATED, 2),
    (b"NaN", &SYNTAX, 0),
    (b"Infinity", &SYNTAX, 0),
    (b"-Infinity", &SYNTAX, 1),
    (b"nul1", &SYNTAX, 3),
    (b"True", &SYNTAX, 0),
    (b"'a'", &SYNTAX, 0),
    (b"{a:1}", &SYNTAX, 1),
    (b"[1,]", &SYNTAX, 3),
    (b"[,1]", &SYNTAX, 1),
    (b"{\"a\":1,}", &SYNTAX, 7),
    (b"{\"a\" 1}", &SYNTAX, 5),
    (b"{\"a\":}", &SYNTAX, 5),
    (b"[1}", &SYNTAX, 2),
    (b"{\"a\":1]", &SYNTAX, 6),
    (b"[1 2]", &SYNTAX, 3),
    (b"/**/1", &SYNTAX, 0),
    (b"01", &SYNTAX, 1),
    (b"-01", &SYNTAX, 2),
    (b"+1", &SYNTAX, 0),
    (b".5", &SYNTAX, 0),
    (b"1.", &SYNTAX, 2),
    (b"[1.]", &SYNTAX, 3),
    (b"1e", &SYNTAX, 2),
    (b"[1e+]", &SYNTAX, 4),
    (b"0x10", &SYNTAX, 1),
    (b"1 1", &TRAILING, 2),
    (b"{}{}", &TRAILING, 2),
    (b"1\0", &SYNTAX, 1),
    (b"\xef\xbb\xbf1", &BOM, 0),
    (b"\x0c1", &SYNTAX, 0),
    (b"\"\\x\"", &SYNTAX, 2),
    (b"\"\\u12g4\"", &SYNTAX, 5),
    (b"\"a\nb\"", &CONTROL, 2),
    (b"\"\0\"", &CONTROL, 1),
    (b"\"\xff\"", &UTF8, 1),
    (b"\"\xc0\x80\"", &UTF8, 1),
    (b"\"\xed\xa0\x80\"", &UTF8, 2),
    (b"\"\xf4\x90\x80\x80\"", &UTF8, 2),
    (b"\"\xe2\x82\"", &UTF8, 3),
    (b"\"\\ud800\"", &SURROGATE, 7),
    (b"\"\\ud800\\n\"", &SURROGATE, 8),
    (b"\"\\udc00\"", &SURROGATE, 6),
    (b"\"\\ud800\\ud800\"", &SURROGATE, 12),
];

#[test]
fn everything_else_is_refused_with_its_place() {
    for (body, reason, offset) in WRONG {
        let text = String::from_utf8_lossy(body);
        let expected = Some((reason.code(), offset));
        let told = told(judge(body));
        // What follows a number tells whether it ended, so a second value behind one is no JSON either way.
        let told = told.map(|(code, at)| {
            (
                if code == "trailing" && reason.code() == "syntax" {
                    "syntax"
                } else {
                    code
                },
                at,
            )
        });
        assert_eq!(told, expected, "{text:?}");
        assert!(serde_json::from_slice::<Value>(body).is_err(), "{text:?}");
    }
}

#[test]
fn a_name_stands_once_in_an_object_however_it_is_spelled() {
    let twice = [
        r#"{"a":1,"a":2}"#,
        r#"{"a":1,"\u0061":2}"#,
        r#"{"\u00e9":1,"é":2}"#,
        r#"{"\ud83d\ude00":1,"😀":2}"#,
        r#"{"/":1,"\/":2}"#,
        r#"{"":1,"":2}"#,
        r#"[{"b":{"a":1,"c":[{"a":1}],"a":2}}]"#,
    ];
    for body in twice {
        assert_eq!(judge(body.as_bytes()).unwrap_err().reason, &DUPLICATE, "{body}");
    }
    let many = |last: &str| {
        let mut names: Vec<String> = (0..200).map(|n| format!("\"n{n}\":{{\"n{n}\":0}}")).collect();
        names.push(format!("\"{last}\":0"));
        format!("{{{}}}", names.join(","))
    };
    assert_eq!(told(judge(many("other").as_bytes())), None);
    for n in [0, 15, 16, 17, 199] {
        let body = many(&format!("n{n}"));
        assert_eq!(judge(body.as_bytes()).unwrap_err().reason, &DUPLICATE, "n{n}");
    }
}

#[test]
fn each_bound_holds_and_one_more_does_not() {
    let limits = Limits {
        depth: 3,
        members: 2,
        name: 4,
        items: 3,
        string: 5,
        values: 8,
        number_digits: 4,
        number_range: NumberRange::Any,
    };
    let table = [
        ("[[[]]]", "[[[[]]]]", &TOO_DEEP),
        (r#"{"a":{"b":{}}}"#, r#"{"a":{"b":{"c":{}}}}"#, &TOO_DEEP),
        (r#"{"a":1,"b":2}"#, r#"{"a":1,"b":2,"c":3}"#, &TOO_MANY_MEMBERS),
        (r#"{"abcd":1}"#, r#"{"abcde":1}"#, &NAME_TOO_LONG),
        (r#"{"é\n":1}"#, r#"{"é\n\n":1}"#, &NAME_TOO_LONG),
        ("[1,2,3]", "[1,2,3,4]", &TOO_MANY_ITEMS),
        (r#""abcde""#, r#""abcdef""#, &STRING_TOO_LONG),
        (r#""a\n\n""#, r#""a\n\n\n""#, &STRING_TOO_LONG),
        ("[[1,2],[3,4],5]", "[[1,2],[3,4],[5,6]]", &TOO_MANY_VALUES),
        ("1234", "12345", &TOO_MANY_DIGITS),
        ("-1.2e34", "-1.2e345", &TOO_MANY_DIGITS),
    ];
    for (good, bad, reason) in table {
        assert_eq!(told(Scanner::judge(&limits, good.as_bytes())), None, "{good}");
        let wrong = Scanner::judge(&limits, bad.as_bytes()).unwrap_err();
        assert_eq!(wrong.reason, reason, "{bad}");
    }
}

#[test]
fn numbers_stay_within_their_range() {
    let judge = |range, text: &str| {
        let limits = Limits {
            number_range: range,
            number_digits: 1000,
            ..Limits::default()
        };
        told(Scanner::judge(&limits, text.as_bytes())).map(|(code, _)| code)
    };
    let zeros = "0".repeat(400);
    let doubles = [
        "0",
        "-0.0",
        "0e999999999999",
        "9.99e307",
        "1e-307",
        "0.001e310",
        "100e305",
        "123456789012345678901234567890",
    ];
    for text in doubles {
        assert_eq!(judge(NumberRange::Double, text), None, "{text}");
    }
    let others = [
        "1e308",
        "-1e308",
        "10e307",
        "1e-308",
        "0.1e-307",
        "1e99999999999999999999",
        "1e-9999999999",
    ];
    for text in others
        .map(str::to_owned)
        .into_iter()
        .chain([format!("1{zeros}"), format!("0.{zeros}1")])
    {
        assert_eq!(
            judge(NumberRange::Double, &text),
            Some(OUT_OF_RANGE.code()),
            "{text}"
        );
        assert_eq!(judge(NumberRange::Any, &text), None, "{text}");
    }
    for (text, is_safe) in [
        ("9007199254740991", true),
        ("-9007199254740991", true),
        ("9007199254740992", false),
        ("99999999999999999999999999", false),
        ("9007199254740992.5", true),
        ("1e300", true),
        ("1e308", false),
    ] {
        assert_eq!(judge(NumberRange::Safe, text).is_none(), is_safe, "{text}");
    }
}

#[test]
fn deep_nesting_costs_no_more_than_the_bound() {
    for open in ["[", "{\"a\":"] {
        let body = open.repeat(10_000);
        let wrong = judge(body.as_bytes()).unwrap_err();
        assert_eq!(wrong.reason, &TOO_DEEP);
        assert_eq!(wrong.offset, 32 * open.len() as u64);
    }
}

/// Texts that look like JSON: pieces of it in any order.
fn almost_json() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        8 => prop::sample::select(vec![
            "{", "}", "[", "]", ":", ",", "\"", "\\", "\\u00e9", "\\ud83d", "\\ude00", "\"a\"", "\"b\":", "0", "1",
            "-", ".", "e", "+", "true", "false", "null", " ", "\n", "é", "😀", "\u{feff}", "\\n", "\"a\":1",
        ]).prop_map(|text| text.as_bytes().to_vec()),
        1 => prop::collection::vec(any::<u8>(), 1..4),
    ];
    prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

/// Well-formed JSON.
fn json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        (-1e300..1e300).prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 64, 8, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..8).prop_map(Value::from),
            prop::collection::vec((".{0,6}", inner), 0..40).prop_map(|members| members.into_iter().collect()),
        ]
    })
}

/// JSON that was damaged in a few places, or not.
fn damaged() -> impl Strategy<Value = Vec<u8>> {
    let damage = prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..3);
    (json(), any::<bool>(), damage).prop_map(|(value, pretty, damage)| {
        let text = if pretty {
            serde_json::to_string_pretty(&value)
        } else {
            serde_json::to_string(&value)
        };
        let mut body = text.unwrap().into_bytes();
        for (at, byte) in damage {
            let at = at.index(body.len());
            body[at] = byte;
        }
        body
    })
}

/// Whether an object anywhere in it has a name twice, by another parser.
fn repeats(body: &[u8]) -> bool {
    struct Visit<'b>(&'b std::cell::Cell<bool>);
    impl<'de> serde::de::DeserializeSeed<'de> for Visit<'_> {
        type Value = ();
        fn deserialize<D: serde::Deserializer<'de>>(self, from: D) -> Result<(), D::Error> {
            from.deserialize_any(self)
        }
    }
    impl<'de> serde::de::Visitor<'de> for Visit<'_> {
        type Value = ();
        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("anything")
        }
        fn visit_unit<E>(self) -> Result<(), E> {
            Ok(())
        }
        fn visit_bool<E>(self, _: bool) -> Result<(), E> {
            Ok(())
        }
        fn visit_i64<E>(self, _: i64) -> Result<(), E> {
            Ok(())
        }
        fn visit_u64<E>(self, _: u64) -> Result<(), E> {
            Ok(())
        }
        fn visit_f64<E>(self, _: f64) -> Result<(), E> {
            Ok(())
        }
        fn visit_str<E>(self, _: &str) -> Result<(), E> {
            Ok(())
        }
        fn visit_seq<A: serde::de::SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
            while items.next_element_seed(Visit(self.0))?.is_some() {}
            Ok(())
        }
        fn visit_map<A: serde::de::MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
            let mut names = BTreeSet::new();
            while let Some(name) = members.next_key::<String>()? {
                if !names.insert(name) {
                    self.0.set(true);
                }
                members.next_value_seed(Visit(self.0))?;
            }
            Ok(())
        }
    }
    let found = std::cell::Cell::new(false);
    let mut from = serde_json::Deserializer::from_slice(body);
    let _ = serde::de::DeserializeSeed::deserialize(Visit(&found), &mut from);
    found.get()
}

/// Compares with a parser that others use, on what both can say.
fn agrees(body: &[u8]) -> Result<(), TestCaseError> {
    let generous = Limits {
        depth: 100,
        members: u32::MAX,
        name: u64::MAX,
        items: u32::MAX,
        string: u64::MAX,
        values: u32::MAX,
        number_digits: u32::MAX,
        number_range: NumberRange::Double,
    };
    let other = serde_json::from_slice::<Value>(body);
    match Scanner::judge(&generous, body) {
        Ok(()) => prop_assert!(other.is_ok(), "{other:?}"),
        Err(wrong) if wrong.reason == &DUPLICATE => prop_assert!(repeats(body) || other.is_err()),
        Err(wrong) if wrong.reason == &OUT_OF_RANGE || wrong.reason == &TOO_DEEP => (),
        Err(wrong) => prop_assert!(other.is_err(), "{} at {}", wrong.reason.code(), wrong.offset),
    }
    if other.is_ok() && repeats(body) {
        prop_assert!(Scanner::judge(&generous, body).is_err());
    }
    Ok(())
}

/// Judges in pieces that are cut at these places.
fn in_pieces(limits: &Limits, body: &[u8], cuts: &[prop::sample::Index]) -> (Result<(), Wrong>, u64) {
    let mut places: BTreeSet<usize> = cuts.iter().map(|cut| cut.index(body.len() + 1)).collect();
    places.extend([0, body.len()]);
    let places: Vec<usize> = places.into_iter().collect();
    let mut scanner = Scanner::new();
    let mut read = Ok(());
    for pair in places.windows(2) {
        read = read.and_then(|()| scanner.push(limits, &body[pair[0]..pair[1]]));
    }
    let read = read.and_then(|()| scanner.finish(limits));
    (read, scanner.work())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn it_agrees_with_another_parser_on_damaged_json(body in damaged()) {
        agrees(&body)?;
    }

    #[test]
    fn it_agrees_with_another_parser_on_pieces_of_json(body in almost_json()) {
        agrees(&body)?;
    }

    #[test]
    fn the_pieces_of_a_body_do_not_matter(
        body in prop_oneof![damaged(), almost_json()],
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..12),
        small in 1_u64..20,
    ) {
        let tight = Limits { name: small, string: small, depth: 4, items: 4, members: 4, ..Limits::default() };
        for limits in [Limits::default(), tight] {
            let whole = Scanner::judge(&limits, &body);
            let (cut, work) = in_pieces(&limits, &body, &cuts);
            prop_assert_eq!(told(cut), told(whole));
            prop_assert!(work <= 8 * body.len() as u64 + 64, "{} steps for {} bytes", work, body.len());
        }
    }

    #[test]
    fn any_bytes_are_judged_in_linear_time(body in prop::collection::vec(any::<u8>(), 0..400)) {
        let (_, work) = in_pieces(&Limits::default(), &body, &[]);
        prop_assert!(work <= 8 * body.len() as u64 + 64);
    }
}

#[test]
fn many_names_are_judged_in_linear_time() {
    let limits = Limits {
        members: 100_000,
        values: 200_000,
        ..Limits::default()
    };
    let names: Vec<String> = (0..20_000).map(|n| format!("\"{n:x}\":{{}}")).collect();
    let body = format!("{{{}}}", names.join(","));
    let (read, work) = in_pieces(&limits, body.as_bytes(), &[]);
    assert_eq!(told(read), None);
    assert!(
        work <= 8 * body.len() as u64,
        "{work} steps for {} bytes",
        body.len()
    );
}
