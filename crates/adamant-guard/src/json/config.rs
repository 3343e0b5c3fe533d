//! What a policy author writes under `json`.
//!
//! Every bound has a value: JSON without bounds is what this step is there to keep out.

use adamant_filter::prelude::*;

use super::limits::{Limits, NumberRange};
use crate::gate::{self, Otherwise};

/// Lets pass bodies of JSON (RFC 8259) that every receiver reads in the same way, and none that costs a receiver dear:
/// UTF-8 without a byte order mark, no name twice in an object, no half of a surrogate pair, nothing behind the value,
/// and nothing beyond the bounds.
///
/// The body is held back until it was judged. What is refused is answered 400 with the byte at which it went wrong.
///
/// Example: `json: { depth: 8, members: 64, string: 4KiB }`
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct JsonConfig {
    /// Longest body; at most `16MiB`, by default `64KiB`. Not with `stream`, where the bound of the route holds alone.
    #[serde(default, skip_serializing_if = "is_held_by_default")]
    pub(crate) body_at_most: Option<Size>,
    /// Longest body when it is decoded, at most `16MiB`: bodies in gzip, deflate, br or zstd are decoded up to there to be
    /// judged, and reach the upstream as they came. By default they are
    /// refused with 415. Not with `stream`. Example: `256KiB`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) decoded_at_most: Option<Size>,
    /// Lists and objects inside each other; `1` is a flat one. By default `32`, at most `1024`.
    #[serde(default = "default_depth")]
    pub(crate) depth: u32,
    /// Members of one object. By default `256`, at most `100000`.
    #[serde(default = "default_members")]
    pub(crate) members: u32,
    /// Bytes of a member's name, as they are written between the quotation marks. By default `256B`, at most `64KiB`.
    #[serde(default = "default_name")]
    pub(crate) name: Size,
    /// Items of one list. By default `1024`.
    #[serde(default = "default_items")]
    pub(crate) items: u32,
    /// Bytes of a text, as they are written between the quotation marks. By default `16KiB`.
    #[serde(default = "default_string")]
    pub(crate) string: Size,
    /// Values in all, lists and objects included. By default `10000`.
    #[serde(default = "default_values")]
    pub(crate) values: u32,
    /// Digits of one number, those of its exponent included. By default `32`.
    #[serde(default = "default_digits")]
    pub(crate) number_digits: u32,
    /// Which numbers pass: `double` (nothing that a double cannot hold: 0, or between 1e-307 and 1e308 on either side of
    /// 0), `safe` (and whole numbers only up to 9007199254740991, beyond which receivers round) or `any`. By default
    /// `double`.
    #[serde(default = "default_range")]
    pub(crate) number_range: NumberRange,
    /// A body whose `Content-Type` is neither `application/json` nor ends with `+json`: `refuse` answers 415, `pass` lets
    /// it go by unjudged. By default `refuse`.
    #[serde(default)]
    pub(crate) other: Otherwise,
    /// A request without a body: `refuse` answers 400, `pass` lets it go on. By default `refuse`.
    #[serde(default)]
    pub(crate) empty: Otherwise,
    /// Judges the body while it is on its way, for bodies that are too long to hold. On a route with `stream: true`,
    /// HTTP/2 requests must declare their length then. Weaker: what stands in front of a
    /// mistake has reached the upstream by then, which sees the request end early. By default `false`.
    #[serde(default)]
    pub(crate) stream: bool,
}

impl JsonConfig {
    /// The bounds, if they make sense.
    pub(crate) fn limits(&self) -> Result<Limits, Problem> {
        let between = |path: &str, value: u64, highest: u64| {
            if (1..=highest).contains(&value) {
                return Ok(());
            }
            Err(Problem::at(
                path,
                format!("{value} is not between 1 and {highest}"),
            ))
        };
        let any = u64::from(u32::MAX);
        between("depth", self.depth.into(), 1024)?;
        between("members", self.members.into(), 100_000)?;
        between("name", self.name.bytes(), 64 * 1024)?;
        between("items", self.items.into(), any)?;
        between("string", self.string.bytes(), u64::MAX)?;
        between("values", self.values.into(), any)?;
        between("number-digits", self.number_digits.into(), 1000)?;
        if self.stream && self.decoded_at_most.is_some() {
            return Err(Problem::at(
                "decoded-at-most",
                "a body that is not held cannot be decoded",
            ));
        }
        match self.body_at_most {
            Some(_) if self.stream => {
                let problem = Problem::at("body-at-most", "a body that is not held has no such bound");
                return Err(
                    problem.with_help("write `body: { at-most: … }` on the route, or take `stream` away")
                );
            }
            at_most => gate::check_held(at_most.unwrap_or(gate::HELD), self.decoded_at_most)?,
        }
        Ok(Limits {
            depth: self.depth,
            members: self.members,
            name: self.name.bytes(),
            items: self.items,
            string: self.string.bytes(),
            values: self.values,
            number_digits: self.number_digits,
            number_range: self.number_range,
        })
    }
}

#[expect(clippy::ref_option, reason = "the derive hands over a reference to the field")]
fn is_held_by_default(at_most: &Option<Size>) -> bool {
    at_most.is_none_or(|at_most| at_most == gate::HELD)
}

fn default_depth() -> u32 {
    Limits::default().depth
}

fn default_members() -> u32 {
    Limits::default().members
}

fn default_name() -> Size {
    Size::from_bytes(Limits::default().name)
}

fn default_items() -> u32 {
    Limits::default().items
}

fn default_string() -> Size {
    Size::from_bytes(Limits::default().string)
}

fn default_values() -> u32 {
    Limits::default().values
}

fn default_digits() -> u32 {
    Limits::default().number_digits
}

fn default_range() -> NumberRange {
    Limits::default().number_range
}
