//! Reads the pairs of a form, in the one way that all receivers share.
//!
//! Keeps one decoded name at a time, and of values only whether they are text.

use adamant_filter::prelude::*;

/// A byte that a form cannot have, or nothing between two separators.
pub(crate) const SYNTAX: Reason = Reason::new("syntax", 400, "the body is not a valid form");
/// A `%` without two hexadecimal digits behind it.
pub(crate) const ESCAPE: Reason = Reason::new("escape", 400, "an escape in the form is not complete");
/// Some receivers read `;` like `&`.
pub(crate) const SEMICOLON: Reason = Reason::new("semicolon", 400, "a form must not have a bare semicolon");
/// Bytes that are no text.
pub(crate) const UTF8: Reason = Reason::new("utf8", 400, "the form is not in UTF-8");
/// A byte at which some receivers end a text.
pub(crate) const NUL: Reason = Reason::new("nul", 400, "the form has a NUL character");
/// A name that is too long.
pub(crate) const NAME_TOO_LONG: Reason =
    Reason::new("name-too-long", 400, "a name is longer than is accepted");
/// A value that is too long.
pub(crate) const VALUE_TOO_LONG: Reason =
    Reason::new("value-too-long", 400, "a value is longer than is accepted");

/// What is wrong, and at which byte of the body.
pub(crate) type Wrong = (&'static Reason, usize);

/// Goes through a form from its first byte to its last.
#[derive(Debug)]
pub(crate) struct Pairs<'b> {
    body: &'b [u8],
    at: usize,
    text: Vec<u8>,
    name_at: usize,
}

impl<'b> Pairs<'b> {
    /// The room for a name and a value is on the heap, as large as the longest of this body.
    pub(crate) const fn of(body: &'b [u8]) -> Self {
        Self {
            body,
            at: 0,
            text: Vec::new(),
            name_at: 0,
        }
    }

    /// Reads the next name, and gives it to `see` with the byte at which it begins; then reads its value. Returns
    /// `false` behind the last pair.
    pub(crate) fn next(
        &mut self,
        (name_max, value_max): (u64, u64),
        see: impl FnOnce(&str, usize) -> Result<(), &'static Reason>,
    ) -> Result<bool, Wrong> {
        if self.at >= self.body.len() {
            return Ok(false);
        }
        self.name_at = self.at;
        let has_value = self.part(name_max, &NAME_TOO_LONG, b'=')?;
        if self.text.is_empty() {
            return Err((&SYNTAX, self.name_at));
        }
        let name = str::from_utf8(&self.text).map_err(|_| (&UTF8, self.name_at))?;
        see(name, self.name_at).map_err(|reason| (reason, self.name_at))?;
        let value_at = self.at;
        if has_value {
            self.part(value_max, &VALUE_TOO_LONG, b'&')?;
            str::from_utf8(&self.text).map_err(|_| (&UTF8, value_at))?;
        }
        // A separator at the end stands before nothing.
        if self.at == self.body.len() && self.body.last() == Some(&b'&') {
            return Err((&SYNTAX, self.at));
        }
        Ok(true)
    }

    /// Decodes up to the next separator, and takes it. Tells whether it was `end` rather than the one between pairs.
    fn part(&mut self, longest: u64, too_long: &'static Reason, end: u8) -> Result<bool, Wrong> {
        self.text.clear();
        while let Some((&byte, after)) = self.body.get(self.at..).and_then(<[u8]>::split_first) {
            let at = self.at;
            self.at += 1;
            let decoded = match byte {
                b'&' => return Ok(false),
                b'=' if end == b'=' => return Ok(true),
                b'+' => b' ',
                b'%' => {
                    self.at += 2;
                    match after {
                        [high, low, ..] => hex(*high).zip(hex(*low)).map(|(high, low)| high << 4 | low),
                        _ => None,
                    }
                    .ok_or((&ESCAPE, at))?
                }
                b';' => return Err((&SEMICOLON, at)),
                b' '..=b'~' => byte,
                _ => return Err((&SYNTAX, at)),
            };
            if decoded == 0 {
                return Err((&NUL, at));
            }
            self.text.push(decoded);
            if self.text.len() as u64 > longest {
                return Err((too_long, at));
            }
        }
        Ok(false)
    }
}

fn hex(digit: u8) -> Option<u8> {
    let digit = char::from(digit).to_digit(16)?;
    u8::try_from(digit).ok()
}
