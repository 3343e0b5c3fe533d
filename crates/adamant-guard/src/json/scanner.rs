//! Reads JSON (RFC 8259) byte by byte and keeps its bounds, without building anything of it.
//!
//! How a body is cut into pieces never matters. Keeps no value, and of the names of open objects only hashes. Every
//! byte is looked at a bounded number of times.

use adamant_filter::prelude::*;

use super::limits::Limits;
use super::number::Number;
use super::text::Text;
use crate::names::Names;

/// Not JSON: a byte that the grammar does not have at this place.
pub(crate) const SYNTAX: Reason = Reason::new("syntax", 400, "the body is not valid JSON");
/// JSON that breaks off.
pub(crate) const TRUNCATED: Reason = Reason::new("truncated", 400, "the body ends in the middle of its JSON");
/// Something behind the value.
pub(crate) const TRAILING: Reason = Reason::new("trailing", 400, "the body goes on behind its JSON value");
/// A byte order mark, which RFC 8259 §8.1 forbids to send.
pub(crate) const BOM: Reason = Reason::new("bom", 400, "the body begins with a byte order mark");
/// Lists and objects inside each other.
pub(crate) const TOO_DEEP: Reason =
    Reason::new("too-deep", 400, "the JSON is nested deeper than is accepted");
/// Members of one object.
pub(crate) const TOO_MANY_MEMBERS: Reason = Reason::new(
    "too-many-members",
    400,
    "an object has more members than are accepted",
);
/// Items of one list.
pub(crate) const TOO_MANY_ITEMS: Reason =
    Reason::new("too-many-items", 400, "a list has more items than are accepted");
/// Values in all.
pub(crate) const TOO_MANY_VALUES: Reason = Reason::new(
    "too-many-values",
    400,
    "the JSON has more values than are accepted",
);
/// A name that an object has already.
pub(crate) const DUPLICATE: Reason = Reason::new("duplicate", 400, "an object has the same name twice");

/// What is wrong, and at which byte of the body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Wrong {
    pub(crate) reason: &'static Reason,
    pub(crate) offset: u64,
}

/// What is wrong, and how many bytes of the piece were left then.
#[derive(Debug)]
pub(super) struct Stop {
    pub(super) reason: &'static Reason,
    pub(super) left: usize,
}

impl Stop {
    pub(super) const fn at(reason: &'static Reason, rest: &[u8]) -> Self {
        Self {
            reason,
            left: rest.len(),
        }
    }
}

/// What may come next.
#[derive(Clone, Copy, Debug)]
enum State {
    Value,
    /// A value, or the end of a list that just began.
    FirstItem,
    /// A name, or the end of an object that just began.
    FirstName,
    Name,
    Colon,
    /// A comma or an end.
    Next,
    /// Inside a text, which is a name or a value.
    InName,
    InText,
    InNumber,
    /// The rest of `true`, `false` or `null`.
    Literal(&'static [u8]),
    End,
}

/// A list or an object that is open.
#[derive(Debug)]
struct Level {
    is_object: bool,
    count: u32,
    /// Where its names begin.
    names: usize,
}

/// How far a body was read.
#[derive(Debug)]
pub(crate) struct Scanner {
    state: State,
    levels: Vec<Level>,
    names: Names,
    text: Text,
    number: Number,
    values: u32,
    /// Bytes of the pieces before.
    offset: u64,
    #[cfg(test)]
    pub(super) steps: u64,
}

impl Scanner {
    /// Nothing was read. The first object or list allocates, as much as the body in hand needs: what a scanner keeps is
    /// bounded by the limits, and most bodies need a fraction of that.
    pub(crate) fn new() -> Self {
        Self {
            state: State::Value,
            levels: Vec::new(),
            names: Names::new(),
            text: Text::default(),
            number: Number::default(),
            values: 0,
            offset: 0,
            #[cfg(test)]
            steps: 0,
        }
    }

    /// Judges a whole body.
    pub(crate) fn judge(limits: &Limits, body: &[u8]) -> Result<(), Wrong> {
        let mut scanner = Self::new();
        scanner.push(limits, body)?;
        scanner.finish(limits)
    }

    /// Reads on.
    pub(crate) fn push(&mut self, limits: &Limits, piece: &[u8]) -> Result<(), Wrong> {
        let read = self.read(limits, piece);
        let left = match &read {
            Ok(()) => 0,
            Err(stop) => stop.left,
        };
        self.offset += u64::try_from(piece.len() - left).unwrap_or(u64::MAX);
        read.map_err(|stop| Wrong {
            reason: stop.reason,
            offset: self.offset,
        })
    }

    /// Nothing follows.
    pub(crate) fn finish(&mut self, limits: &Limits) -> Result<(), Wrong> {
        let wrong = |reason| Wrong {
            reason,
            offset: self.offset,
        };
        match self.state {
            State::End => Ok(()),
            State::InNumber if self.levels.is_empty() => self.number.end(limits).map_err(wrong),
            State::Value
            | State::FirstItem
            | State::FirstName
            | State::Name
            | State::Colon
            | State::Next
            | State::InName
            | State::InText
            | State::InNumber
            | State::Literal(_) => Err(wrong(&TRUNCATED)),
        }
    }

    fn read(&mut self, limits: &Limits, mut rest: &[u8]) -> Result<(), Stop> {
        while let Some((&byte, after)) = rest.split_first() {
            #[cfg(test)]
            {
                self.steps += 1;
            }
            match self.state {
                State::InText => {
                    let (after, ended) = self.text.read(limits.string, rest, None)?;
                    rest = after;
                    if ended {
                        self.state = self.behind_value();
                    }
                }
                State::InName => {
                    let depth = self.levels.len() as u64;
                    let (after, ended) = self.text.read(limits.name, rest, Some(&mut self.names))?;
                    if ended {
                        self.name(depth, after)?;
                    }
                    rest = after;
                }
                State::InNumber => {
                    let (after, ended) = self.number.read(limits, rest)?;
                    rest = after;
                    if ended {
                        self.state = self.behind_value();
                    }
                }
                State::Literal(wanted) => {
                    self.state = match wanted.split_first() {
                        Some((first, [])) if *first == byte => self.behind_value(),
                        Some((first, left)) if *first == byte => State::Literal(left),
                        _ => return Err(Stop::at(&SYNTAX, rest)),
                    };
                    rest = after;
                }
                State::Value
                | State::FirstItem
                | State::FirstName
                | State::Name
                | State::Colon
                | State::Next
                | State::End => {
                    if !matches!(byte, b' ' | b'\t' | b'\n' | b'\r') {
                        self.mark(limits, byte).map_err(|reason| Stop::at(reason, rest))?;
                    }
                    rest = after;
                }
            }
        }
        Ok(())
    }

    /// A byte between values, names and their parts.
    fn mark(&mut self, limits: &Limits, byte: u8) -> Result<(), &'static Reason> {
        self.state = match (self.state, byte) {
            (State::FirstItem, b']') | (State::FirstName, b'}') => self.close(),
            (State::FirstItem | State::Value, _) => return self.value(limits, byte),
            (State::FirstName | State::Name, b'"') => {
                let Some(level) = self.levels.last_mut() else {
                    return Err(&SYNTAX);
                };
                level.count += 1;
                if level.count > limits.members {
                    return Err(&TOO_MANY_MEMBERS);
                }
                self.text.begin();
                State::InName
            }
            (State::Colon, b':') => State::Value,
            (State::Next, b',') if self.is_in_object() => State::Name,
            (State::Next, b',') => State::Value,
            (State::Next, b'}') if self.is_in_object() => self.close(),
            (State::Next, b']') if !self.is_in_object() => self.close(),
            (State::End, _) => return Err(&TRAILING),
            _ => return Err(&SYNTAX),
        };
        Ok(())
    }

    /// The first byte of a value.
    fn value(&mut self, limits: &Limits, byte: u8) -> Result<(), &'static Reason> {
        self.values += 1;
        if self.values > limits.values {
            return Err(&TOO_MANY_VALUES);
        }
        if let Some(level) = self.levels.last_mut().filter(|level| !level.is_object) {
            level.count += 1;
            if level.count > limits.items {
                return Err(&TOO_MANY_ITEMS);
            }
        }
        self.state = match byte {
            b'"' => {
                self.text.begin();
                State::InText
            }
            b'{' => self.open(limits, true)?,
            b'[' => self.open(limits, false)?,
            b'-' | b'0'..=b'9' => {
                self.number = Number::begin(byte);
                State::InNumber
            }
            b't' => State::Literal(b"rue"),
            b'f' => State::Literal(b"alse"),
            b'n' => State::Literal(b"ull"),
            // UTF-8 writes the mark with this byte first; only whitespace can have come before.
            0xef if self.levels.is_empty() => return Err(&BOM),
            _ => return Err(&SYNTAX),
        };
        Ok(())
    }

    fn open(&mut self, limits: &Limits, is_object: bool) -> Result<State, &'static Reason> {
        if self.levels.len() as u64 >= u64::from(limits.depth) {
            return Err(&TOO_DEEP);
        }
        self.levels.push(Level {
            is_object,
            count: 0,
            names: self.names.open(),
        });
        Ok(if is_object {
            State::FirstName
        } else {
            State::FirstItem
        })
    }

    fn close(&mut self) -> State {
        if let Some(level) = self.levels.pop()
            && level.is_object
        {
            self.names.close(level.names);
        }
        self.behind_value()
    }

    /// A name is read to its end.
    fn name(&mut self, depth: u64, rest: &[u8]) -> Result<(), Stop> {
        let start = self.levels.last().map_or(0, |level| level.names);
        if !self.names.add(start, depth) {
            return Err(Stop::at(&DUPLICATE, rest));
        }
        self.state = State::Colon;
        Ok(())
    }

    fn behind_value(&self) -> State {
        if self.levels.is_empty() {
            State::End
        } else {
            State::Next
        }
    }

    fn is_in_object(&self) -> bool {
        self.levels.last().is_some_and(|level| level.is_object)
    }

    #[cfg(test)]
    pub(super) fn work(&self) -> u64 {
        self.steps + self.text.steps + self.names.steps + self.number.steps
    }
}

#[cfg(test)]
mod tests;
