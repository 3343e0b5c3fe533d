//! Rewrites JSON as it comes, without a tree: what is not masked leaves byte by byte as it came.
//!
//! It checks that the text is JSON, since in anything else it could not say what belongs to what. It holds one member at
//! most: its name, and its value if that is a string, a number or a word.

mod long;

use std::sync::Arc;

use super::action::Action;
use super::config::Unreadable;
use super::number::is_number;
use super::path::Place;
use super::rules::Rules;
use super::string::{self, End};
use long::Rest;

/// Arrays and objects inside each other.
const DEPTH_MAX: usize = 128;

/// Why a body does not go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cut {
    /// Something in it must not leave.
    Forbidden,
    /// Its coding cannot be taken off.
    Coded,
    /// It is not JSON.
    Malformed,
    /// A value is longer than may be held.
    TooLong,
}

/// The rewriter of one body.
#[derive(Debug)]
pub(crate) struct Rewriter {
    rules: Arc<Rules>,
    active: u32,
    detects: bool,
    longest: usize,
    longer: Unreadable,
    /// What has come and is not done with.
    held: Vec<u8>,
    /// How far it is read.
    at: usize,
    /// From where on it has not left.
    kept: usize,
    /// Where the member begins about which nothing is decided yet: at its comma, or behind the bracket.
    member: Option<usize>,
    stack: Vec<Level>,
    expects: Expects,
    /// What comes next, if it is a value: rules that name it, and steps of paths below it.
    named: u32,
    below: u64,
    /// The array or object at this depth is masked, and by which rule; nothing of it leaves.
    muted: Option<(usize, u32)>,
    string: Partial,
    has_masked: bool,
    has_begun: bool,
    failed: Option<Cut>,
}

/// An array or object that is open.
#[derive(Debug)]
struct Level {
    is_object: bool,
    /// Steps of paths that may come next in it.
    states: u64,
    /// Elements before the next one.
    index: u32,
    /// Whether one of its members has stayed.
    has_members: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Expects {
    Value,
    /// The first member, or the end.
    First,
    Name,
    Colon,
    CommaOrEnd,
    Nothing,
}

/// A string that is not here to its end.
#[derive(Debug, Default)]
struct Partial {
    /// Bytes of it that are read, with its opening mark; 0 when there is none.
    read: usize,
    kinds: u8,
    /// It was too long: its rest passes or goes.
    rest: Option<Rest>,
}

/// Whether to read on.
enum Flow {
    On,
    /// More bytes have to come.
    More,
}

impl Rewriter {
    /// `limit`: how many bytes of a value are held, and what becomes of a longer one.
    pub(super) fn new(rules: Arc<Rules>, active: u32, limit: (usize, Unreadable)) -> Self {
        Self {
            detects: rules.detects(active),
            below: rules.paths.begin(),
            rules,
            active,
            longest: limit.0,
            longer: limit.1,
            held: Vec::new(),
            at: 0,
            kept: 0,
            member: None,
            stack: Vec::new(),
            expects: Expects::Value,
            named: 0,
            muted: None,
            string: Partial::default(),
            has_masked: false,
            has_begun: false,
            failed: None,
        }
    }

    pub(super) fn is_by(&self, rules: &Arc<Rules>) -> bool {
        Arc::ptr_eq(&self.rules, rules)
    }

    pub(super) const fn has_masked(&self) -> bool {
        self.has_masked
    }

    /// Takes the next piece of the body, and appends what may leave.
    pub(super) fn push(&mut self, piece: &[u8], is_last: bool, out: &mut Vec<u8>) -> Result<(), Cut> {
        if let Some(cut) = self.failed {
            return Err(cut);
        }
        let done = self.run(piece, is_last, out);
        self.failed = done.err();
        done
    }

    fn run(&mut self, piece: &[u8], is_last: bool, out: &mut Vec<u8>) -> Result<(), Cut> {
        self.held.extend_from_slice(piece);
        self.has_begun |= !piece.is_empty();
        while let Flow::On = self.step(is_last, out)? {}
        if is_last {
            let is_whole = self.expects == Expects::Nothing || !self.has_begun;
            self.emit(self.held.len(), out);
            return if is_whole { Ok(()) } else { Err(Cut::Malformed) };
        }
        self.shrink(out)
    }

    /// Lets go what is decided, and bounds what is not.
    fn shrink(&mut self, out: &mut Vec<u8>) -> Result<(), Cut> {
        if self.held.len() - self.pending() > self.longest {
            self.give_up(out)?;
        }
        let done = self.pending();
        self.emit(done, out);
        self.held.drain(..done);
        self.at -= done;
        self.kept = self.kept.saturating_sub(done);
        self.member = self.member.map(|at| at - done);
        Ok(())
    }

    /// The beginning of what is not decided.
    fn pending(&self) -> usize {
        if self.muted.is_some() || self.string.rest.is_some() {
            return self.at;
        }
        self.member.unwrap_or(self.at)
    }

    fn emit(&mut self, to: usize, out: &mut Vec<u8>) {
        if self.muted.is_none() {
            out.extend_from_slice(self.held.get(self.kept..to).unwrap_or_default());
        }
        self.kept = self.kept.max(to);
    }

    fn step(&mut self, is_last: bool, out: &mut Vec<u8>) -> Result<Flow, Cut> {
        if self.string.rest.is_some() {
            return self.pass_string();
        }
        if self.string.read == 0 {
            let rest = self.held.get(self.at..).unwrap_or_default();
            self.at += rest
                .iter()
                .take_while(|byte| matches!(byte, b' ' | b'\n' | b'\r' | b'\t'))
                .count();
        }
        let Some(byte) = self.held.get(self.at).copied() else {
            return Ok(Flow::More);
        };
        match (byte, self.expects) {
            (b'"', Expects::Name) => self.name(),
            (b'"', Expects::First) if self.in_object() => self.name(),
            (b'"', Expects::Value | Expects::First) => self.string_value(out),
            (b':', Expects::Colon) => {
                self.at += 1;
                self.expects = Expects::Value;
                Ok(Flow::On)
            }
            (b',', Expects::CommaOrEnd) => {
                self.comma();
                Ok(Flow::On)
            }
            (b'}', Expects::CommaOrEnd | Expects::First) if self.in_object() => self.close(out),
            (b']', Expects::CommaOrEnd | Expects::First) if !self.in_object() => self.close(out),
            (_, Expects::First) if self.in_object() => Err(Cut::Malformed),
            (b'{' | b'[', Expects::Value | Expects::First) => self.open(byte == b'{', out),
            (_, Expects::Value | Expects::First) => self.word(is_last, out),
            _ => Err(Cut::Malformed),
        }
    }

    fn in_object(&self) -> bool {
        self.stack.last().is_some_and(|level| level.is_object)
    }

    /// The first rule that names the value to come.
    fn rule(&self) -> Option<u32> {
        (self.named != 0).then(|| self.named.trailing_zeros())
    }

    fn comma(&mut self) {
        if self.muted.is_none() {
            self.member = Some(self.at);
        }
        self.at += 1;
        self.expects = if self.in_object() {
            Expects::Name
        } else {
            Expects::Value
        };
    }

    /// Reads the name of a member.
    fn name(&mut self) -> Result<Flow, Cut> {
        let Some(end) = self.read_string()? else {
            return Ok(Flow::More);
        };
        let (start, kinds) = (self.at + 1, self.string.kinds);
        self.string = Partial::default();
        let mut end = end;
        if self.muted.is_none() {
            let content = self.held.get(start..end - 1).unwrap_or_default();
            let name = string::decoded(content, kinds);
            let mut named = self.rules.by_name(&name);
            let states = self.stack.last().map_or(0, |level| level.states);
            self.below = self
                .rules
                .paths
                .follow(states, Place::Member(&name), |rule| named |= 1 << rule);
            self.named = named & self.active;
            if self.detects && self.named == 0 {
                end = self.mask_name(start, end, kinds)?;
            }
        }
        self.at = end;
        self.expects = Expects::Colon;
        Ok(Flow::On)
    }

    /// Masks what detectors find in a name, in the held bytes, and tells where the string ends now.
    fn mask_name(&mut self, start: usize, end: usize, kinds: u8) -> Result<usize, Cut> {
        let content = self.held.get(start..end - 1).unwrap_or_default();
        let Some(masked) = self.masked_content(content, kinds)? else {
            return Ok(end);
        };
        self.has_masked = true;
        match masked {
            Masked::Gone(rule) => {
                self.named = 1 << rule;
                Ok(end)
            }
            Masked::Text(text) => {
                let length = text.len();
                self.held.splice(start..end - 1, text);
                Ok(start + length + 1)
            }
        }
    }

    /// What detectors leave of the content of a string; `None` when they find nothing.
    fn masked_content(&self, content: &[u8], kinds: u8) -> Result<Option<Masked>, Cut> {
        let text = string::decoded(content, kinds);
        let Some(finds) = self.rules.finds(self.active, &text, kinds_of_text(&text, kinds)) else {
            return Ok(None);
        };
        let (mut out, mut at) = (Vec::with_capacity(content.len()), 0);
        for (rule, found) in finds {
            let written = string::written_at(content, kinds, found.start)
                ..string::written_at(content, kinds, found.end);
            match self.rules.action(rule) {
                Some(Action::Refuse) | None => return Err(Cut::Forbidden),
                Some(Action::Remove) => return Ok(Some(Masked::Gone(rule))),
                Some(action) => {
                    out.extend_from_slice(content.get(at..written.start).unwrap_or_default());
                    let value = content.get(written.clone()).unwrap_or_default();
                    action.mask(value, text.get(found).unwrap_or_default(), &mut out);
                }
            }
            at = written.end;
        }
        out.extend_from_slice(content.get(at..).unwrap_or_default());
        Ok(Some(Masked::Text(out)))
    }

    /// Reads a string to its end; `None` when that is not here yet.
    fn read_string(&mut self) -> Result<Option<usize>, Cut> {
        let from = self.at + self.string.read.max(1);
        match string::read_on(&self.held, from, &mut self.string.kinds) {
            End::Malformed => Err(Cut::Malformed),
            End::Within(read) => {
                self.string.read = read - self.at;
                Ok(None)
            }
            End::At(end) => {
                let content = self.held.get(self.at + 1..end - 1).unwrap_or_default();
                if string::is_text(content, self.string.kinds) {
                    Ok(Some(end))
                } else {
                    Err(Cut::Malformed)
                }
            }
        }
    }

    /// Finds the rules for an element of an array.
    fn enter_element(&mut self) {
        let Some(level) = self.stack.last_mut().filter(|level| !level.is_object) else {
            return;
        };
        let place = Place::Element(level.index);
        let mut named = 0;
        self.below = self
            .rules
            .paths
            .follow(level.states, place, |rule| named |= 1 << rule);
        self.named = named & self.active;
    }

    fn string_value(&mut self, out: &mut Vec<u8>) -> Result<Flow, Cut> {
        self.enter_element();
        let Some(end) = self.read_string()? else {
            return Ok(Flow::More);
        };
        let (start, kinds) = (self.at, self.string.kinds);
        self.string = Partial::default();
        self.at = end;
        if self.muted.is_none() {
            let content = start + 1..end - 1;
            if let Some(rule) = self.rule() {
                self.mask_value(rule, content, kinds, out)?;
            } else if !self.detects {
                self.keep(out);
            } else {
                let text = self.held.get(content.clone()).unwrap_or_default();
                match self.masked_content(text, kinds)? {
                    None => self.keep(out),
                    Some(Masked::Gone(_)) => {
                        self.drop_member(out);
                        self.has_masked = true;
                    }
                    Some(Masked::Text(text)) => {
                        self.keep(out);
                        self.emit(content.start, out);
                        out.extend_from_slice(&text);
                        self.kept = content.end;
                        self.has_masked = true;
                    }
                }
            }
        }
        self.value_ended();
        Ok(Flow::On)
    }

    /// A number, or `true`, `false`, `null`.
    fn word(&mut self, is_last: bool, out: &mut Vec<u8>) -> Result<Flow, Cut> {
        self.enter_element();
        let start = self.at;
        let rest = self.held.get(start..).unwrap_or_default();
        let belongs = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.');
        let length = rest.iter().take_while(|byte| belongs(byte)).count();
        if length == rest.len() && !is_last {
            return Ok(Flow::More);
        }
        let text = rest.get(..length).unwrap_or_default();
        let is_word = matches!(text, b"true" | b"false" | b"null");
        if !is_word && !is_number(text) {
            return Err(Cut::Malformed);
        }
        self.at = start + length;
        if self.muted.is_none() {
            let rule = self.rule().or_else(|| self.detected(text));
            match rule {
                Some(rule) => self.mask_value(rule, start..start + length, 0, out)?,
                None => self.keep(out),
            }
        }
        self.value_ended();
        Ok(Flow::On)
    }

    /// The rule whose detector finds something in a number. All of the number is masked then.
    fn detected(&self, number: &[u8]) -> Option<u32> {
        if !self.detects || number.len() < 8 {
            return None;
        }
        let mut finds = self.rules.finds(self.active, number, string::kinds_of(number))?;
        finds.next().map(|(rule, _)| rule)
    }

    /// Masks the whole value that is written at `place`: the content of a string, or a word.
    fn mask_value(
        &mut self,
        rule: u32,
        place: std::ops::Range<usize>,
        kinds: u8,
        out: &mut Vec<u8>,
    ) -> Result<(), Cut> {
        self.has_masked = true;
        let rules = Arc::clone(&self.rules);
        match rules.action(rule) {
            Some(Action::Refuse) | None => return Err(Cut::Forbidden),
            Some(Action::Remove) => self.drop_member(out),
            Some(action) => {
                let is_string = self.held.get(self.at - 1) == Some(&b'"');
                self.keep(out);
                self.emit(place.start, out);
                let written = self.held.get(place.clone()).unwrap_or_default();
                if !is_string {
                    out.push(b'"');
                }
                action.mask(written, &string::decoded(written, kinds), out);
                if !is_string {
                    out.push(b'"');
                }
                self.kept = place.end;
            }
        }
        Ok(())
    }

    fn open(&mut self, is_object: bool, out: &mut Vec<u8>) -> Result<Flow, Cut> {
        self.enter_element();
        if self.stack.len() >= DEPTH_MAX {
            return Err(Cut::Malformed);
        }
        if self.muted.is_none() {
            match self.rule() {
                None => self.keep(out),
                Some(rule) => {
                    self.open_masked(rule, out)?;
                    self.muted = Some((self.stack.len(), rule));
                }
            }
        }
        self.stack.push(Level {
            is_object,
            states: self.below,
            index: 0,
            has_members: false,
        });
        self.at += 1;
        self.named = 0;
        self.expects = Expects::First;
        if self.muted.is_none() {
            self.member = Some(self.at);
        }
        Ok(Flow::On)
    }

    /// Puts the mask of an array or object in its place.
    fn open_masked(&mut self, rule: u32, out: &mut Vec<u8>) -> Result<(), Cut> {
        self.replace_opening(rule, self.at, out)?;
        self.kept = self.at;
        Ok(())
    }

    fn close(&mut self, out: &mut Vec<u8>) -> Result<Flow, Cut> {
        self.stack.pop();
        self.at += 1;
        if self.muted.is_none() {
            // What stands behind the bracket of an empty one is blank.
            self.member = None;
        } else if self.muted.is_some_and(|(depth, _)| depth == self.stack.len()) {
            self.muted = None;
            self.kept = self.at;
        }
        let _ = out;
        self.value_ended();
        Ok(Flow::On)
    }

    /// The member stays: its comma leaves if another one stands before it.
    fn keep(&mut self, out: &mut Vec<u8>) {
        let Some(member) = self.member.take() else { return };
        let Some(level) = self.stack.last_mut() else {
            return;
        };
        let is_first = !std::mem::replace(&mut level.has_members, true);
        if is_first && self.held.get(member) == Some(&b',') {
            self.emit(member, out);
            self.kept = member + 1;
        }
    }

    /// The member goes, with its comma. The value of the whole body has no member: it becomes `null`.
    fn drop_member(&mut self, out: &mut Vec<u8>) {
        match self.member.take() {
            Some(member) => self.emit(member, out),
            None => out.extend_from_slice(b"null"),
        }
        self.kept = self.at;
    }

    fn value_ended(&mut self) {
        self.named = 0;
        match self.stack.last_mut() {
            None => self.expects = Expects::Nothing,
            Some(level) => {
                level.index = level.index.saturating_add(1);
                self.expects = Expects::CommaOrEnd;
            }
        }
    }
}

/// What is left of a string in which something was found.
enum Masked {
    /// The member goes, by this rule.
    Gone(u32),
    Text(Vec<u8>),
}

/// Kinds of the decoded text: an escape may stand for a byte of any kind.
fn kinds_of_text(text: &[u8], kinds: u8) -> u8 {
    if kinds & string::ESCAPED == 0 {
        kinds
    } else {
        string::kinds_of(text)
    }
}
