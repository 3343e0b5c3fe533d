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

/// Digits of that number.
const SAFE_DIGITS: u32 = 16;

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
    /// Digits so far, and how many of them stand in front of the point.
    digits: u32,
    wholes: u32,
    /// Its value while it is whole, where the range asks for it; wrong beyond 19 digits.
    whole: u64,
    /// Zeros between the point and the first digit that is not 0.
    zeros: u32,
    /// Whether a digit in front of the exponent is not 0.
    is_something: bool,
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
            number.first(byte);
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
                (Part::Minus, b'0'..=b'9') => {
                    self.first(byte);
                    rest = after;
                }
                (
                    Part::Whole | Part::Point | Part::Fraction | Part::Mark | Part::Sign | Part::Exponent,
                    b'0'..=b'9',
                ) => rest = self.run(limits, rest)?,
                (Part::Zero | Part::Whole, b'.') => {
                    self.part = Part::Point;
                    rest = after;
                }
                (Part::Zero | Part::Whole | Part::Fraction, b'e' | b'E') => {
                    self.part = Part::Mark;
                    rest = after;
                }
                (Part::Mark, b'+' | b'-') => {
                    self.part = Part::Sign;
                    self.is_fine = byte == b'-';
                    rest = after;
                }
                (Part::Zero | Part::Whole | Part::Fraction | Part::Exponent, _) => {
                    self.end(limits).map_err(|reason| Stop::at(reason, rest))?;
                    return Ok((rest, true));
                }
                (Part::Minus | Part::Point | Part::Mark | Part::Sign, _) => {
                    return Err(Stop::at(&SYNTAX, rest));
                }
            }
        }
        Ok((rest, false))
    }

    /// Takes all digits in front.
    fn run<'p>(&mut self, limits: &Limits, rest: &'p [u8]) -> Result<&'p [u8], Stop> {
        let length = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        #[cfg(test)]
        {
            self.steps += length as u64;
        }
        let (run, after) = rest.split_at(length);
        // The bound also keeps the counts from running over.
        let room = limits.number_digits.saturating_sub(self.digits);
        let Some(count) = u32::try_from(length).ok().filter(|count| *count <= room) else {
            return Err(Stop {
                reason: &TOO_MANY_DIGITS,
                left: rest.len().saturating_sub(room as usize),
            });
        };
        self.digits += count;
        match self.part {
            Part::Whole | Part::Minus | Part::Zero => {
                self.wholes += count;
                if limits.number_range == NumberRange::Safe {
                    let add =
                        |value: u64, byte: &u8| value.wrapping_mul(10).wrapping_add(u64::from(byte - b'0'));
                    self.whole = run.iter().fold(self.whole, add);
                }
            }
            Part::Point | Part::Fraction => {
                self.part = Part::Fraction;
                if !self.is_something {
                    let zeros = run.iter().take_while(|byte| **byte == b'0').count();
                    self.is_something = zeros < length;
                    self.zeros += u32::try_from(zeros).unwrap_or(u32::MAX);
                }
            }
            Part::Mark | Part::Sign | Part::Exponent => {
                self.part = Part::Exponent;
                let add = |value: i64, byte: &u8| (value * 10 + i64::from(byte - b'0')).min(1_000_000_000);
                self.exponent = run.iter().fold(self.exponent, add);
            }
        }
        Ok(after)
    }

    /// Judges a number behind which no part of it can follow.
    pub(super) fn end(&self, limits: &Limits) -> Result<(), &'static Reason> {
        let is_whole = match self.part {
            Part::Minus | Part::Point | Part::Mark | Part::Sign => return Err(&SYNTAX),
            Part::Zero | Part::Whole => true,
            Part::Fraction | Part::Exponent => false,
        };
        let is_safe = self.wholes <= SAFE_DIGITS && self.whole <= SAFE_MAX;
        let is_in_range = match limits.number_range {
            NumberRange::Any => true,
            NumberRange::Double => self.is_double(),
            NumberRange::Safe if is_whole => is_safe,
            NumberRange::Safe => self.is_double(),
        };
        if is_in_range { Ok(()) } else { Err(&OUT_OF_RANGE) }
    }

    /// Whether a double can hold about this number: by the power of ten of its first digit that is not 0.
    fn is_double(&self) -> bool {
        if !self.is_something {
            return true;
        }
        let exponent = if self.is_fine {
            -self.exponent
        } else {
            self.exponent
        };
        // No other whole part than 0 begins with 0, and that one is not counted.
        let first = if self.wholes == 0 {
            -i64::from(self.zeros) - 1
        } else {
            i64::from(self.wholes) - 1
        };
        (first + exponent).abs() <= EXPONENT_MAX
    }

    fn first(&mut self, byte: u8) {
        self.digits = 1;
        self.part = Part::Zero;
        if byte != b'0' {
            self.part = Part::Whole;
            self.is_something = true;
            self.wholes = 1;
            self.whole = u64::from(byte - b'0');
        }
    }
}
