//! `100/s`: how many in how long.

use std::fmt;
use std::num::NonZeroU64;
use std::str::FromStr;
use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use super::{Period, Shown, UnitError, period};

pub(super) const FORMAT: &str = "rate";

/// How many in how long, such as `100/s`, `5/m`, `1000/h`, `10/d` or `20/15m`.
///
/// `60/m` is not `1/s`: the count is also what may come at once where no burst is stated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Rate {
    count: NonZeroU64,
    window: Period,
}

impl Rate {
    /// `count` in each `window`; `None` when the window is no time at all.
    #[must_use]
    pub const fn new(count: NonZeroU64, window: Period) -> Option<Self> {
        if window.is_zero() {
            None
        } else {
            Some(Self { count, window })
        }
    }

    /// How many.
    #[must_use]
    pub const fn count(self) -> u64 {
        self.count.get()
    }

    /// In how long; never zero.
    #[must_use]
    pub const fn window(self) -> Duration {
        self.window.duration()
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let window = self.window.to_string();
        // One of a unit is written as the unit alone, except `ms`, which has no short form.
        let short = window
            .strip_prefix('1')
            .filter(|unit| ["s", "m", "h", "d"].contains(unit));
        write!(f, "{}/{}", self.count, short.unwrap_or(&window))
    }
}

impl FromStr for Rate {
    type Err = UnitError;

    fn from_str(text: &str) -> Result<Self, UnitError> {
        let wrong = || UnitError::new(format!("{} is not a rate", Shown(text)));
        let Some((count, window)) = text.split_once('/') else {
            let digits: String = text.chars().take_while(char::is_ascii_digit).collect();
            let number = if digits.is_empty() { "100" } else { &digits };
            return Err(wrong().with_help(format!("say in how long, such as `{number}/s` or `{number}/15m`")));
        };
        if count.is_empty() || !count.bytes().all(|b| b.is_ascii_digit()) {
            return Err(wrong().with_help("write a whole number before the slash, such as `100/s`"));
        }
        let number = count
            .parse()
            .ok()
            .ok_or_else(|| UnitError::new("the count is more than can be counted"))?;
        let Some(count) = NonZeroU64::new(number) else {
            return Err(UnitError::new("a rate of nothing would refuse everyone")
                .with_help("allow at least one, such as `1/d`"));
        };
        let window = window_of(window).map_err(|help| wrong().with_help(help))?;
        Self::new(count, window).ok_or_else(|| wrong().with_help("the time after the slash must not be zero"))
    }
}

fn window_of(text: &str) -> Result<Period, String> {
    if let Some((_, millis)) = period::UNITS
        .into_iter()
        .find(|(unit, _)| *unit == text && *unit != "ms")
    {
        return Ok(Period::from_millis(millis));
    }
    let named = ["s", "m", "h", "d"].into_iter().find(|unit| {
        let long = ["sec", "min", "hour", "day"];
        text.starts_with(unit)
            && long
                .iter()
                .any(|word| text.to_ascii_lowercase().starts_with(word))
    });
    if let Some(unit) = named {
        return Err(format!("write `/{unit}` after the number"));
    }
    text.parse()
        .map_err(|_| "write `/s`, `/m`, `/h`, `/d` or a time such as `/15m` after the number".to_owned())
}

impl TryFrom<String> for Rate {
    type Error = UnitError;

    fn try_from(text: String) -> Result<Self, UnitError> {
        text.parse()
    }
}

impl From<Rate> for String {
    fn from(rate: Rate) -> Self {
        rate.to_string()
    }
}

impl JsonSchema for Rate {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Rate".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "format": FORMAT,
            "pattern": "^[0-9]+/([smhd]|[0-9]+(ms|s|m|h|d))$",
            "description": "How many in how long, such as `100/s`, `5/m`, `20/15m`.",
        })
    }
}
