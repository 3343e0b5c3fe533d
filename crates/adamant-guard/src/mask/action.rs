//! What stands in the place of a masked value.
//!
//! Tells as little as possible of the value: no length, and no end of a short one.

use adamant_filter::ShortOrLong;
use adamant_filter::prelude::*;
use aws_lc_rs::hmac;

use super::config::{How, HowKey, HowWord};

/// The text of a masked value.
const STARS: &[u8] = b"***";

/// Bytes that a key of a hash must have.
const KEY_MIN: usize = 32;

/// Bytes of a hash that are shown.
const SHOWN: usize = 12;

/// How a value is masked.
pub(super) enum Action {
    Redact,
    Remove,
    Refuse,
    KeepLast(usize),
    /// `None` where secrets are withheld.
    Hash(Option<Box<hmac::Key>>),
}

impl std::fmt::Debug for Action {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Redact => "Redact",
            Self::Remove => "Remove",
            Self::Refuse => "Refuse",
            Self::KeepLast(_) => "KeepLast",
            Self::Hash(_) => "Hash",
        })
    }
}

impl Action {
    pub(super) fn of(at: &str, how: &How, boot: &mut Boot<'_>) -> Result<Self, Problem> {
        let long = match how {
            ShortOrLong::Short(HowWord::Redact) => return Ok(Self::Redact),
            ShortOrLong::Short(HowWord::Remove) => return Ok(Self::Remove),
            ShortOrLong::Short(HowWord::Refuse) => return Ok(Self::Refuse),
            ShortOrLong::Long(long) => long,
        };
        match long {
            HowKey {
                keep_last: Some(count),
                hash: None,
            } if (1..=16).contains(count) => Ok(Self::KeepLast(usize::from(*count))),
            HowKey {
                keep_last: Some(_),
                hash: None,
            } => Err(Problem::at(
                &format!("{at}.keep-last"),
                "between one and sixteen characters may stay",
            )),
            HowKey {
                keep_last: None,
                hash: Some(secret),
            } => {
                let secret = boot.secret(secret)?;
                let Some(key) = secret.reveal() else {
                    return Ok(Self::Hash(None));
                };
                if key.len() < KEY_MIN {
                    let problem = Problem::at(
                        &format!("{at}.hash"),
                        format!("the key has fewer than {KEY_MIN} bytes"),
                    );
                    return Err(problem.with_help(
                        "a short key is found by trying: generate one, such as with `openssl rand -hex 32`",
                    ));
                }
                Ok(Self::Hash(Some(Box::new(hmac::Key::new(hmac::HMAC_SHA256, key)))))
            }
            _ => Err(Problem::at(at, "write either `keep-last` or `hash`")),
        }
    }

    /// Appends what stands in the place of `text`: plain ASCII without anything that JSON escapes, and the end of the
    /// text as it is written.
    pub(super) fn mask(&self, text: &[u8], decoded: &[u8], into: &mut Vec<u8>) {
        match self {
            Self::KeepLast(count) => {
                into.extend_from_slice(STARS);
                into.extend_from_slice(kept_end(text, *count));
            }
            Self::Hash(Some(key)) => {
                into.extend_from_slice(b"hmac:");
                let tag = hmac::sign(key, decoded);
                for byte in tag.as_ref().iter().take(SHOWN) {
                    into.push(hex(byte >> 4));
                    into.push(hex(byte & 15));
                }
            }
            Self::Redact | Self::Remove | Self::Refuse | Self::Hash(None) => into.extend_from_slice(STARS),
        }
    }
}

/// The last characters of a text that has more than twice as many. They are letters and digits of ASCII, or nothing is
/// kept: an escape or a character of several bytes must not be cut.
fn kept_end(text: &[u8], count: usize) -> &[u8] {
    if text.len() <= 2 * count {
        return &[];
    }
    let end = text.get(text.len() - count..).unwrap_or_default();
    // A digit of an escape is no character of its own.
    let is_plain = !text.contains(&b'\\') && end.iter().all(|byte| byte.is_ascii_graphic() && *byte != b'"');
    if is_plain { end } else { &[] }
}

const fn hex(digit: u8) -> u8 {
    match digit {
        0..=9 => b'0' + digit,
        _ => b'a' + digit - 10,
    }
}
