//! `64KiB`: an amount of bytes.

use std::fmt;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use super::{Shown, UnitError, split_unit};

pub(super) const FORMAT: &str = "size";

const UNITS: [(&str, u64); 5] = [
    ("TiB", 1 << 40),
    ("GiB", 1 << 30),
    ("MiB", 1 << 20),
    ("KiB", 1 << 10),
    ("B", 1),
];

/// An amount of bytes such as `500B`, `64KiB`, `1MiB`, `2GiB`: a whole number with a binary unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Size(u64);

impl Size {
    /// So many bytes.
    #[must_use]
    pub const fn from_bytes(bytes: u64) -> Self {
        Self(bytes)
    }

    /// So many times 1024 bytes.
    #[must_use]
    pub const fn from_kib(kib: u32) -> Self {
        Self((kib as u64) << 10)
    }

    /// So many times 1024 × 1024 bytes.
    #[must_use]
    pub const fn from_mib(mib: u32) -> Self {
        Self((mib as u64) << 20)
    }

    /// The number of bytes.
    #[must_use]
    pub const fn bytes(self) -> u64 {
        self.0
    }

    /// The number of bytes for the memory of this machine; the largest number where it has less.
    #[must_use]
    pub fn as_usize(self) -> usize {
        usize::try_from(self.0).unwrap_or(usize::MAX)
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (unit, factor) = UNITS
            .into_iter()
            .find(|(_, factor)| self.0 >= *factor && self.0.is_multiple_of(*factor))
            .unwrap_or(("B", 1));
        write!(f, "{}{unit}", self.0 / factor)
    }
}

impl FromStr for Size {
    type Err = UnitError;

    fn from_str(text: &str) -> Result<Self, UnitError> {
        let wrong = || UnitError::new(format!("{} is not a size", Shown(text)));
        let Some((digits, unit)) = split_unit(text) else {
            return Err(wrong().with_help("write a whole number with its unit, such as `64KiB` or `1MiB`"));
        };
        let Some((_, factor)) = UNITS.into_iter().find(|(name, _)| *name == unit) else {
            return Err(wrong().with_help(hint(digits, unit)));
        };
        digits
            .parse::<u64>()
            .ok()
            .and_then(|number| number.checked_mul(factor))
            .map(Self)
            .ok_or_else(|| UnitError::new(format!("{} is more than can be counted", Shown(text))))
    }
}

fn hint(digits: &str, unit: &str) -> String {
    let Some(first) = unit.chars().find(|c| !c.is_whitespace()) else {
        return format!("say in which unit, such as `{digits}B` or `{digits}KiB`");
    };
    if first == '.' || first == ',' || first == '_' {
        return "write a whole number and take a smaller unit, such as `1536KiB`".to_owned();
    }
    let meant = UNITS
        .into_iter()
        .find(|(name, _)| name.starts_with(first.to_ascii_uppercase()));
    match meant {
        Some((name, _)) => format!("did you mean `{digits}{name}`?"),
        None => "the units are B, KiB, MiB, GiB and TiB".to_owned(),
    }
}

impl TryFrom<String> for Size {
    type Error = UnitError;

    fn try_from(text: String) -> Result<Self, UnitError> {
        text.parse()
    }
}

impl From<Size> for String {
    fn from(size: Size) -> Self {
        size.to_string()
    }
}

impl JsonSchema for Size {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Size".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "format": FORMAT,
            "pattern": "^[0-9]+(B|KiB|MiB|GiB|TiB)$",
            "description": "An amount of bytes such as `500B`, `64KiB`, `1MiB`.",
        })
    }
}
