//! The three fields of a message, read and not believed yet.

use adamant_filter::prelude::*;

const WEBHOOK_ID: HeaderName = HeaderName::from_static("webhook-id");
const WEBHOOK_TIMESTAMP: HeaderName = HeaderName::from_static("webhook-timestamp");
const WEBHOOK_SIGNATURE: HeaderName = HeaderName::from_static("webhook-signature");

/// Longest name of a message, in bytes.
const ID_MAX: usize = 256;

/// Most signatures of a message: one by each key of the sender.
const SIGNATURES_MAX: usize = 16;

/// Most of them that are proved by public keys. Each is tried with each key, and what that costs anybody may ask for.
const PUBLIC_MAX: usize = 4;

pub(super) const MISSING: Reason = Reason::new("missing", 401, "the message must be signed");
pub(super) const SEVERAL: Reason = Reason::new("several", 400, "the fields of a message must be sent once");
pub(super) const MALFORMED: Reason = Reason::new(
    "malformed",
    400,
    "the name or the time of the message is not well formed",
);
pub(super) const TOO_MANY: Reason = Reason::new("too-many", 400, "the message has too many signatures");

/// A message without its body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Message<'r> {
    /// Its name.
    pub(super) id: &'r str,
    /// Seconds since the Unix epoch.
    pub(super) seconds: u64,
    /// The same as it was sent, which is signed.
    timestamp: &'r str,
    /// Signatures with their versions.
    signatures: &'r str,
}

impl<'r> Message<'r> {
    /// The fields of a request.
    pub(super) fn of(request: &'r Request) -> Result<Self, &'static Reason> {
        let text = |name: &HeaderName| match request.single(name) {
            Single::Absent => Err(&MISSING),
            Single::Several => Err(&SEVERAL),
            Single::One(value) => value.to_str().map_err(|_| &MALFORMED),
        };
        let (id, timestamp, signatures) = (
            text(&WEBHOOK_ID)?,
            text(&WEBHOOK_TIMESTAMP)?,
            text(&WEBHOOK_SIGNATURE)?,
        );
        // A dot would let a part of the name be taken for the time.
        let is_name = !id.is_empty()
            && id.len() <= ID_MAX
            && id.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'.');
        let is_time = timestamp.len() <= 12 && timestamp.bytes().all(|byte| byte.is_ascii_digit());
        if !is_name || !is_time {
            return Err(&MALFORMED);
        }
        if signatures.split(' ').count() > SIGNATURES_MAX {
            return Err(&TOO_MANY);
        }
        let message = Self {
            id,
            seconds: timestamp.parse().map_err(|_| &MALFORMED)?,
            timestamp,
            signatures,
        };
        if message.signatures("v1a").count() > PUBLIC_MAX {
            return Err(&TOO_MANY);
        }
        Ok(message)
    }

    /// What is signed.
    pub(super) fn signed(&self, body: &[u8]) -> Vec<u8> {
        [self.id.as_bytes(), b".", self.timestamp.as_bytes(), b".", body].concat()
    }

    /// The signatures of a version, in base64. Those of versions that are not known here are not looked at.
    pub(super) fn signatures(&self, version: &str) -> impl Iterator<Item = &'r str> {
        let all = self.signatures.split(' ').filter_map(|one| one.split_once(','));
        all.filter(move |(of, _)| *of == version)
            .map(|(_, signature)| signature)
    }
}
