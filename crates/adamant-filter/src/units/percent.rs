//! `50%`: a share.

use std::fmt;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use super::{Shown, UnitError};

pub(super) const FORMAT: &str = "percent";

/// A share such as `50%` or `0.5%`, from 0 to 100 with at most three decimals.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Percent {
    /// Thousandths of a percent, so that equal shares compare equal.
    thousandths: u32,
}

impl Percent {
    /// The share as a number from 0 to 1.
    #[must_use]
    pub fn fraction(self) -> f64 {
        f64::from(self.thousandths) / 100_000.0
    }

    /// The share in thousandths of a percent, from 0 to 100 000.
    #[must_use]
    pub const fn thousandths(self) -> u32 {
        self.thousandths
    }
}

impl fmt::Display for Percent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, rest) = (self.thousandths / 1000, self.thousandths % 1000);
        if rest == 0 {
            return write!(f, "{whole}%");
        }
        let decimals = format!("{rest:03}");
        write!(f, "{whole}.{}%", decimals.trim_end_matches('0'))
    }
}

impl FromStr for Percent {
    type Err = UnitError;

    fn from_str(text: &str) -> Result<Self, UnitError> {
        let wrong = || UnitError::new(format!("{} is not a share", Shown(text)));
        let Some(number) = text.strip_suffix('%') else {
            let help = match text.parse::<f64>() {
                Ok(_) => format!("did you mean `{text}%`?"),
                Err(_) => "write a number from 0 to 100 with a percent sign, such as `50%`".to_owned(),
            };
            return Err(wrong().with_help(help));
        };
        let (whole, decimals) = number.split_once('.').unwrap_or((number, "0"));
        let digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
        if !digits(whole) || !digits(decimals) || decimals.len() > 3 {
            return Err(wrong().with_help("write a number with at most three decimals, such as `0.5%`"));
        }
        let thousandths = format!("{whole}{decimals:0<3}")
            .parse()
            .ok()
            .filter(|share| *share <= 100_000);
        thousandths
            .map(|thousandths| Self { thousandths })
            .ok_or_else(|| UnitError::new(format!("{} is more than the whole", Shown(text))))
    }
}

impl TryFrom<String> for Percent {
    type Error = UnitError;

    fn try_from(text: String) -> Result<Self, UnitError> {
        text.parse()
    }
}

impl From<Percent> for String {
    fn from(percent: Percent) -> Self {
        percent.to_string()
    }
}

impl JsonSchema for Percent {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Percent".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "format": FORMAT,
            "pattern": "^[0-9]{1,3}(\\.[0-9]{1,3})?%$",
            "description": "A share from `0%` to `100%`.",
        })
    }
}
