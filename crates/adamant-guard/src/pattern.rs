//! Patterns for whole values: regular expressions in linear time, with a bound on what one may need.
//!
//! No look-around and no back-references: they cannot be matched in linear time.

use adamant_filter::prelude::*;
use regex_automata::meta::Regex;
use regex_automata::util::syntax;
use regex_automata::{Anchored, Input};

/// What a compiled pattern may take, in bytes.
const COMPILED_MAX: usize = 1 << 20;
/// What the states that one thread has met of a pattern may take, in bytes.
const CACHED_MAX: usize = 1 << 18;

/// A pattern that a value fits as a whole.
#[derive(Debug)]
pub(crate) struct Pattern(Regex);

impl Pattern {
    /// # Errors
    /// When the text is no regular expression, or one that needs too much memory.
    pub(crate) fn of(path: &str, text: &str) -> Result<Self, Problem> {
        let syntax = || syntax::Config::new().utf8(false).unicode(false).nest_limit(64);
        let wrong = |error: String| {
            // The message of the library draws the place below the pattern: its last line says what is wrong.
            let last = error.lines().last().unwrap_or_default().trim().to_owned();
            Problem::at(
                path,
                format!("`{text}` is no pattern: {}", last.trim_start_matches("error: ")),
            )
        };
        // Alone first, so that `a)|(b` does not get out of the group around it.
        syntax::parse_with(text, &syntax()).map_err(|error| wrong(error.to_string()))?;
        let config = Regex::config()
            .utf8_empty(false)
            .nfa_size_limit(Some(COMPILED_MAX))
            .hybrid_cache_capacity(CACHED_MAX);
        let regex = Regex::builder()
            .configure(config)
            .syntax(syntax())
            .build(&format!(r"(?:{text})\z"));
        let regex = regex.map_err(|error| match error.size_limit() {
            Some(_) => Problem::at(
                path,
                format!("`{text}` needs more memory than a pattern may have"),
            ),
            None => wrong(error.to_string()),
        })?;
        Ok(Self(regex))
    }

    /// Whether all of a value fits.
    pub(crate) fn fits(&self, value: &[u8]) -> bool {
        self.0.is_match(Input::new(value).anchored(Anchored::Yes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_fits_as_a_whole() {
        let cases = [
            ("[0-9]{1,3}", "123", true),
            ("[0-9]{1,3}", "1234", false),
            ("[0-9]{1,3}", "x12", false),
            ("a|bc", "bcd", false),
            ("a|bc", "a", true),
            ("a", "a\n", false),
            (".*", "", true),
            (".", "\u{e9}", false),
            ("(?i)abc", "ABC", true),
        ];
        for (pattern, value, fits) in cases {
            assert_eq!(
                Pattern::of("p", pattern).unwrap().fits(value.as_bytes()),
                fits,
                "{pattern} {value}"
            );
        }
    }

    #[test]
    fn what_cannot_be_matched_in_linear_time_or_little_memory_is_no_pattern() {
        for wrong in [
            "a)|(b",
            "(",
            "(?=a)",
            r"(a)\1",
            "[z-a]",
            "(?:(?:a{1000}){1000}){1000}",
        ] {
            assert!(Pattern::of("p", wrong).is_err(), "{wrong}");
        }
    }
}
