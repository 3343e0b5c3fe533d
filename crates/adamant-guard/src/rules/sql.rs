//! Whether a text is an injection of SQL, by the order of its tokens.
//!
//! A text that becomes part of a statement stands outside of quotation marks or within them. It is read in each of
//! these ways, as one letter for each token, and expressions over these letters say what leaves its place: a string
//! that ends and goes on with `or`, a comparison of constants, a union. No word alone is an injection.

mod tokens;

use regex_automata::meta::Regex;

use super::expression;
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

    /// Whether a text leaves its place in a statement.
    pub(super) fn is_injection(&self, text: &[u8]) -> bool {
        if self.outside.is_match(Tokens::of(text, Context::Outside).letters()) {
            return true;
        }
        let contexts = [(b'\'', Context::Single), (b'"', Context::Double)];
        contexts.into_iter().any(|(quote, context)| {
            text.contains(&quote) && self.within.is_match(Tokens::of(text, context).letters())
        })
    }
}

#[cfg(test)]
mod tests;
