//! Parts of a multipart body (RFC 7578): names, names of files, and contents.
//!
//! Parts that are no form-data are shown as they are. A body without its last boundary is none.

use super::super::place::{Place, Value};

/// Parts that are taken one by one. A form has fewer fields.
const PARTS_MAX: usize = 1000;

/// Shows all parts until `see` has seen enough. Tells whether this is a multipart body.
pub(super) fn values(declared: &[u8], body: &[u8], see: &mut impl FnMut(Value<'_>) -> bool) -> bool {
    let Some(boundary) = parameter(declared, b"boundary").filter(|boundary| !boundary.is_empty()) else {
        return false;
    };
    let mark = [b"--", boundary].concat();
    let Some(start) = find(body, &mark) else {
        return false;
    };
    let mut rest = body.get(start + mark.len()..).unwrap_or_default();
    for _ in 0..PARTS_MAX {
        if rest.starts_with(b"--") {
            return true;
        }
        let Some(end) = find(rest, &mark) else {
            return false;
        };
        let (written, after) = rest.split_at(end);
        if !part(written, see) {
            return true;
        }
        rest = after.get(mark.len()..).unwrap_or_default();
    }
    false
}

/// One part, with the line ends around it.
fn part(written: &[u8], see: &mut impl FnMut(Value<'_>) -> bool) -> bool {
    let written = written.strip_prefix(b"\r").unwrap_or(written);
    let written = written.strip_prefix(b"\n").unwrap_or(written);
    // A part without a field begins with its empty line.
    let (head, content) = if let Some(content) = written.strip_prefix(b"\r\n") {
        (&b""[..], content)
    } else {
        let ends = [&b"\r\n\r\n"[..], b"\n\n"];
        let end = ends
            .into_iter()
            .find_map(|end| Some((find(written, end)?, end.len())));
        let (at, length) = end.unwrap_or((written.len(), 0));
        (
            written.get(..at).unwrap_or_default(),
            written.get(at + length..).unwrap_or_default(),
        )
    };
    let content = content.strip_suffix(b"\n").unwrap_or(content);
    let content = content.strip_suffix(b"\r").unwrap_or(content);
    let name = parameter(head, b"name").unwrap_or_default();
    let file = parameter(head, b"filename").or_else(|| parameter(head, b"filename*"));
    let of = |place, bytes| Value { place, name, bytes };
    let is_read = file.is_none() || is_text(content);
    let content = of(
        if file.is_some() {
            Place::Body
        } else {
            Place::FormValue
        },
        content,
    );
    // What is written around names is shown where it is more than they are.
    let more = head.len() > 400 || (name.is_empty() && !head.is_empty());
    (name.is_empty() || see(of(Place::FormName, name)))
        && file.is_none_or(|file| see(of(Place::FileName, file)))
        && (!more || see(of(Place::FileName, head)))
        && (!is_read || see(content))
}

/// Bytes of a file that tell whether it is text.
const SAMPLE: usize = 1024;

/// Whether a file is text: pictures and archives have zero bytes soon, and rules cannot read them.
fn is_text(content: &[u8]) -> bool {
    !content.iter().take(SAMPLE).any(|byte| *byte == 0)
}

/// The value of a parameter behind a `;`.
fn parameter<'t>(text: &'t [u8], name: &[u8]) -> Option<&'t [u8]> {
    let mut rest = text;
    while let Some(at) = rest.iter().position(|byte| *byte == b';') {
        rest = rest.get(at + 1..).unwrap_or_default().trim_ascii_start();
        let written = rest.get(..name.len()).unwrap_or_default();
        let value = rest.get(name.len()..).unwrap_or_default().trim_ascii_start();
        let Some(value) = value
            .strip_prefix(b"=")
            .filter(|_| written.eq_ignore_ascii_case(name))
        else {
            continue;
        };
        let value = value.trim_ascii_start();
        return Some(match value.strip_prefix(b"\"") {
            Some(quoted) => until(quoted, b"\""),
            None => until(value, b"; \t\r\n"),
        });
    }
    None
}

fn until<'t>(text: &'t [u8], ends: &[u8]) -> &'t [u8] {
    let end = text.iter().position(|byte| ends.contains(byte));
    text.get(..end.unwrap_or(text.len())).unwrap_or_default()
}

fn find(text: &[u8], wanted: &[u8]) -> Option<usize> {
    let first = wanted.first()?;
    let mut from = 0;
    loop {
        let rest = text.get(from..)?;
        let at = from + rest.iter().position(|byte| byte == first)?;
        if text.get(at..)?.starts_with(wanted) {
            return Some(at);
        }
        from = at + 1;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn parameters_are_found_in_every_spelling() {
        let cases: [(&[u8], Option<&[u8]>); 5] = [
            (b"form-data; name=\"a b\"; x=1", Some(b"a b")),
            (b"form-data;NAME=a;x=1", Some(b"a")),
            (b"form-data; filename=\"n\"; name = \"a\"", Some(b"a")),
            (b"form-data; filename=\"name\"", None),
            (b"name=a", None),
        ];
        for (text, expected) in cases {
            assert_eq!(parameter(text, b"name"), expected);
        }
    }

    proptest! {
        #[test]
        fn any_bytes_come_to_an_end(body in prop::collection::vec(prop::sample::select(&b"-x\r\n;=\"a"[..]), 0..200)) {
            values(b"multipart/form-data; boundary=x", &body, &mut |_| true);
        }
    }
}
