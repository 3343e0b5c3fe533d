//! Takes a multipart body apart at its boundaries (RFC 2046 §5.1.1), in the one way that all receivers share.
//!
//! Keeps nothing: a part is a piece of the body. Every byte is looked at a bounded number of times.

use adamant_filter::prelude::*;

use crate::media::Media;

/// A boundary that is missing or that RFC 2046 does not have.
pub(crate) const BOUNDARY: Reason =
    Reason::new("boundary", 400, "the boundary of the body is missing or wrong");
/// Something before the first or behind the last boundary.
pub(crate) const OUTSIDE: Reason = Reason::new("outside", 400, "the body has bytes outside of its parts");
/// Something that some receivers take for a boundary.
pub(crate) const AMBIGUOUS: Reason =
    Reason::new("ambiguous", 400, "the body can be taken apart in several ways");
/// A body that ends inside a part.
pub(crate) const TRUNCATED: Reason = Reason::new("truncated", 400, "the body ends before its last boundary");
/// Fields of a part that are too long.
pub(crate) const HEADER_TOO_LONG: Reason = Reason::new(
    "header-too-long",
    400,
    "the fields of a part are longer than is accepted",
);

/// Bytes of the fields of one part.
const HEADER_MAX: usize = 2048;

/// What is wrong, and at which byte of the body.
pub(crate) type Wrong = (&'static Reason, usize);

/// A part: its fields, its content, and where it begins.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Part<'b> {
    pub(crate) fields: &'b [u8],
    pub(crate) content: &'b [u8],
    pub(crate) at: usize,
}

/// Goes through the parts of a body.
#[derive(Debug)]
pub(crate) struct Parts<'b> {
    body: &'b [u8],
    boundary: &'b str,
    at: usize,
    is_done: bool,
    #[cfg(test)]
    steps: usize,
}

/// The boundary that a media type tells.
pub(crate) fn boundary<'h>(media: &Media<'h>) -> Option<&'h str> {
    let is_bchar = |byte: u8| byte.is_ascii_alphanumeric() || b"'()+_,-./:=? ".contains(&byte);
    let boundary = media.parameter("boundary")?;
    let is_good =
        (1..=70).contains(&boundary.len()) && boundary.bytes().all(is_bchar) && !boundary.ends_with(' ');
    is_good.then_some(boundary)
}

impl<'b> Parts<'b> {
    /// Starts at the first boundary, with which the body must begin.
    pub(crate) fn of(body: &'b [u8], boundary: &'b str) -> Result<Self, Wrong> {
        let mut parts = Self {
            body,
            boundary,
            at: 0,
            is_done: false,
            #[cfg(test)]
            steps: 0,
        };
        if !parts.is_boundary(0) {
            return Err((&OUTSIDE, 0));
        }
        parts.pass_boundary(0)?;
        if parts.is_done {
            // A form without parts: receivers disagree whether that is one.
            return Err((&AMBIGUOUS, 0));
        }
        Ok(parts)
    }

    /// The next part.
    pub(crate) fn next(&mut self) -> Result<Option<Part<'b>>, Wrong> {
        if self.is_done {
            return Ok(None);
        }
        let at = self.at;
        let fields = self.fields()?;
        let start = self.at;
        if self.is_boundary(start) {
            // Without the line end that belongs to a boundary.
            return Err((&AMBIGUOUS, start));
        }
        let end = self.end_of_content()?;
        let content = self.body.get(start..end).unwrap_or_default();
        self.pass_boundary(end + 2)?;
        Ok(Some(Part { fields, content, at }))
    }

    /// Reads up to the empty line, and stands behind it.
    fn fields(&mut self) -> Result<&'b [u8], Wrong> {
        let start = self.at;
        let rest = self.body.get(start..).unwrap_or_default();
        let mut line = 0;
        loop {
            let head = rest.get(line..).unwrap_or_default();
            let length = head
                .iter()
                .position(|byte| *byte == b'\n')
                .ok_or((&TRUNCATED, self.body.len()))?;
            #[cfg(test)]
            {
                self.steps += length + 1;
            }
            let text = head.get(..length).and_then(|text| text.strip_suffix(b"\r"));
            // A field that goes on in the next line, and a bare CR or LF, have several readings.
            let text = text
                .filter(|text| !text.contains(&b'\r') && !text.starts_with(b" ") && !text.starts_with(b"\t"));
            let text = text.ok_or((&AMBIGUOUS, start + line))?;
            if line + text.len() > HEADER_MAX {
                return Err((&HEADER_TOO_LONG, start + line));
            }
            let next = line + length + 1;
            if text.is_empty() {
                self.at = start + next;
                return Ok(rest.get(..line).unwrap_or_default());
            }
            line = next;
        }
    }

    /// The place of the line end in front of the next boundary.
    fn end_of_content(&mut self) -> Result<usize, Wrong> {
        let mut at = self.at;
        loop {
            let rest = self.body.get(at..).unwrap_or_default();
            let to_end = rest.iter().position(|byte| matches!(byte, b'\r' | b'\n'));
            #[cfg(test)]
            {
                self.steps += to_end.map_or(rest.len(), |to_end| to_end + 1);
            }
            let end = at + to_end.ok_or((&TRUNCATED, self.body.len()))?;
            let is_crlf = self.body.get(end..end + 2) == Some(b"\r\n");
            let behind = end + if is_crlf { 2 } else { 1 };
            if self.is_boundary(behind) {
                return if is_crlf { Ok(end) } else { Err((&AMBIGUOUS, end)) };
            }
            at = behind;
        }
    }

    /// Whether `--` and the boundary stand there. A boundary has no line end in it, so that no byte is compared for two
    /// places.
    fn is_boundary(&mut self, at: usize) -> bool {
        let rest = self.body.get(at..).and_then(|rest| rest.strip_prefix(b"--"));
        #[cfg(test)]
        {
            self.steps += rest.map_or(0, |rest| {
                rest.iter()
                    .zip(self.boundary.bytes())
                    .take_while(|(a, b)| **a == *b)
                    .count()
            });
        }
        rest.is_some_and(|rest| rest.starts_with(self.boundary.as_bytes()))
    }

    /// Takes the boundary at this place, and what makes it the last one.
    fn pass_boundary(&mut self, at: usize) -> Result<(), Wrong> {
        let behind = at + 2 + self.boundary.len();
        let rest = self.body.get(behind..).unwrap_or_default();
        if rest.starts_with(b"\r\n") {
            self.at = behind + 2;
            return Ok(());
        }
        let Some(after) = rest.strip_prefix(b"--") else {
            // Blanks, or a longer word that begins like the boundary.
            let reason = if b"\r\n--".starts_with(rest) {
                &TRUNCATED
            } else {
                &AMBIGUOUS
            };
            return Err((reason, behind));
        };
        if !after.is_empty() && after != b"\r\n" {
            return Err((&OUTSIDE, behind + 2));
        }
        self.is_done = true;
        Ok(())
    }

    #[cfg(test)]
    pub(super) const fn work(&self) -> usize {
        self.steps
    }
}

#[cfg(test)]
mod tests;
