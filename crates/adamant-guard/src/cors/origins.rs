//! Origins as they are written in the file, and which of them a request comes from.
//!
//! Compares serialised origins byte by byte, as browsers do; parses nothing that a client sent.

use adamant_filter::prelude::*;

/// Who may use the service from a browser.
#[derive(Debug)]
pub(crate) struct Origins {
    all: bool,
    /// Sorted.
    exact: Box<[HeaderValue]>,
    patterns: Box<[Pattern]>,
}

/// `https://*.example.com`: every host below that name.
#[derive(Debug)]
struct Pattern {
    /// `https://`
    scheme: Box<str>,
    /// `.example.com`, with its port.
    ending: Box<str>,
}

/// Who asks, as the field `Origin` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asker {
    /// There is no such field: no browser, or a page of the service itself.
    Nobody,
    /// A site that is not trusted.
    Foreign,
    /// Everyone is trusted.
    Anyone,
    /// The origin at this position.
    Listed(u32),
    /// A pattern fits.
    ByPattern,
}

impl Asker {
    /// As a word of the exchange; 0 is a word that was never set.
    pub(super) const fn word(self) -> u64 {
        match self {
            Self::Nobody => 1,
            Self::Foreign => 2,
            Self::Anyone => 3,
            Self::ByPattern => 4,
            Self::Listed(position) => 5 + position as u64,
        }
    }

    pub(super) fn of_word(word: u64) -> Option<Self> {
        Some(match word {
            0 => return None,
            1 => Self::Nobody,
            2 => Self::Foreign,
            3 => Self::Anyone,
            4 => Self::ByPattern,
            listed => Self::Listed(u32::try_from(listed - 5).ok()?),
        })
    }
}

impl Origins {
    pub(crate) fn of(written: &[String], key: &str) -> Result<Self, Problem> {
        let (mut exact, mut patterns, mut all) = (Vec::new(), Vec::new(), false);
        for (position, text) in written.iter().enumerate() {
            let path = format!("{key}[{position}]");
            if text == "*" {
                all = true;
            } else if let Some((scheme, rest)) = text.split_once("://*.") {
                patterns.push(Pattern::of(&path, text, scheme, rest)?);
            } else {
                check(&path, text)?;
                exact.push(value(&path, text)?);
            }
        }
        if all && written.len() > 1 {
            let problem = Problem::at(key, "`*` is everyone, so the others mean nothing");
            return Err(problem.with_help("list the sites, or write `[\"*\"]` alone"));
        }
        if written.is_empty() {
            return Err(Problem::at(key, "an empty list trusts nobody"));
        }
        exact.sort_unstable();
        Ok(Self {
            all,
            exact: exact.into(),
            patterns: patterns.into(),
        })
    }

    pub(crate) const fn are_all(&self) -> bool {
        self.all
    }

    pub(super) fn listed(&self, position: u32) -> Option<&HeaderValue> {
        self.exact.get(position as usize)
    }

    /// Who asks. A request with several such fields is of no browser, and trusted by none of them.
    pub(crate) fn asker(&self, field: Single<'_>) -> Asker {
        let origin = match field {
            Single::Absent => return Asker::Nobody,
            Single::Several => return Asker::Foreign,
            Single::One(origin) => origin,
        };
        if self.all {
            return Asker::Anyone;
        }
        if let Ok(position) = self.exact.binary_search(origin) {
            return u32::try_from(position).map_or(Asker::Foreign, Asker::Listed);
        }
        match origin.to_str() {
            Ok(origin) if self.patterns.iter().any(|pattern| pattern.fits(origin)) => Asker::ByPattern,
            Ok(_) | Err(_) => Asker::Foreign,
        }
    }
}

impl Pattern {
    fn of(path: &str, text: &str, scheme: &str, rest: &str) -> Result<Self, Problem> {
        check(path, &format!("{scheme}://{rest}"))?;
        let host = rest.split(':').next().unwrap_or_default();
        if !host.contains('.') {
            let problem = Problem::at(path, format!("`{text}` would trust every site under `.{host}`"));
            return Err(problem.with_help("write a domain that is yours, such as `https://*.example.com`"));
        }
        Ok(Self {
            scheme: format!("{scheme}://").into(),
            ending: format!(".{rest}").into(),
        })
    }

    /// Whether the host is one or more labels below the name.
    fn fits(&self, origin: &str) -> bool {
        let host = origin.strip_prefix(&*self.scheme);
        let labels = host.and_then(|host| host.strip_suffix(&*self.ending));
        labels.is_some_and(|labels| labels.split('.').all(is_label))
    }
}

fn is_label(label: &str) -> bool {
    let is_letter =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'_');
    !label.is_empty() && label.bytes().all(is_letter)
}

/// An origin as a browser writes it (RFC 6454 §6.1): anything else is never equal to one.
fn check(path: &str, text: &str) -> Result<(), Problem> {
    if text == "null" {
        return Ok(());
    }
    let never =
        |help: &str| Err(Problem::at(path, format!("no browser sends the origin `{text}`")).with_help(help));
    let Some((scheme, rest)) = text.split_once("://") else {
        return never(
            "write scheme, host and, if it is another one, port, such as `https://app.example.com`",
        );
    };
    let is_scheme =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'+' | b'-' | b'.');
    if scheme.is_empty() || !scheme.bytes().all(is_scheme) {
        return never("write the scheme in small letters, such as `https`");
    }
    let (host, port) = split_port(rest);
    let is_host =
        |byte: u8| !byte.is_ascii_uppercase() && byte.is_ascii_graphic() && !b"/?#@*\\,".contains(&byte);
    if host.is_empty() || !host.bytes().all(is_host) {
        return never("write the host in small letters and nothing behind it, not even a slash");
    }
    let Some(port) = port else { return Ok(()) };
    if port.starts_with('0') || port.parse::<u16>().is_err() {
        return never("write a port between 1 and 65535");
    }
    if matches!((scheme, port), ("https", "443") | ("http", "80")) {
        return never("leave out the port: it is the usual one of the scheme");
    }
    Ok(())
}

fn split_port(rest: &str) -> (&str, Option<&str>) {
    match rest.rsplit_once(':') {
        // A colon inside the brackets of an IPv6 address is none before a port.
        Some((host, port)) if !port.contains(']') => (host, Some(port)),
        Some(_) | None => (rest, None),
    }
}

fn value(path: &str, text: &str) -> Result<HeaderValue, Problem> {
    HeaderValue::from_str(text)
        .map_err(|_| Problem::at(path, format!("no browser sends the origin `{text}`")))
}
