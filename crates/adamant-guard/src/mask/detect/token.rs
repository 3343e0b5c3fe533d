//! Credentials that are known by their form, and private keys.
//!
//! Credentials without a form of their own are not found: a member of JSON that holds one is masked by its name.

use std::ops::Range;

use super::begins_word;

/// The beginning of a key, how many characters follow at least, and which.
type Form = (&'static [u8], usize, fn(u8) -> bool);

const KEYS: [Form; 17] = [
    (b"AKIA", 16, is_upper),
    (b"ASIA", 16, is_upper),
    (b"ghp_", 36, is_plain),
    (b"gho_", 36, is_plain),
    (b"ghu_", 36, is_plain),
    (b"ghs_", 36, is_plain),
    (b"ghr_", 36, is_plain),
    (b"github_pat_", 22, is_url),
    (b"xoxb-", 20, is_url),
    (b"xoxp-", 20, is_url),
    (b"xoxa-", 20, is_url),
    (b"xoxr-", 20, is_url),
    (b"xoxs-", 20, is_url),
    (b"sk_live_", 16, is_plain),
    (b"rk_live_", 16, is_plain),
    (b"sk_test_", 16, is_plain),
    (b"AIza", 35, is_url),
];

const BEARER: &[u8] = b"bearer ";
const BEGIN: &[u8] = b"-----BEGIN ";
const END: &[u8] = b"PRIVATE KEY-----";

const fn is_upper(byte: u8) -> bool {
    byte.is_ascii_uppercase() || byte.is_ascii_digit()
}

const fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
}

const fn is_url(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')
}

const fn is_token68(byte: u8) -> bool {
    is_url(byte) || matches!(byte, b'.' | b'~' | b'+' | b'/' | b'=')
}

fn count(text: &[u8], from: usize, belongs: fn(u8) -> bool) -> usize {
    let rest = text.get(from..).unwrap_or_default();
    rest.iter().take_while(|byte| belongs(**byte)).count()
}

/// The first credential that begins at `from` or behind.
pub(super) fn find(text: &[u8], from: usize) -> Option<Range<usize>> {
    let places = text.iter().enumerate().skip(from);
    let mut begins = places.filter(|(at, first)| {
        matches!(first, b'A' | b'B' | b'b' | b'e' | b'g' | b'r' | b's' | b'x') && begins_word(text, *at)
    });
    // Where a token that failed ended: one that begins inside it fails for the same cause.
    let mut dead = 0;
    begins.find_map(|(at, _)| {
        let token = if at < dead { None } else { jwt(text, at, &mut dead) };
        let end = token.or_else(|| bearer(text, at)).or_else(|| key(text, at))?;
        Some(at..end)
    })
}

/// Three parts, of which the first two are JSON objects in base64url (RFC 7515 §3.1).
fn jwt(text: &[u8], at: usize, dead: &mut usize) -> Option<usize> {
    text.get(at..)?.strip_prefix(b"eyJ")?;
    let head = at + count(text, at, is_url);
    *dead = head;
    let body = text.get(head..)?.strip_prefix(b".").map(|_| head + 1)?;
    let end = body + count(text, body, is_url);
    let is_long = head - at >= 8 && end - body >= 4;
    let signature = text.get(end..)?.strip_prefix(b".").map(|_| end + 1)?;
    is_long.then(|| signature + count(text, signature, is_url))
}

fn bearer(text: &[u8], at: usize) -> Option<usize> {
    let from = at + BEARER.len();
    if !text.get(at..from)?.eq_ignore_ascii_case(BEARER) {
        return None;
    }
    let length = count(text, from, is_token68);
    let token = text.get(from..from + length)?;
    // `bearer authentication-required` is a sentence.
    (length >= 16 && token.iter().any(u8::is_ascii_digit)).then_some(from + length)
}

fn key(text: &[u8], at: usize) -> Option<usize> {
    let rest = text.get(at..)?;
    KEYS.iter().find_map(|(prefix, least, belongs)| {
        rest.strip_prefix(*prefix)?;
        let from = at + prefix.len();
        let length = count(text, from, *belongs);
        // An identifier of AWS has exactly so many characters.
        let fits = if *least == 16 && prefix.len() == 4 {
            length == 16
        } else {
            length >= *least
        };
        fits.then_some(from + length)
    })
}

/// The first private key that begins at `from` or behind, up to its last line, or to the end where that is missing.
pub(super) fn find_private_key(text: &[u8], from: usize) -> Option<Range<usize>> {
    let mut at = from;
    loop {
        at += position(text.get(at..)?, BEGIN)?;
        let line = text.get(at + BEGIN.len()..)?;
        // `RSA `, `EC `, `ENCRYPTED `, `OPENSSH ` or nothing.
        let kind = line
            .iter()
            .take(24)
            .take_while(|byte| is_upper(**byte) || **byte == b' ');
        let label = line.get(..kind.count() + 5).unwrap_or(line);
        if let Some(found) = position(label, END) {
            let body = at + BEGIN.len() + found + END.len();
            let end = position(text.get(body..)?, END).map_or(text.len(), |found| body + found + END.len());
            return Some(at..end);
        }
        at += BEGIN.len();
    }
}

fn position(text: &[u8], wanted: &[u8]) -> Option<usize> {
    text.windows(wanted.len()).position(|window| window == wanted)
}
