//! A value as YAML that reads like a file written by hand, within the part of YAML that the language allows.
//!
//! Never writes what could be read as something else: a text that might be taken for a number, a truth or
//! nothing is quoted.

use serde_json::Value;

/// The value as a block of lines.
pub(crate) fn yaml(value: &Value) -> String {
    let mut text = String::new();
    block(value, 0, &mut text);
    text
}

/// Longest list of scalars that is written on one line.
const LINE_MAX: usize = 100;

/// Writes the lines of a mapping or a list, each indented.
fn block(value: &Value, indent: usize, text: &mut String) {
    let pad = " ".repeat(indent);
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                text.push_str(&format!("{pad}{}:", scalar_text(key)));
                below(value, indent + 2, text);
            }
        }
        Value::Array(items) => {
            for item in items {
                let mut lines = String::new();
                match inline(item) {
                    Some(one) => lines = format!("{pad}- {one}\n"),
                    None => {
                        block(item, indent + 2, &mut lines);
                        // The first line begins behind the dash.
                        lines.replace_range(indent..indent + 1, "-");
                    }
                }
                text.push_str(&lines);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
            text.push_str(&format!("{pad}{}\n", scalar(value)));
        }
    }
}

/// Writes what follows a key.
fn below(value: &Value, indent: usize, text: &mut String) {
    match inline(value) {
        Some(one) => text.push_str(&format!(" {one}\n")),
        None => {
            text.push('\n');
            block(value, indent, text);
        }
    }
}

/// What fits behind a key: scalars, empty values and short lists of scalars.
fn inline(value: &Value) -> Option<String> {
    let is_scalar = |value: &Value| !value.is_array() && !value.is_object();
    match value {
        Value::Object(map) if map.is_empty() => Some("{}".to_owned()),
        Value::Object(_) => None,
        Value::Array(items) if items.iter().all(is_scalar) => {
            let list = format!("[{}]", items.iter().map(scalar).collect::<Vec<_>>().join(", "));
            (list.len() <= LINE_MAX).then_some(list)
        }
        Value::Array(_) => None,
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Some(scalar(value)),
    }
}

fn scalar(value: &Value) -> String {
    match value {
        Value::String(text) => scalar_text(text),
        other => other.to_string(),
    }
}

/// A text, quoted as JSON does unless it is certainly a plain scalar.
fn scalar_text(text: &str) -> String {
    let is_word = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '/')
        && text
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "_-./+".contains(c));
    let is_taken = ["true", "false", "null", "yes", "no", "on", "off"]
        .iter()
        .any(|word| text.eq_ignore_ascii_case(word));
    if (is_word && !is_taken) || is_quantity(text) {
        text.to_owned()
    } else {
        Value::from(text).to_string()
    }
}

/// A whole number with a unit, such as `10s`, `32KiB` or `100/s`: no reader of YAML takes it for a number.
fn is_quantity(text: &str) -> bool {
    let unit = text.trim_start_matches(|c: char| c.is_ascii_digit());
    let is_unit = |c: char| c.is_ascii_alphabetic() || c == '/';
    unit.len() < text.len()
        && unit.starts_with(['s', 'm', 'h', 'd', 'B', 'K', 'M', 'G', '/'])
        && unit.chars().all(is_unit)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_value_reads_like_a_file() {
        let value = json!({
            "adamant": 1,
            "listeners": { "public": { "bind": "127.0.0.1:80", "protocols": ["h1", "h2"] } },
            "routes": [{ "name": "a", "match": { "path": "/**" }, "public": true }],
            "empty": {},
            "none": [],
        });
        let expected = "adamant: 1
listeners:
  public:
    bind: \"127.0.0.1:80\"
    protocols: [h1, h2]
routes:
  - name: a
    match:
      path: \"/**\"
    public: true
empty: {}
none: []
";
        assert_eq!(yaml(&value), expected);
    }

    #[test]
    fn texts_that_look_like_something_else_are_quoted() {
        for text in [
            "1", "", "no", "true", "~", "a: b", "#x", "-", "a b", "0x1", "1.5", "*x", "ü",
        ] {
            assert_eq!(yaml(&json!(text)), format!("{}\n", json!(text)), "{text}");
        }
        for text in [
            "orders",
            "/v1/orders",
            "a.example",
            "at+jwt",
            "10s",
            "32KiB",
            "100/s",
        ] {
            assert_eq!(yaml(&json!(text)), format!("{text}\n"));
        }
    }
}
