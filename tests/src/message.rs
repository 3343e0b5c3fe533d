//! Messages as they were on the wire: what an origin received and what a client got.
//!
//! Field names and values are kept as they were sent; look-ups ignore case. Nothing is repaired.

use std::fmt;

use serde_json::Value;

/// Header or trailer fields in the order of the wire.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Fields(pub Vec<(String, String)>);

impl Fields {
    /// The lines of a message head after its first, or of trailers.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let line = |line: &str| {
            let (name, value) = line.split_once(':').unwrap_or((line, ""));
            (name.to_owned(), value.trim().to_owned())
        };
        Self(
            text.split("\r\n")
                .filter(|text| !text.is_empty())
                .map(line)
                .collect(),
        )
    }

    /// The fields of an HTTP/2 message.
    #[must_use]
    pub fn of(map: &http::HeaderMap) -> Self {
        let text = |value: &http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
        Self(
            map.iter()
                .map(|(name, value)| (name.to_string(), text(value)))
                .collect(),
        )
    }

    /// The only value of a field; several are a failed test.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        let all = self.all(name);
        assert!(all.len() <= 1, "`{name}` stands {} times in {self:?}", all.len());
        all.first().copied()
    }

    /// Every value of a field.
    #[must_use]
    pub fn all(&self, name: &str) -> Vec<&str> {
        let same = |(known, _): &&(String, String)| known.eq_ignore_ascii_case(name);
        self.0
            .iter()
            .filter(same)
            .map(|(_, value)| value.as_str())
            .collect()
    }
}

impl fmt::Debug for Fields {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map()
            .entries(self.0.iter().map(|(name, value)| (name, value)))
            .finish()
    }
}

/// A request as an origin received it.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// Which of the origin's connections it came on, from 0.
    pub connection: usize,
    /// The head byte by byte (HTTP/1.1), or as the same text written for HTTP/2.
    pub head: Vec<u8>,
    /// Method.
    pub method: String,
    /// Request target, or `:path`.
    pub target: String,
    /// `Host`, or `:authority`.
    pub host: String,
    /// Header fields, without pseudo fields.
    pub fields: Fields,
    /// The body without its framing; at most the first MiB of it is kept.
    pub body: Vec<u8>,
    /// Length of the whole body.
    pub body_length: u64,
    /// Trailer fields.
    pub trailers: Fields,
    /// The body ended as its framing promised.
    pub complete: bool,
    /// The other side went away before the answer had ended.
    pub gone: bool,
}

impl Seen {
    /// The only value of a header field.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&str> {
        self.fields.get(name)
    }
}

/// A response as a client got it.
#[derive(Clone, Debug, Default)]
pub struct Response {
    /// Status.
    pub status: u16,
    /// Header fields.
    pub fields: Fields,
    /// The body without its framing.
    pub body: Vec<u8>,
    /// Trailer fields.
    pub trailers: Fields,
    /// Statuses of interim answers before it.
    pub interim: Vec<u16>,
    /// The body ended before its framing said so.
    pub truncated: bool,
}

impl Response {
    /// The only value of a header field.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&str> {
        self.fields.get(name)
    }

    /// The body as text.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("the body is not JSON ({error}): {:?}", self.text()))
    }

    /// The reason code of a problem document, after checking that it is a complete one (RFC 9457).
    #[must_use]
    pub fn reason(&self) -> String {
        assert_eq!(
            self.field("content-type"),
            Some("application/problem+json"),
            "{self:?}"
        );
        assert_eq!(
            self.field("cache-control"),
            Some("no-store"),
            "a refusal is not cached: {self:?}"
        );
        let body = self.json();
        let text = |key: &str| {
            let value = body.get(key).and_then(Value::as_str);
            value
                .unwrap_or_else(|| panic!("a problem document has a text `{key}`: {body}"))
                .to_owned()
        };
        assert_eq!(
            body.get("status").and_then(Value::as_u64),
            Some(u64::from(self.status)),
            "{body}"
        );
        assert!(!text("type").is_empty() && !text("title").is_empty(), "{body}");
        assert!(!text("request_id").is_empty(), "{body}");
        let digest = text("digest");
        let hex = digest.bytes().all(|byte| byte.is_ascii_hexdigit());
        assert!(
            digest.len() == 8 && hex,
            "the first eight characters of the digest: {body}"
        );
        text("reason")
    }

    /// Checks the status and that the body is a problem document; tells its reason.
    #[must_use]
    pub fn refused(&self, status: u16) -> String {
        assert_eq!(self.status, status, "{self:?} {}", self.text());
        self.reason()
    }
}
