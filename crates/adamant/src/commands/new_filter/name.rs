//! The name of a new filter in its spellings, and why some words cannot be one.

use adamant_filter::Catalogue;

/// Longest name.
const LENGTH_MAX: usize = 40;

/// Words that stand beside the word of a filter in a step.
const STEP_KEYS: &[&str] = &["all-of", "any-of", "id", "on-fault", "shadow", "use", "when"];

/// Words that no crate can be called by: keywords, and crates that every program or the new one uses.
const TAKEN: &[&str] = &[
    "abstract",
    "adamant",
    "alloc",
    "as",
    "async",
    "await",
    "become",
    "box",
    "break",
    "const",
    "continue",
    "core",
    "crate",
    "do",
    "dyn",
    "else",
    "enum",
    "extern",
    "false",
    "final",
    "fn",
    "for",
    "gateway",
    "gen",
    "if",
    "impl",
    "in",
    "let",
    "loop",
    "macro",
    "match",
    "mod",
    "move",
    "mut",
    "override",
    "priv",
    "proc-macro",
    "pub",
    "ref",
    "return",
    "self",
    "serde",
    "static",
    "std",
    "struct",
    "super",
    "test",
    "trait",
    "true",
    "try",
    "type",
    "typeof",
    "unsafe",
    "unsized",
    "use",
    "virtual",
    "where",
    "while",
    "yield",
];

/// A name that a filter and its crate can have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Name(String);

impl Name {
    /// Reads a name, or tells why it cannot be one.
    pub(super) fn parse(word: &str, known: &Catalogue) -> Result<Self, String> {
        let parts = word.split('-');
        let of = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit();
        let is_kebab_case = word.starts_with(|first: char| first.is_ascii_lowercase())
            && parts.clone().all(|part| !part.is_empty() && part.chars().all(of));
        if !is_kebab_case || word.len() > LENGTH_MAX {
            return Err(format!(
                "{word:?} is no name of a filter: write a noun in small letters and digits, with hyphens between words, \
                 of at most {LENGTH_MAX} characters, such as `business-hours`"
            ));
        }
        if STEP_KEYS.contains(&word) {
            return Err(format!(
                "`{word}` is a key of every step, and cannot be the name of a filter"
            ));
        }
        if TAKEN.contains(&word) || word.starts_with("adamant-") {
            return Err(format!(
                "`{word}` cannot be the name of a crate here; choose another noun"
            ));
        }
        if known.get(word).is_some() {
            return Err(format!("there is a filter `{word}` already; choose another noun"));
        }
        Ok(Self(word.to_owned()))
    }

    /// The word in a policy, and the name of the crate: `business-hours`.
    pub(super) fn word(&self) -> &str {
        &self.0
    }

    /// The crate in Rust: `business_hours`.
    pub(super) fn snake(&self) -> String {
        self.0.replace('-', "_")
    }

    /// The type: `BusinessHours`.
    pub(super) fn camel(&self) -> String {
        let capital = |part: &str| {
            let mut letters = part.chars();
            let first = letters.next().map(|letter| letter.to_ascii_uppercase());
            first.into_iter().chain(letters).collect::<String>()
        };
        self.0.split('-').map(capital).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_three_spellings() {
        let name = Name::parse("business-hours2", &Catalogue::new()).unwrap();
        assert_eq!(
            (name.word(), name.snake(), name.camel()),
            (
                "business-hours2",
                "business_hours2".to_owned(),
                "BusinessHours2".to_owned()
            )
        );
    }

    #[test]
    fn what_cannot_be_a_name_is_refused_for_a_reason_of_its_own() {
        let known = crate::builtins::register(Catalogue::new());
        let long = "a".repeat(41);
        for (word, why) in [
            ("", "noun"),
            ("Country", "noun"),
            ("country_code", "noun"),
            ("-country", "noun"),
            ("country-", "noun"),
            ("country--code", "noun"),
            ("2fa", "noun"),
            ("../country", "noun"),
            ("größe", "noun"),
            (long.as_str(), "noun"),
            ("when", "every step"),
            ("any-of", "every step"),
            ("match", "crate"),
            ("std", "crate"),
            ("adamant-geo", "crate"),
            ("jwt", "already"),
            ("api-key", "already"),
        ] {
            let told = Name::parse(word, &known).expect_err(word);
            assert!(told.contains(why), "{word}: {told}");
        }
    }
}
