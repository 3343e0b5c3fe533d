//! What a part says about itself: its fields, and of these `Content-Disposition` and `Content-Type`.
//!
//! Decodes nothing: what would have to be decoded has more than one reading and is refused.

use adamant_filter::prelude::*;

use crate::media::{Media, is_token, next_parameter};

/// Fields of a part that are no fields.
pub(crate) const HEADER: Reason = Reason::new("header", 400, "the fields of a part are not well formed");
/// A `Content-Disposition` that is missing, there twice, or not that of a form.
pub(crate) const DISPOSITION: Reason = Reason::new(
    "disposition",
    400,
    "the disposition of a part has no single reading",
);
/// A name that has more than one reading.
pub(crate) const NAME: Reason = Reason::new("name", 400, "the name of a part has no single reading");
/// A file name that could lead out of a folder.
pub(crate) const FILE_NAME: Reason = Reason::new("file-name", 400, "the name of a file is not accepted");
/// A part that is encoded once more.
pub(crate) const ENCODING: Reason = Reason::new("encoding", 400, "a part must not be encoded");
/// Parts in a part.
pub(crate) const NESTED: Reason = Reason::new("nested", 400, "a part must not have parts");

/// Fields that a part may have.
const FIELDS_MAX: usize = 8;
/// Bytes of a name of a part, and of a file.
const NAME_MAX: usize = 256;

/// What a part says about itself.
#[derive(Debug)]
pub(crate) struct Disposition<'b> {
    pub(crate) name: &'b str,
    pub(crate) is_file: bool,
    /// Its media type, without parameters.
    pub(crate) media: Option<Media<'b>>,
}

impl<'b> Disposition<'b> {
    /// Reads the fields of a part: lines that end with CRLF.
    pub(crate) fn read(fields: &'b [u8]) -> Result<Self, &'static Reason> {
        let text = str::from_utf8(fields).map_err(|_| &HEADER)?;
        let (mut disposition, mut media) = (None, None);
        for (position, line) in text.split_terminator("\r\n").enumerate() {
            let (name, value) = line.split_once(':').ok_or(&HEADER)?;
            let is_odd = |byte: u8| byte != b'\t' && (byte < b' ' || byte == 0x7f);
            if position >= FIELDS_MAX || !is_token(name) || value.bytes().any(is_odd) {
                return Err(&HEADER);
            }
            let value = value.trim_matches([' ', '\t']);
            if name.eq_ignore_ascii_case("content-disposition") {
                if disposition.replace(parameters(value)?).is_some() {
                    return Err(&DISPOSITION);
                }
            } else if name.eq_ignore_ascii_case("content-type") {
                let read = Media::parse(value).ok_or(&HEADER)?;
                if read.is_kind("multipart") || read.is_kind("message") {
                    return Err(&NESTED);
                }
                if media.replace(read).is_some() {
                    return Err(&HEADER);
                }
            } else if name.eq_ignore_ascii_case("content-transfer-encoding") {
                // RFC 7578 §4.7: deprecated. These are the words for none.
                if !["binary", "8bit", "7bit"]
                    .iter()
                    .any(|none| value.eq_ignore_ascii_case(none))
                {
                    return Err(&ENCODING);
                }
            } else if name.eq_ignore_ascii_case("content-encoding") {
                return Err(&ENCODING);
            }
        }
        let (name, file) = disposition.ok_or(&DISPOSITION)?;
        check_name(name)?;
        if let Some(file) = file {
            check_file_name(file)?;
        }
        Ok(Self {
            name,
            is_file: file.is_some(),
            media,
        })
    }
}

/// The name of the part, and that of its file.
fn parameters(value: &str) -> Result<(&str, Option<&str>), &'static Reason> {
    let at = value.find([';', ' ', '\t']).unwrap_or(value.len());
    let (kind, mut rest) = value.split_at(at);
    if !kind.eq_ignore_ascii_case("form-data") {
        return Err(&DISPOSITION);
    }
    let (mut name, mut file) = (None, None);
    while !rest.is_empty() {
        // Names with `*` and values with a backslash are none (RFC 7578 §4.2 and §5.1).
        let (parameter, after) = next_parameter(rest).ok_or(&DISPOSITION)?;
        rest = after;
        let before = match parameter {
            Some((word, value)) if word.eq_ignore_ascii_case("name") => name.replace(value),
            Some((word, value)) if word.eq_ignore_ascii_case("filename") => file.replace(value),
            _ => return Err(&DISPOSITION),
        };
        if before.is_some() {
            return Err(&DISPOSITION);
        }
    }
    Ok((name.ok_or(&DISPOSITION)?, file))
}

/// Whether a part may have this name.
pub(crate) fn check_name(name: &str) -> Result<(), &'static Reason> {
    let is_odd = |byte: u8| byte < b' ' || matches!(byte, b'"' | b'\\' | 0x7f);
    // Browsers write quotation marks and line ends so, and receivers decode them or do not.
    let is_escaped = ["%22", "%0d", "%0a", "%00"]
        .iter()
        .any(|escape| has(name, escape));
    if name.is_empty() || name.len() > NAME_MAX || name.bytes().any(is_odd) || is_escaped {
        return Err(&NAME);
    }
    Ok(())
}

fn check_file_name(name: &str) -> Result<(), &'static Reason> {
    let is_odd = |byte: u8| byte < b' ' || matches!(byte, b'"' | b'\\' | b'/' | b':' | 0x7f);
    let escapes = ["%22", "%0d", "%0a", "%00", "%2f", "%5c", "%2e"];
    let is_escaped = escapes.iter().any(|escape| has(name, escape));
    // Windows drops points and blanks at the end, so that `..` has several spellings there.
    let is_points = name.bytes().all(|byte| matches!(byte, b'.' | b' '));
    if name.len() > NAME_MAX || name.bytes().any(is_odd) || is_escaped || is_points {
        return Err(&FILE_NAME);
    }
    Ok(())
}

fn has(text: &str, escape: &str) -> bool {
    let windows = text.as_bytes().windows(escape.len());
    windows
        .into_iter()
        .any(|window| window.eq_ignore_ascii_case(escape.as_bytes()))
}
