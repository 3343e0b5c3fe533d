//! Regular expressions of rules: over bytes, in linear time, with a bound on what one may need.
//!
//! No look-around and no back-references: they cannot be matched in linear time.

use regex_automata::meta::Regex;
use regex_syntax::ParserBuilder;
use regex_syntax::hir::{Hir, HirKind};

use super::literals::needed;

/// What the states of one compiled expression may take, in bytes.
const COMPILED_MAX: usize = 1 << 20;
/// What the states that one thread has met of one expression may take, in bytes.
pub(super) const CACHED_MAX: usize = 1 << 15;
/// How deep groups may stand in each other.
const DEPTH_MAX: u32 = 64;

/// Reads an expression. Classes such as `\w` and `\s` are those of ASCII, and `.` is any byte but a line feed.
pub(super) fn parse(pattern: &str) -> Result<Hir, String> {
    let mut parser = ParserBuilder::new()
        .utf8(false)
        .unicode(false)
        .nest_limit(DEPTH_MAX)
        .build();
    // The message of the library draws the place below the pattern: its last line says what is wrong.
    parser
        .parse(pattern)
        .map_err(|error| last_line(&error.to_string()))
}

/// What an expression asks one after the other: each can be told from the rest by its literals.
pub(super) fn alternatives(expression: &Hir) -> Vec<Hir> {
    match expression.kind() {
        HirKind::Alternation(branches) => branches.iter().flat_map(alternatives).collect(),
        HirKind::Capture(capture) => alternatives(&capture.sub),
        // The parser takes out what all branches begin with.
        HirKind::Concat(parts) => match parts.split_last() {
            Some((last, before)) if needed(&Hir::concat(before.to_vec())).is_empty() => {
                let whole = |branch| Hir::concat(before.iter().cloned().chain([branch]).collect());
                alternatives(last).into_iter().map(whole).collect()
            }
            _ => vec![expression.clone()],
        },
        _ => vec![expression.clone()],
    }
}

/// Compiles an expression that was read.
pub(super) fn compile(expression: &Hir) -> Result<Regex, String> {
    let config = Regex::config()
        .utf8_empty(false)
        // Nothing is asked whose literals were not found: to look for them again would be in vain.
        .auto_prefilter(false)
        .nfa_size_limit(Some(COMPILED_MAX))
        .hybrid_cache_capacity(CACHED_MAX);
    let built = Regex::builder().configure(config).build_from_hir(expression);
    built.map_err(|error| match error.size_limit() {
        Some(_) => "it needs more memory than one expression may have".to_owned(),
        None => last_line(&error.to_string()),
    })
}

fn last_line(message: &str) -> String {
    let line = message.lines().last().unwrap_or_default();
    line.trim_start_matches("error: ").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_matched_in_linear_time_is_refused_with_its_reason() {
        for pattern in ["(?=a)b", "(a)\\1", "a(?<!b)"] {
            let error = parse(pattern).unwrap_err();
            assert!(error.contains("not supported"), "{error}");
        }
        assert!(parse("(").unwrap_err().contains("unclosed"));
        let huge = parse("(?:[ab]{1000}){1000}").unwrap();
        assert!(compile(&huge).unwrap_err().contains("memory"));
    }

    #[test]
    fn any_byte_can_be_matched() {
        let regex = compile(&parse("(?i)a.\\xff\\x00b").unwrap()).unwrap();
        assert!(regex.is_match(b"..A\x80\xff\x00B"));
        assert!(!regex.is_match(b"a\n\xff\x00b"));
    }
}
