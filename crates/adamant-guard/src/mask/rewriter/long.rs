//! Values that are longer than may be held: what leaves in their place, and what becomes of their rest.
//!
//! Looks at nothing in them.

use super::super::action::Action;
use super::super::config::Unreadable;
use super::super::string::{self, End};
use super::{Cut, Expects, Flow, Partial, Rewriter};

/// What becomes of the rest of a long string.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rest {
    Passes,
    Goes,
}

impl Rewriter {
    /// A value is longer than may be held.
    pub(super) fn give_up(&mut self, out: &mut Vec<u8>) -> Result<(), Cut> {
        let is_value = self.string.read > 0 && !matches!(self.expects, Expects::Name | Expects::First)
            || self.in_array_string();
        if !is_value {
            return Err(Cut::TooLong);
        }
        let start = self.at;
        let rest = match self.rule() {
            _ if self.muted.is_some() => Rest::Goes,
            Some(rule) => {
                self.replace_opening(rule, start, out)?;
                Rest::Goes
            }
            None if !self.detects || self.longer == Unreadable::Pass => {
                self.keep(out);
                Rest::Passes
            }
            None => return Err(Cut::TooLong),
        };
        self.at += self.string.read;
        self.string.rest = Some(rest);
        if rest == Rest::Goes {
            self.kept = self.at;
        }
        Ok(())
    }

    /// Whether the string that is read is the first element of an array.
    pub(super) fn in_array_string(&self) -> bool {
        self.string.read > 0
            && self.expects == Expects::First
            && self.stack.last().is_some_and(|level| !level.is_object)
    }

    /// Puts the mask of a value in its place before all of the value is there.
    pub(super) fn replace_opening(&mut self, rule: u32, start: usize, out: &mut Vec<u8>) -> Result<(), Cut> {
        match self.rules.action(rule) {
            Some(Action::Refuse) | None => return Err(Cut::Forbidden),
            Some(Action::Remove) => self.drop_member(out),
            Some(_) => {
                self.keep(out);
                self.emit(start, out);
                out.extend_from_slice(b"\"***\"");
            }
        }
        self.has_masked = true;
        Ok(())
    }

    /// Reads the rest of a string that is too long to be looked at.
    pub(super) fn pass_string(&mut self) -> Result<Flow, Cut> {
        let end = string::read_on(&self.held, self.at, &mut self.string.kinds);
        let goes = self.string.rest == Some(Rest::Goes);
        let flow = match end {
            End::Malformed => return Err(Cut::Malformed),
            End::Within(read) => {
                self.at = read;
                Flow::More
            }
            End::At(end) => {
                self.at = end;
                self.string = Partial::default();
                self.value_ended();
                Flow::On
            }
        };
        if goes {
            self.kept = self.at;
        }
        Ok(flow)
    }
}
