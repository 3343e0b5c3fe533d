//! Directives of `Cache-Control` in answers (RFC 9111 §5.2.2, RFC 5861), as a file writes them.
//!
//! Reads nothing that an upstream sent.

use adamant_filter::prelude::*;

/// Those that stand alone.
const WORDS: [&str; 8] = [
    "immutable",
    "must-revalidate",
    "must-understand",
    "no-cache",
    "no-store",
    "no-transform",
    "private",
    "public",
];
/// `proxy-revalidate` stands alone, too; the others have a number of seconds.
const SECONDS: [&str; 4] = ["max-age", "s-maxage", "stale-if-error", "stale-while-revalidate"];

/// The field of these directives.
///
/// # Errors
/// When one is not known, stands there twice or says the contrary of another.
pub(super) fn value(path: &str, text: &str) -> Result<HeaderValue, Problem> {
    let wrong = |message: String| Err(Problem::at(path, message));
    let mut names: Vec<&str> = Vec::new();
    for directive in text.split(',').map(str::trim) {
        let (name, argument) = directive
            .split_once('=')
            .map_or((directive, None), |(name, value)| (name, Some(value)));
        let is_word = WORDS.contains(&name) || name == "proxy-revalidate";
        let fits = match argument {
            None => is_word,
            Some(seconds) => SECONDS.contains(&name) && seconds.parse::<u32>().is_ok(),
        };
        if !fits {
            return wrong(format!("`{directive}` is no directive for caches"));
        }
        if names.contains(&name) {
            return wrong(format!("`{name}` stands here twice"));
        }
        names.push(name);
    }
    let has = |name: &str| names.contains(&name);
    if has("public") && has("private") {
        return wrong("an answer is either `public` or `private`".to_owned());
    }
    if has("no-store") && (has("public") || names.iter().any(|name| SECONDS.contains(name))) {
        return wrong("what is not stored has no age".to_owned());
    }
    HeaderValue::from_str(text).map_err(|_| Problem::at(path, "this is no value of a header field"))
}

/// Whether shared caches may keep an answer with this field.
pub(super) fn is_public(value: &HeaderValue) -> bool {
    let mut names = value
        .as_bytes()
        .split(|byte| *byte == b',')
        .map(<[u8]>::trim_ascii);
    !names.any(|name| name == b"private" || name == b"no-store")
}
