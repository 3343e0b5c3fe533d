//! Whether a text is an injection of SQL, by the order of its tokens.
//!
//! A text that becomes part of a statement stands outside of quotation marks or within them. It is read in each of
//! these ways, as one letter for each token, and expressions over these letters say what leaves its place: a string
//! that ends and goes on with `or`, a comparison of constants, a union. No word alone is an injection.

mod tokens;

use regex_automata::meta::Regex;

use super::expression;
use super::marks::Marks;
use tokens::{Context, Tokens};

/// Texts that stand outside of quotation marks. Letters are those of `tokens`.
const OUTSIDE: &[&str] = &[
    // `or 1=1`, `and 'a'='a'`, `or 1 like 1`.
    "L\\(*[1sv]\\)*[ok]\\(*[1sv]",
    "L\\(*[1sv]\\)*a\\(*[1sv]\\)*o\\(*[1sv]",
    "L\\(*sw\\(*s",
    "L\\(*[1s]\\)*ons",
    "Ls?nsos",
    "L1w1L1",
    "^U\\(*E$",
    "L\\(*[1s]w\\(+[1s]",
    // `or 1--`, `or (1)#`.
    "^[-+(a]*[1sv]\\)*L\\(*[1sv]\\)*[c;]",
    "^[-+(a]*[1sv]?\\)*L\\(*n\\)*o\\(*n",
    "^L\\(*1\\)*($|c)",
    // `1 and sleep(5)`, `1-sleep(5)`, `1,sleep(5)`, `1 and substring(…)`.
    "^[(a]*[1ns]?\\)*[La,]+\\(*f",
    "^[(a]*[1s]\\)*L\\(*g",
    "^\\(*f\\([^n?]*\\)",
    "L\\(*f",
    // `and (select`, `1 and exists(select`, `1-(select 1)`.
    "^[(a]*[1s]\\)*[La,o]+\\(*E",
    "[Lao,]\\(+E\\(*([1svafg]|n[,F(])",
    // `union select 1, 2`, `union select name from`.
    "U\\(*E\\(*([1svafgC]|n[,F(ac]|n$)",
    "U\\(*E\\(*n?[1n],",
    // `; select …`, `; drop …` are told by words; `;` and a call by this.
    ";c*\\(*E\\(*([1svafg]|n[,F(])",
    // `1 order by 5`, `1 having 1=1`.
    "^[(a]*1\\)*B[1n]($|c|(,1)+)",
    "\\)B1($|c)",
    "B\\(*[1s]\\)*o\\(*[1s]",
    "B1(,1)*c",
    // `(select 1)`, `select @@version`, `select * from`, `select a, b from c`.
    "^B1(,1)*($|c)",
    "^\\(*E\\(*([vf]|g\\()",
    "\\(E\\(*([vfga]|1\\))",
    "E\\(*aFn",
    "^\\(*E\\(*[1ns](,[1nsfg()]+)+Fn(W|B|c|;|\\)|$|L|U|,)",
    "\\(E\\(*[n1gs](,[n1])*\\)*F",
    "EnFn(W[nsg1]|c|;|\\)|U)",
    // `case when 1=1 then`.
    "C\\(*[1sn]\\)*o\\(*[1sn]",
    "C\\(*[fgE]",
];

/// Texts that stand within quotation marks: all begin with the string that they end.
const WITHIN: &[&str] = &[
    // `' or 1=1`, `' and x like '`, `') or ('a'='a`.
    "^s\\)*L+\\(*[1sv]\\)*[okaw]\\(*[1snvfgE]",
    "^s\\)*L+\\(*n\\)*[ok]\\(*[1snvfgE]",
    "^s\\)*L+\\(*n\\)*w\\(*[sE]",
    "^s\\)*L+\\(*[fgEU]",
    "^s\\)*L+\\(*[1sv]\\)*([c;]|L)",
    "^s\\)*L+\\(*n\\)*[c;]$",
    "^s\\)*L+s$",
    // `' union select`, `'; drop`, `' order by 1`, `'='`, `' -- `.
    "^s\\)*;*c*U\\(*E",
    "^s\\)*;+c*[TE]",
    "^s\\)*B\\(*[1nfg]\\)*($|[c,oa])",
    "^s\\)*o\\(*[s1vfgE]",
    "^s\\)*[kw]\\(*s",
    "^s\\)*[La,]+\\(*[fEv]",
    "^s(,\\(*[1sv]\\)*)+\\)*[c;]",
    "^s\\)*[;]*c$",
    "^s\\)*aag?\\(?$",
    "^s\\)*I[ns]",
];

/// Reads texts as parts of statements.
#[derive(Debug)]
pub(super) struct Sql {
    outside: Regex,
    within: Regex,
}

impl Sql {
    /// What stands beside the words of every injection.
    pub(super) const SIGNS: Marks = Marks::among(b"'\"`()=<>;#|&*/+!@")
        .with(Marks::SPACE)
        .with(Marks::LINE);
    pub(super) const QUOTES: Marks = Marks::among(b"'\"");

    /// Words and signs of which a text has one that is an injection where it stands outside of quotation marks.
    pub(super) fn key_words() -> Vec<Vec<u8>> {
        let signs: [&[u8]; 2] = [b"||", b"&&"];
        let calls = tokens::DATABASES.iter().filter(|name| name.len() > 3);
        let words = KEY_WORDS
            .iter()
            .chain(&signs)
            .chain(calls)
            .chain(tokens::PREFIXES);
        words.map(|word| word.to_vec()).collect()
    }

    pub(super) fn new() -> Result<Self, String> {
        let compile = |patterns: &[&str]| {
            let whole = format!("(?:{})", patterns.join(")|(?:"));
            expression::compile(&expression::parse(&whole)?)
        };
        Ok(Self {
            outside: compile(OUTSIDE)?,
            within: compile(WITHIN)?,
        })
    }

    /// Whether a text with a key word leaves its place in a statement.
    pub(super) fn is_injection_outside(&self, text: &[u8]) -> bool {
        has_key_word(text)
            && self
                .outside
                .is_match(Tokens::of(text, Context::Outside).letters())
    }

    /// Whether a text with a quotation mark leaves a string.
    pub(super) fn is_injection_within(&self, text: &[u8]) -> bool {
        let contexts = [(b'\'', Context::Single), (b'"', Context::Double)];
        contexts.into_iter().any(|(quote, context)| {
            text.contains(&quote) && self.within.is_match(Tokens::of(text, context).letters())
        })
    }
}

/// Words without which a text is no injection, unless it calls a function.
const KEY_WORDS: &[&[u8]] = &[
    b"or",
    b"and",
    b"xor",
    b"union",
    b"select",
    b"having",
    b"case",
    b"order",
    b"group",
    b"limit",
    b"procedure",
];

/// Whether a text has a key word that is a word of its own. `or` is a part of many.
fn has_key_word(text: &[u8]) -> bool {
    let mut before = b' ';
    let mut rest = text;
    while let [first, after @ ..] = rest {
        let is_key = match first {
            b'|' | b'&' => after.first() == Some(first),
            // A function before its parenthesis.
            b'(' => before.is_ascii_alphanumeric() || before == b'_',
            _ => first.is_ascii_alphabetic() && !before.is_ascii_alphabetic() && starts_key_word(rest),
        };
        if is_key {
            return true;
        }
        before = *first;
        rest = after;
    }
    false
}

fn starts_key_word(rest: &[u8]) -> bool {
    let spaced: [&[u8]; 2] = [b"sleep", b"benchmark"];
    KEY_WORDS.iter().chain(&spaced).any(|word| {
        let written = rest.get(..word.len()).unwrap_or_default();
        let next = rest.get(word.len());
        written.eq_ignore_ascii_case(word) && !next.is_some_and(u8::is_ascii_alphabetic)
    })
}

#[cfg(test)]
mod tests;
