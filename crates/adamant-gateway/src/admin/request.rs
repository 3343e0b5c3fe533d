//! A request to the operators' listeners: read within bounds, judged by the same inspection as any
//! client's head, reduced to what is asked for.
//!
//! Bodies are never read.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr};

use adamant_filter::Reason;
use tokio::io::{AsyncRead, AsyncReadExt};

use super::answer;
use crate::listen::{HeadBounds, inspect};

/// Maxima of a head: probes and scrapers send some hundred bytes.
const BOUNDS: HeadBounds = HeadBounds {
    bytes: 8 * 1024,
    fields: 64,
    target_bytes: 1024,
};

/// Bytes of memory for a usual head.
const USUAL_BYTES: usize = 1024;

/// What came of a head.
#[derive(Debug)]
pub(super) enum Asked {
    /// Something that may be answered.
    For(Question),
    /// Something that is refused.
    Refused(&'static Reason),
}

/// What is asked for.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Question {
    /// The path, without query.
    pub(super) path: String,
    /// The query has the parameter `verbose`.
    pub(super) is_verbose: bool,
    /// The host is `localhost` or a loopback address.
    pub(super) is_for_this_machine: bool,
    is_head: bool,
}

impl Asked {
    /// The answer's body stays away.
    pub(super) const fn is_head(&self) -> bool {
        matches!(self, Self::For(Question { is_head: true, .. }))
    }
}

/// Reads a head. `None`: the client went away before its end.
///
/// # Errors
/// When the connection breaks.
pub(super) async fn read_head(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<Option<Asked>> {
    let mut head = Vec::with_capacity(USUAL_BYTES);
    loop {
        // The inspection refuses a head of `BOUNDS.bytes` without an end, so there is always room here.
        let room = (BOUNDS.bytes - head.len()) as u64;
        if (&mut *stream).take(room).read_buf(&mut head).await? == 0 {
            return Ok(None);
        }
        match inspect(&head, &BOUNDS) {
            Ok(None) => {}
            Ok(Some(facts)) if facts.is_bodiless() => return Ok(Some(question(&head))),
            // Whoever sends a body wants to change something, whatever the method is called.
            Ok(Some(_)) => return Ok(Some(Asked::Refused(&answer::METHOD))),
            Err(reason) => return Ok(Some(Asked::Refused(reason))),
        }
    }
}

/// Takes an inspected head apart: lines end with CRLF, and there is at most one Host.
fn question(head: &[u8]) -> Asked {
    let text = String::from_utf8_lossy(head);
    let mut lines = text.split("\r\n");
    let mut words = lines.next().unwrap_or_default().split(' ');
    let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    if !matches!(method, "GET" | "HEAD") {
        return Asked::Refused(&answer::METHOD);
    }
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let host = lines
        .filter_map(|line| line.split_once(':'))
        .find(|(name, _)| name.eq_ignore_ascii_case("host"));
    Asked::For(Question {
        path: path.to_owned(),
        is_verbose: query
            .split('&')
            .any(|part| part == "verbose" || part.starts_with("verbose=")),
        is_for_this_machine: host.is_some_and(|(_, value)| is_this_machine(value.trim())),
        is_head: method == "HEAD",
    })
}

/// Whether a `Host` names this machine by a name that no resolver decides about.
fn is_this_machine(host: &str) -> bool {
    if let Some(rest) = host.strip_prefix('[') {
        let Some((literal, port)) = rest.split_once(']') else {
            return false;
        };
        let is_port = port.is_empty() || port.strip_prefix(':').is_some_and(is_digits);
        return is_port
            && literal
                .parse::<Ipv6Addr>()
                .is_ok_and(|address| address.is_loopback());
    }
    let name = match host.split_once(':') {
        Some((name, port)) if is_digits(port) => name,
        Some(_) => return false,
        None => host,
    };
    name.eq_ignore_ascii_case("localhost")
        || name
            .parse::<Ipv4Addr>()
            .is_ok_and(|address| address.is_loopback())
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_that_need_no_resolver_are_this_machine() {
        let cases = [
            ("localhost", true),
            ("LocalHost:9900", true),
            ("127.0.0.1", true),
            ("127.8.9.10:80", true),
            ("[::1]", true),
            ("[::1]:9900", true),
            ("localhost.", false),
            ("localhost.example.com", false),
            ("127.0.0.1.nip.io", false),
            ("10.0.0.1", false),
            ("0.0.0.0", false),
            ("[::]", false),
            ("[::1", false),
            ("[::1]x", false),
            ("127.0.0.1:", false),
            ("127.0.0.1:80:80", false),
            ("127.1", false),
            ("2130706433", false),
            ("", false),
        ];
        for (host, expected) in cases {
            assert_eq!(is_this_machine(host), expected, "{host}");
        }
    }

    #[test]
    fn a_target_is_taken_apart() {
        let cases = [
            ("/readyz", "/readyz", false),
            ("/readyz?verbose", "/readyz", true),
            ("/readyz?a=1&verbose=1", "/readyz", true),
            ("/readyz?notverbose", "/readyz", false),
        ];
        for (target, path, is_verbose) in cases {
            let Asked::For(question) =
                question(format!("GET {target} HTTP/1.1\r\nhost: a\r\n\r\n").as_bytes())
            else {
                panic!("{target} may be asked for")
            };
            assert_eq!((question.path.as_str(), question.is_verbose), (path, is_verbose));
        }
    }
}
