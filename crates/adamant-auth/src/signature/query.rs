//! One parameter of the query as it is signed (RFC 9421 §2.2.8): decoded as a form is, and encoded again.
//!
//! A parameter that occurs twice has no value here: two receivers could take different ones.

use adamant_filter::Reason;

use crate::form;

use super::reason::{COMPONENT_MISSING, COMPONENT_SEVERAL, COMPONENT_UNSUPPORTED};

/// The value of the parameter whose encoded name is `name`.
pub(super) fn parameter(query: &str, name: &str) -> Result<String, &'static Reason> {
    let mut found = None;
    for (key, value) in form::split(query) {
        if again(key)? != name {
            continue;
        }
        if found.is_some() {
            return Err(&COMPONENT_SEVERAL);
        }
        found = Some(again(value)?);
    }
    found.ok_or(&COMPONENT_MISSING)
}

/// Decodes a part of a form and encodes it in the one spelling that is signed.
fn again(part: &str) -> Result<String, &'static Reason> {
    let bytes = form::decode(part);
    if str::from_utf8(&bytes).is_err() {
        return Err(&COMPONENT_UNSUPPORTED);
    }
    let mut text = String::with_capacity(bytes.len());
    form::encode_into(&mut text, &bytes);
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parameter_has_one_spelling() {
        // RFC 9421 §2.2.8.
        let query = "var=this%20is%20a%20big%0Amultiline%20value&bar=with+plus+whitespace&fa%C3%A7ade%22%3A%20=something";
        let cases = [
            (query, "var", Ok("this%20is%20a%20big%0Amultiline%20value")),
            (query, "bar", Ok("with%20plus%20whitespace")),
            (query, "fa%C3%A7ade%22%3A%20", Ok("something")),
            ("param=value&foo=bar&baz=batman&qux=", "qux", Ok("")),
            ("a", "a", Ok("")),
            ("a=1=2", "a", Ok("1%3D2")),
            ("a=%4&b=%zz", "a", Ok("%254")),
            ("a=1&b=2&a=1", "b", Ok("2")),
            ("a=1&b=2&a=1", "a", Err("component-several")),
            ("a=1&%61=2", "a", Err("component-several")),
            ("a=1", "b", Err("component-missing")),
            ("", "b", Err("component-missing")),
            ("a=%ff", "a", Err("component-unsupported")),
        ];
        for (query, name, expected) in cases {
            let value = parameter(query, name).map_err(Reason::code);
            assert_eq!(value.as_deref().map_err(|code| *code), expected, "{query} {name}");
        }
    }
}
