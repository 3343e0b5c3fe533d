//! `10s`: a length of time.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use super::{Shown, UnitError, split_unit};

pub(super) const FORMAT: &str = "period";

pub(super) const UNITS: [(&str, u64); 5] = [
    ("d", 86_400_000),
    ("h", 3_600_000),
    ("m", 60_000),
    ("s", 1000),
    ("ms", 1),
];

/// Ten years: whoever writes more means never, and clocks are added to without overflow.
const MILLIS_MAX: u64 = 3650 * 86_400_000;

/// A length of time such as `500ms`, `10s`, `5m`, `2h`, `14d`: one whole number with one unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Period {
    millis: u64,
}

impl Period {
    /// So many thousandths of a second.
    #[must_use]
    pub const fn from_millis(millis: u64) -> Self {
        Self { millis }
    }

    /// So many seconds.
    #[must_use]
    pub const fn from_secs(seconds: u32) -> Self {
        Self {
            millis: seconds as u64 * 1000,
        }
    }

    /// As the standard library counts time.
    #[must_use]
    pub const fn duration(self) -> Duration {
        Duration::from_millis(self.millis)
    }

    /// The number of thousandths of a second.
    #[must_use]
    pub const fn millis(self) -> u64 {
        self.millis
    }

    /// Whether it is no time at all.
    #[must_use]
    pub const fn is_zero(self) -> bool {
        self.millis == 0
    }
}

impl From<Period> for Duration {
    fn from(period: Period) -> Self {
        period.duration()
    }
}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.millis == 0 {
            return f.write_str("0s");
        }
        let (unit, factor) = UNITS
            .into_iter()
            .find(|(_, factor)| self.millis.is_multiple_of(*factor))
            .unwrap_or(("ms", 1));
        write!(f, "{}{unit}", self.millis / factor)
    }
}

impl FromStr for Period {
    type Err = UnitError;

    fn from_str(text: &str) -> Result<Self, UnitError> {
        let wrong = || UnitError::new(format!("{} is not a length of time", Shown(text)));
        let Some((digits, unit)) = split_unit(text) else {
            return Err(
                wrong().with_help("write a whole number with its unit, such as `500ms`, `10s` or `5m`")
            );
        };
        let Some((_, factor)) = UNITS.into_iter().find(|(name, _)| *name == unit) else {
            return Err(wrong().with_help(hint(digits, unit)));
        };
        digits
            .parse::<u64>()
            .ok()
            .and_then(|number| number.checked_mul(factor))
            .filter(|millis| *millis <= MILLIS_MAX)
            .map(|millis| Self { millis })
            .ok_or_else(|| UnitError::new(format!("{} is longer than ten years", Shown(text))))
    }
}

fn hint(digits: &str, unit: &str) -> String {
    let unit = unit.trim();
    if unit.is_empty() {
        return format!("say in which unit, such as `{digits}ms` or `{digits}s`");
    }
    if unit.starts_with(['.', ',', '_']) {
        return "write a whole number and take a smaller unit, such as `90s` for a minute and a half"
            .to_owned();
    }
    if unit.contains(|c: char| c.is_ascii_digit()) {
        return "write one number with one unit, such as `90m` for one hour and a half".to_owned();
    }
    let lower = unit.to_ascii_lowercase();
    let meant = match lower.as_str() {
        "us" | "µs" | "ns" => return "the smallest unit is the millisecond: `1ms`".to_owned(),
        _ if lower.starts_with("ms") || lower.starts_with("mil") => "ms",
        _ if lower.starts_with('m') => "m",
        _ if lower.starts_with('s') => "s",
        _ if lower.starts_with('h') => "h",
        _ if lower.starts_with('d') => "d",
        _ => return "the units are ms, s, m, h and d".to_owned(),
    };
    format!("did you mean `{digits}{meant}`?")
}

impl TryFrom<String> for Period {
    type Error = UnitError;

    fn try_from(text: String) -> Result<Self, UnitError> {
        text.parse()
    }
}

impl From<Period> for String {
    fn from(period: Period) -> Self {
        period.to_string()
    }
}

impl JsonSchema for Period {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Period".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "format": FORMAT,
            "pattern": "^[0-9]+(ms|s|m|h|d)$",
            "description": "A length of time such as `500ms`, `10s`, `5m`, `2h`, `14d`.",
        })
    }
}
