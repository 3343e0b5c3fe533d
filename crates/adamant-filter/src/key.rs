//! Keys for limits: which bytes of an exchange stand for "who".
//!
//! `by: consumer`, `by: [address, route]`. A key is made of whole parts with their lengths, so that two
//! different combinations never give the same bytes.

use std::net::IpAddr;

use http::header::HeaderName;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::identity::Identity;
use crate::request::{Request, Single};
use crate::slot::Reads;

/// What a limit counts by: one word or a list of words.
///
/// Words: `consumer`, `address` (IPv4 /32, IPv6 /64), `route`, `listener`, `method`, `header:NAME`,
/// `claim:NAME`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(from = "Written", into = "Vec<String>")]
#[schemars(with = "Written")]
pub struct KeyBy {
    words: Vec<String>,
}

/// One word or a list, as the file may say it.
#[derive(Deserialize, JsonSchema)]
#[serde(untagged)]
enum Written {
    One(String),
    Several(Vec<String>),
}

impl From<Written> for KeyBy {
    fn from(written: Written) -> Self {
        match written {
            Written::One(word) => Self { words: vec![word] },
            Written::Several(words) => Self { words },
        }
    }
}

impl From<KeyBy> for Vec<String> {
    fn from(by: KeyBy) -> Self {
        by.words
    }
}

impl KeyBy {
    /// The words as written.
    #[must_use]
    pub fn words(&self) -> &[String] {
        &self.words
    }
}

/// One compiled word of a [`KeyBy`].
#[derive(Debug)]
pub(crate) enum Part {
    Consumer(Reads<Identity>),
    Claim(Reads<Identity>, Box<str>),
    Address,
    Route,
    Listener,
    Method,
    Header(HeaderName),
}

/// A compiled [`KeyBy`].
#[derive(Debug)]
pub struct Key {
    pub(crate) parts: Box<[Part]>,
}

/// Bytes of a key that need no allocation; longer keys are put on the heap.
const INLINE: usize = 192;

/// Largest part of a key. A longer header value or claim counts as missing.
const PART_MAX: usize = 4096;

/// Collects the bytes of a key.
struct Bytes {
    inline: [u8; INLINE],
    length: usize,
    heap: Vec<u8>,
}

impl Bytes {
    fn push(&mut self, bytes: &[u8]) {
        if self.heap.is_empty() {
            if let Some(room) = self.inline.get_mut(self.length..self.length + bytes.len()) {
                room.copy_from_slice(bytes);
                self.length += bytes.len();
                return;
            }
            self.heap
                .extend_from_slice(self.inline.get(..self.length).unwrap_or_default());
        }
        self.heap.extend_from_slice(bytes);
    }

    fn part(&mut self, bytes: &[u8]) -> bool {
        let Ok(length) = u16::try_from(bytes.len()) else {
            return false;
        };
        if bytes.len() > PART_MAX {
            return false;
        }
        self.push(&length.to_be_bytes());
        self.push(bytes);
        true
    }

    fn as_slice(&self) -> &[u8] {
        if self.heap.is_empty() {
            self.inline.get(..self.length).unwrap_or_default()
        } else {
            &self.heap
        }
    }
}

impl Key {
    /// Calls `with` with the key's bytes, or with `None` when a part is missing from this request.
    pub fn of<R>(&self, request: &Request, with: impl FnOnce(Option<&[u8]>) -> R) -> R {
        let mut bytes = Bytes {
            inline: [0; INLINE],
            length: 0,
            heap: Vec::new(),
        };
        for part in &self.parts {
            if !part.write(request, &mut bytes) {
                return with(None);
            }
        }
        with(Some(bytes.as_slice()))
    }
}

impl Part {
    fn write(&self, request: &Request, bytes: &mut Bytes) -> bool {
        match self {
            Self::Consumer(slot) => request.get(slot).is_some_and(|who| bytes.part(who.qualified())),
            Self::Claim(slot, name) => request.get(slot).is_some_and(|who| match who.claim(name) {
                Some(serde_json::Value::String(text)) => bytes.part(text.as_bytes()),
                // Other claims are rare as keys; their JSON text is allocated.
                Some(other) => bytes.part(other.to_string().as_bytes()),
                None => false,
            }),
            Self::Address => match request.client() {
                IpAddr::V4(address) => bytes.part(&address.octets()),
                // A household or a host owns a /64; counting single addresses would count nobody.
                IpAddr::V6(address) => bytes.part(address.octets().get(..8).unwrap_or_default()),
            },
            Self::Route => bytes.part(request.route().as_bytes()),
            Self::Listener => bytes.part(request.listener().as_bytes()),
            Self::Method => bytes.part(request.method().as_str().as_bytes()),
            Self::Header(name) => match request.single(name) {
                Single::One(value) => bytes.part(value.as_bytes()),
                Single::Absent | Single::Several => false,
            },
        }
    }
}
