//! Claims by their names in the file, nested ones included, and how a claim is read: as text, date, audience, scopes.
//!
//! Knows no rule: whether a claim suffices is for the filter that asks.

use std::io::Write;

use adamant_filter::prelude::*;
use adamant_filter::serde_json::{Number, Value};

/// Longest name of a claim in the file.
const NAME_MAX: usize = 1024;

/// Where a claim is.
#[derive(Debug)]
pub(crate) struct ClaimName {
    whole: Box<str>,
    /// When the name has dots.
    nested: Option<Nested>,
}

/// A claim, and the members that lead down from it.
#[derive(Debug)]
struct Nested {
    claim: Box<str>,
    members: Box<[Box<str>]>,
}

impl ClaimName {
    /// A claim by its name at `path` of the configuration.
    pub(crate) fn parse(name: &str, path: &str) -> Result<Self, Problem> {
        if name.is_empty() || name.len() > NAME_MAX {
            let message = format!("the name of a claim has 1 to {NAME_MAX} bytes");
            return Err(Problem::at(path, message));
        }
        let mut parts = name.split('.').map(Box::from);
        let claim = parts.next().unwrap_or_default();
        let members: Box<[Box<str>]> = parts.collect();
        Ok(Self {
            whole: name.into(),
            nested: (!members.is_empty()).then_some(Nested { claim, members }),
        })
    }

    /// The claim of an identity. A claim of exactly this name goes before one below others: names that are
    /// addresses have dots, too.
    pub(crate) fn find<'i>(&self, identity: &'i Identity) -> Option<&'i Value> {
        identity.claim(&self.whole).or_else(|| {
            let nested = self.nested.as_ref()?;
            let members = nested.members.iter();
            members.fold(identity.claim(&nested.claim), |value, member| {
                value?.get(&**member)
            })
        })
    }
}

/// Gives the text of a single value: as it is, `true`, `false`, or a whole number in decimals. `None` for all
/// others: no two writers agree about the text of a fraction. Allocates nothing.
pub(crate) fn with_text<T>(value: &Value, use_text: impl FnOnce(&str) -> T) -> Option<T> {
    match value {
        Value::String(text) => Some(use_text(text)),
        Value::Bool(true) => Some(use_text("true")),
        Value::Bool(false) => Some(use_text("false")),
        Value::Number(number) => with_decimals(number, use_text),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

fn with_decimals<T>(number: &Number, use_text: impl FnOnce(&str) -> T) -> Option<T> {
    // The longest whole number of 64 bits has 20 characters.
    let mut room = [0_u8; 20];
    let mut left = room.as_mut_slice();
    if let Some(number) = number.as_u64() {
        write!(left, "{number}").ok()?;
    } else {
        write!(left, "{}", number.as_i64()?).ok()?;
    }
    let unused = left.len();
    let text = room.get(..room.len() - unused)?;
    str::from_utf8(text).ok().map(use_text)
}

/// Whether a single value fits, or one item of a list.
pub(crate) fn any_text(value: &Value, fits: impl Fn(&str) -> bool) -> bool {
    match value {
        Value::Array(items) => items.iter().any(|item| with_text(item, &fits) == Some(true)),
        single => with_text(single, &fits) == Some(true),
    }
}

/// Whether a claim lists `word`: as a list of texts, or as one text with spaces.
pub(crate) fn lists(value: &Value, word: &str) -> bool {
    match value {
        Value::String(text) => text.split(' ').any(|item| item == word),
        Value::Array(items) => items.iter().any(|item| item.as_str() == Some(word)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => false,
    }
}

/// A claim of a kind that it must not be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Unreadable;

/// A `NumericDate` in milliseconds: seconds, perhaps with a fraction (RFC 7519 §2).
pub(crate) fn date(value: Option<&Value>) -> Result<Option<u64>, Unreadable> {
    let Some(value) = value else { return Ok(None) };
    if let Some(seconds) = value.as_u64() {
        return Ok(Some(seconds.saturating_mul(1000)));
    }
    let seconds = value
        .as_f64()
        .filter(|seconds| seconds.is_finite() && *seconds >= 0.0)
        .ok_or(Unreadable)?;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "saturates, and is not negative"
    )]
    Ok(Some((seconds * 1000.0) as u64))
}

/// Whether an audience, which is one text or a list of them, has one of `ours`.
pub(crate) fn is_meant(audience: Option<&Value>, ours: &[String]) -> bool {
    let is_ours = |name: &Value| {
        name.as_str()
            .is_some_and(|name| ours.iter().any(|one| one == name))
    };
    match audience {
        Some(Value::Array(names)) => names.iter().any(is_ours),
        Some(name) => is_ours(name),
        None => false,
    }
}

/// Scopes as text with spaces (RFC 8693 §4.2), or as list.
pub(crate) fn scopes(granted: Option<&Value>) -> Result<Vec<&str>, Unreadable> {
    match granted {
        None => Ok(Vec::new()),
        Some(Value::String(text)) => Ok(text.split(' ').filter(|scope| !scope.is_empty()).collect()),
        Some(Value::Array(list)) => list
            .iter()
            .map(|scope| scope.as_str().ok_or(Unreadable))
            .collect(),
        Some(Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_)) => Err(Unreadable),
    }
}

#[cfg(test)]
mod tests {
    use adamant_filter::serde_json::json;

    use super::*;

    fn identity(claims: &Value) -> Identity {
        Identity::new("jwt", "issuer", "acme").with_claims_text(claims.to_string().into_bytes())
    }

    #[test]
    fn a_name_with_dots_is_one_name_before_it_is_a_way() {
        let claims = json!({
            "a.b": 1, "a": { "b": 2, "c": { "d": 3 } }, "https://id.test/role": 4, "list": [{ "x": 5 }],
        });
        let cases = [
            ("a.b", Some(1)),
            ("a.c.d", Some(3)),
            ("https://id.test/role", Some(4)),
            ("a.x", None),
            ("a.b.c", None),
            ("list.x", None),
            ("list.0", None),
            ("b", None),
        ];
        let identity = identity(&claims);
        for (name, expected) in cases {
            let found = ClaimName::parse(name, "").unwrap();
            assert_eq!(found.find(&identity).and_then(Value::as_i64), expected, "{name}");
        }
        assert!(ClaimName::parse("", "claims").is_err());
    }

    #[test]
    fn single_values_have_one_text() {
        let cases = [
            (json!("a b"), Some("a b")),
            (json!(true), Some("true")),
            (json!(7), Some("7")),
            (json!(-7), Some("-7")),
            (json!(u64::MAX), Some("18446744073709551615")),
            (json!(i64::MIN), Some("-9223372036854775808")),
            (json!(7.5), None),
            (json!(7.0), None),
            (json!(null), None),
            (json!(["a"]), None),
            (json!({"a": 1}), None),
        ];
        for (value, expected) in cases {
            let text = with_text(&value, str::to_owned);
            assert_eq!(text.as_deref(), expected, "{value}");
        }
    }

    #[test]
    fn a_list_fits_by_an_item_and_a_word_is_whole() {
        assert!(any_text(&json!(["a", 7]), |text| text == "7"));
        assert!(!any_text(&json!([["a"]]), |text| text == "a"));
        assert!(!any_text(&json!([]), |_| true));
        assert!(lists(&json!("admin staff"), "staff") && lists(&json!(["a b"]), "a b"));
        assert!(!lists(&json!("administrator"), "admin") && !lists(&json!(["a b"]), "a"));
        assert!(!lists(&json!({"admin": true}), "admin"));
    }

    #[test]
    fn dates_are_seconds_from_the_epoch_on() {
        let cases = [
            (json!(7), Ok(Some(7000))),
            (json!(7.25), Ok(Some(7250))),
            (json!(u64::MAX), Ok(Some(u64::MAX))),
            (json!(1e300), Ok(Some(u64::MAX))),
            (json!(-1), Err(Unreadable)),
            (json!("7"), Err(Unreadable)),
            (json!(null), Err(Unreadable)),
        ];
        for (value, expected) in cases {
            assert_eq!(date(Some(&value)), expected, "{value}");
        }
        assert_eq!(date(None), Ok(None));
    }

    #[test]
    fn audiences_and_scopes_are_texts_or_lists() {
        let ours = ["a".to_owned(), "b".to_owned()];
        for (value, expected) in [
            (json!("b"), true),
            (json!(["x", "a"]), true),
            (json!("a b"), false),
            (json!([["a"]]), false),
            (json!(null), false),
        ] {
            assert_eq!(is_meant(Some(&value), &ours), expected, "{value}");
        }
        assert!(!is_meant(None, &ours));
        for (value, expected) in [
            (json!(" read  write "), Ok(vec!["read", "write"])),
            (json!(["read write"]), Ok(vec!["read write"])),
            (json!(["read", 7]), Err(Unreadable)),
            (json!(null), Err(Unreadable)),
            (json!(7), Err(Unreadable)),
        ] {
            assert_eq!(scopes(Some(&value)), expected, "{value}");
        }
        assert_eq!(scopes(None), Ok(Vec::new()));
    }
}
