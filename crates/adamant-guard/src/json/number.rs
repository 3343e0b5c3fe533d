//! Numbers of JSON: their grammar, their digits and their range.
//!
//! Computes no value beyond what the range needs.

use adamant_filter::prelude::*;

use super::limits::{Limits, NumberRange};
use super::scanner::{SYNTAX, Stop};

/// More digits than are accepted.
pub(crate) const TOO_MANY_DIGITS: Reason = Reason::new(
    "too-many-digits",
    400,
    "a number has more digits than are accepted",
);
/// A number that receivers could read as another one.
pub(crate) const OUT_OF_RANGE: Reason = Reason::new(
    "out-of-range",
    400,
    "a number is larger or finer than is accepted",
);

/// The largest whole number up to which each has a double of its own (RFC 7493 §2.2).
const SAFE_MAX: u64 = (1 << 53) - 1;

/// Powers of ten between which every number has a normal double.
const EXPONENT_MAX: i64 = 307;

/// The part of a number that was read last.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Part {
    #[default]
    Minus,
    /// A zero in front, behind which no digit may stand.
    Zero,
    Whole,
    Point,
    Fraction,
    /// Behind `e`.
    Mark,
    Sign,
    Exponent,
}

/// A number that is being read.
#[derive(Debug, Default)]
pub(super) struct Number {
    part: Part,
    digits: u32,
    /// Its value while it is whole.
    whole: u64,
    /// Power of ten of the first digit that is not 0; `None` while there is none.
    magnitude: Option<i64>,
    /// Digits behind the point.
    places: i64,
    exponent: i64,
    is_fine: bool,
    #[cfg(test)]
    pub(super) steps: u64,
}

impl Number {
    /// Starts with the first byte, a digit or `-`.
    pub(super) fn begin(byte: u8) -> Self {
        let mut number = Self::default();
        if byte != b'-' {
            number.whole_digit(byte);
        }
        number
    }

    /// Reads on. Tells what is left and whether the number ended before that.
    pub(super) fn read<'p>(&mut self, limits: &Limits, piece: &'p [u8]) -> Result<(&'p [u8], bool), Stop> {
        let mut rest = piece;
        while let Some((&byte, after)) = rest.split_first() {
            #[cfg(test)]
            {
                self.steps += 1;
            }
            match (self.part, byte) {
                (Part::Minus | Part::Whole, b'0'..=b'9') => self.whole_digit(byte),
                (Part::Point | Part::Fraction, b'0'..=b'9') => self.fraction_digit(byte),
                (Part::Mark | Part::Sign | Part::Exponent, b'0'..=b'9') => {
                    self.part = Part::Exponent;
                    self.digits += 1;
                    self.exponent = (self.exponent * 10 + i64::from(byte - b'0')).min(1_000_000_000);
                }
                (Part::Zero | Part::Whole, b'.') => self.part = Part::Point,
                (Part::Zero | Part::Whole | Part::Fraction, b'e' | b'E') => self.part = Part::Mark,
                (Part::Mark, b'+' | b'-') => {
                    self.part = Part::Sign;
                    self.is_fine = byte == b'-';
                }
                (Part::Zero | Part::Whole | Part::Fraction | Part::Exponent, _) => {
                    self.end(limits).map_err(|reason| Stop::at(reason, rest))?;
                    return Ok((rest, true));
                }
                (Part::Minus | Part::Point | Part::Mark | Part::Sign, _) => {
                    return Err(Stop::at(&SYNTAX, rest));
                }
            }
            if self.digits > limits.number_digits {
                return Err(Stop::at(&TOO_MANY_DIGITS, rest));
            }
            rest = after;
        }
        Ok((rest, false))
    }

    /// Judges a number behind which no part of it can follow.
    pub(super) fn end(&self, limits: &Limits) -> Result<(), &'static Reason> {
        match self.part {
            Part::Minus | Part::Point | Part::Mark | Part::Sign => return Err(&SYNTAX),
            Part::Zero | Part::Whole | Part::Fraction | Part::Exponent => (),
        }
        let is_whole = matches!(self.part, Part::Zero | Part::Whole);
        let exponent = if self.is_fine {
            -self.exponent
        } else {
            self.exponent
        };
        let is_double = self
            .magnitude
            .is_none_or(|magnitude| (magnitude + exponent).abs() <= EXPONENT_MAX);
        let is_in_range = match limits.number_range {
            NumberRange::Any => true,
            NumberRange::Double => is_double,
            NumberRange::Safe => is_double && (!is_whole || self.whole <= SAFE_MAX),
        };
        if is_in_range { Ok(()) } else { Err(&OUT_OF_RANGE) }
    }

    fn whole_digit(&mut self, byte: u8) {
        let digit = u64::from(byte - b'0');
        self.part = if self.part == Part::Minus && digit == 0 {
            Part::Zero
        } else {
            Part::Whole
        };
        self.digits = self.digits.saturating_add(1);
        self.whole = self.whole.saturating_mul(10).saturating_add(digit);
        if digit != 0 || self.magnitude.is_some() {
            self.magnitude = Some(self.magnitude.map_or(0, |magnitude| magnitude + 1));
        }
    }

    fn fraction_digit(&mut self, byte: u8) {
        self.part = Part::Fraction;
        self.digits = self.digits.saturating_add(1);
        self.places += 1;
        if byte != b'0' && self.magnitude.is_none() {
            self.magnitude = Some(-self.places);
        }
    }
}
