//! `1MiB/s`: bytes in each second.

use std::fmt;
use std::num::NonZeroU64;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use super::{Shown, Size, UnitError};

pub(super) const FORMAT: &str = "byte-rate";

/// Bytes in each second, such as `64KiB/s` or `1MiB/s`: a size with `/s`, never none at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ByteRate(NonZeroU64);

impl ByteRate {
    /// So many bytes in each second.
    #[must_use]
    pub const fn from_bytes(bytes: NonZeroU64) -> Self {
        Self(bytes)
    }

    /// The number of bytes in each second.
    #[must_use]
    pub const fn bytes(self) -> u64 {
        self.0.get()
    }
}

impl fmt::Display for ByteRate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/s", Size::from_bytes(self.bytes()))
    }
}

impl FromStr for ByteRate {
    type Err = UnitError;

    fn from_str(text: &str) -> Result<Self, UnitError> {
        let wrong = || UnitError::new(format!("{} is not a rate of bytes", Shown(text)));
        let Some((size, unit)) = text.split_once('/') else {
            return Err(wrong().with_help("say in which time: a size for each second, such as `1MiB/s`"));
        };
        if unit != "s" {
            return Err(wrong().with_help("bytes are counted by the second, such as `1MiB/s`"));
        }
        let size: Size = size
            .parse()
            .map_err(|_| wrong().with_help("write a size before the slash, such as `1MiB/s`"))?;
        NonZeroU64::new(size.bytes()).map(Self).ok_or_else(|| {
            UnitError::new("no bytes in a second would never end").with_help("such as `1MiB/s`")
        })
    }
}

impl TryFrom<String> for ByteRate {
    type Error = UnitError;

    fn try_from(text: String) -> Result<Self, UnitError> {
        text.parse()
    }
}

impl From<ByteRate> for String {
    fn from(rate: ByteRate) -> Self {
        rate.to_string()
    }
}

impl JsonSchema for ByteRate {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "ByteRate".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "format": FORMAT,
            "pattern": "^[0-9]+(B|KiB|MiB|GiB|TiB)/s$",
            "description": "Bytes in each second, such as `64KiB/s`, `1MiB/s`.",
        })
    }
}
