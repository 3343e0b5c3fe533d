//! Quantities of the file, each a text with its unit and one canonical spelling.
//!
//! Never a bare number: a number without a unit is refused with the spelling that was meant.

mod byte_rate;
mod cidr;
mod percent;
mod period;
mod rate;
mod secret;
mod size;

use std::fmt;

pub use byte_rate::ByteRate;
pub use cidr::Cidr;
pub use percent::Percent;
pub use period::Period;
pub use rate::Rate;
pub use secret::SecretRef;
pub use size::Size;

/// Why a text is not the quantity it should be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct UnitError {
    message: String,
    help: Option<String>,
}

impl UnitError {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            help: None,
        }
    }

    pub(crate) fn with_help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// The spelling that was probably meant.
    #[must_use]
    pub fn help(&self) -> Option<&str> {
        self.help.as_deref()
    }
}

/// Checks a text against a `format` of the JSON Schema that one of the units declares. `None`: not ours.
pub(crate) fn check_format(format: &str, text: &str) -> Option<Result<(), UnitError>> {
    fn parse<T: std::str::FromStr<Err = UnitError>>(text: &str) -> Result<(), UnitError> {
        text.parse::<T>().map(drop)
    }
    Some(match format {
        size::FORMAT => parse::<Size>(text),
        byte_rate::FORMAT => parse::<ByteRate>(text),
        rate::FORMAT => parse::<Rate>(text),
        period::FORMAT => parse::<Period>(text),
        percent::FORMAT => parse::<Percent>(text),
        cidr::FORMAT => parse::<Cidr>(text),
        ENV_FORMAT => secret::check_env(text),
        _ => return None,
    })
}

/// The formats of a mapping, and of a name in it, where somebody may have written a secret.
pub(crate) use secret::{ENV_FORMAT, FORMAT as SECRET_FORMAT};

/// A whole decimal number and the letters behind it; `None` when it does not begin with a digit.
fn split_unit(text: &str) -> Option<(&str, &str)> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    (digits > 0).then(|| text.split_at(digits))
}

/// The longest piece of a text that a message repeats.
const SHOWN_MAX: usize = 40;

/// A text between backticks, cut when it is long.
struct Shown<'t>(&'t str);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.char_indices().nth(SHOWN_MAX) {
            Some((cut, _)) => write!(f, "`{}…`", self.0.get(..cut).unwrap_or_default()),
            None => write!(f, "`{}`", self.0),
        }
    }
}

#[cfg(test)]
mod tests;
