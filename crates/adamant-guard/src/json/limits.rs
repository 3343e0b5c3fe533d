//! How much JSON may be of: the bounds of a structure.
//!
//! Says nothing about what the values mean.

use adamant_filter::prelude::*;

/// What a number may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum NumberRange {
    /// Whatever has not too many digits.
    Any,
    /// Nothing that a double cannot hold: 0, or between 1e-307 and 1e308, on either side of 0.
    Double,
    /// That, and whole numbers without `.` and `e` at most 9007199254740991, on either side of 0 (RFC 7493).
    Safe,
}

/// The bounds, as they are compared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Limits {
    pub(crate) depth: u32,
    pub(crate) members: u32,
    /// Bytes.
    pub(crate) name: u64,
    pub(crate) items: u32,
    /// Bytes.
    pub(crate) string: u64,
    pub(crate) values: u32,
    pub(crate) number_digits: u32,
    pub(crate) number_range: NumberRange,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            depth: 32,
            members: 256,
            name: 256,
            items: 1024,
            string: 16 * 1024,
            values: 10_000,
            number_digits: 32,
            number_range: NumberRange::Double,
        }
    }
}

impl Limits {
    /// Most that is kept while one body is read: the levels, the hashes of open names with their table, one name.
    pub(crate) fn memory(&self) -> Size {
        let (depth, members) = (u64::from(self.depth), u64::from(self.members));
        let names = depth.saturating_mul(members).min(u64::from(self.values));
        let bytes = (depth * 24).saturating_add(names * 36).saturating_add(self.name);
        // A vector that grows may have twice the room that it needs.
        Size::from_bytes(bytes.saturating_mul(2))
    }
}
