//! What a client takes: the field `Accept-Encoding` (RFC 9110 §12.5.3).

use http::header::HeaderValue;

use crate::coding::Coding;

/// Elements that are looked at; the rest could only be there to cost time.
const ELEMENTS_MAX: usize = 32;

/// Weight of an element without one, in thousandths.
const FULL: u16 = 1000;

/// The position of the coding that is liked best; of several, the first. `None` when the body is to be sent as it is.
pub(super) fn choose<'v>(values: impl Iterator<Item = &'v HeaderValue>, offered: &[Coding]) -> Option<usize> {
    let elements = values.flat_map(|value| value.as_bytes().split(|byte| *byte == b','));
    let elements: Vec<_> = elements.filter_map(element).take(ELEMENTS_MAX).collect();
    let weight = |word: &[u8]| {
        let exact = elements
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(word));
        exact.map(|(_, weight)| *weight)
    };
    let any = weight(b"*");
    let mut best = None;
    for (position, coding) in offered.iter().enumerate() {
        let weight = weight(coding.word().as_bytes()).or(any).unwrap_or(0);
        if weight > best.map_or(0, |(_, weight)| weight) {
            best = Some((position, weight));
        }
    }
    // Who would rather have it as it is gets it so.
    let plain = weight(b"identity").unwrap_or(0);
    best.filter(|(_, weight)| *weight >= plain)
        .map(|(position, _)| position)
}

/// A coding with its weight. One that cannot be read is not there.
fn element(text: &[u8]) -> Option<(&[u8], u16)> {
    let mut parts = text.split(|byte| *byte == b';').map(<[u8]>::trim_ascii);
    let word = parts.next().filter(|word| !word.is_empty())?;
    let weight = match parts.next() {
        None => FULL,
        Some(parameter) => thousandths(parameter)?,
    };
    Some((word, weight))
}

/// `q=0.5` as 500.
fn thousandths(parameter: &[u8]) -> Option<u16> {
    let text = std::str::from_utf8(parameter).ok()?;
    let text = text.strip_prefix("q=").or_else(|| text.strip_prefix("Q="))?;
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let is_valid = fraction.len() <= 3 && fraction.bytes().all(|byte| byte.is_ascii_digit());
    let fraction: u16 = format!("{fraction:0<3}").parse().ok().filter(|_| is_valid)?;
    match whole {
        "0" => Some(fraction),
        "1" if fraction == 0 => Some(FULL),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_coding_that_is_liked_best_is_chosen() {
        let offered = [Coding::Zstd, Coding::Brotli, Coding::Gzip];
        let cases = [
            ("", None),
            ("gzip", Some(2)),
            ("gzip, br", Some(1)),
            ("GZIP;q=1.0, br;q=0.9", Some(2)),
            ("gzip;q=0", None),
            ("*", Some(0)),
            ("*;q=0, br", Some(1)),
            ("*;q=0", None),
            ("identity", None),
            ("identity, gzip;q=0.5", None),
            ("identity;q=0.5, gzip", Some(2)),
            ("identity;q=0.5, *;q=0.5", Some(0)),
            ("gzip;q=2", None),
            ("gzip;q=0.0001", None),
            ("gzip;q=abc", None),
            ("gzip ; q=0.001", Some(2)),
            ("deflate", None),
        ];
        for (text, expected) in cases {
            let value = HeaderValue::from_static(text);
            assert_eq!(choose([&value].into_iter(), &offered), expected, "{text}");
        }
    }
}
