//! What is written under `cors`, and its values as fields of answers.
//!
//! Knows no request.

use adamant_filter::prelude::*;
use serde::Serializer;

use super::origins::Origins;

/// The longest time for which a browser remembers a preflight: Firefox's bound, the highest of all.
const MAX_AGE: u64 = 86_400;

/// Lets the pages of other sites use the service from a browser.
///
/// It answers preflights by itself with 204, so it stands above authentication and `methods`: a preflight carries no
/// credentials. Preflights are routed by the method that they ask for. Every answer, a refusal of the gateway too, tells
/// the browser whether the page may read it; whatever the upstream says about that is taken away.
///
/// A site that is not listed is told nothing, and its browser hides the answer; the request itself is served. Write
/// `enforce: true` to refuse it, for WebSocket above all, where browsers ask nobody.
///
/// Example: `cors: { origins: ["https://app.example.com"], methods: [GET, POST], headers: [content-type] }`
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct CorsConfig {
    /// Sites that may, exactly as their browser writes them: scheme, host, and port if it is another one than usual.
    /// `https://*.example.com` is every host below that name and not the name itself. `"*"` alone is everyone;
    /// `"null"` are pages without an origin, such as files and sandboxes.
    /// Example: `["https://app.example.com", "https://*.preview.example.com"]`
    #[serde(serialize_with = "sorted")]
    origins: Vec<String>,
    /// Methods that the pages may use, in capital letters. Example: `[GET, POST, DELETE]`
    #[serde(serialize_with = "sorted")]
    methods: Vec<String>,
    /// Fields that the pages may send besides those that they always may. `"*"` is all of them but `authorization`,
    /// which is written beside it. Default: none. Example: `[authorization, content-type]`
    #[serde(default, serialize_with = "sorted_names")]
    headers: Vec<String>,
    /// Fields of answers that the pages may read besides those that they always may. Default: none.
    /// Example: `[x-request-id, ratelimit]`
    #[serde(default, serialize_with = "sorted_names")]
    expose: Vec<String>,
    /// Whether pages may send cookies and client certificates. Default: false. Example: `true`
    #[serde(default)]
    pub(super) credentials: bool,
    /// How long browsers may remember the answer to a preflight, at most a day. Chromium keeps it for two hours at most.
    /// Default: not told, so browsers take five seconds. Example: `2h`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    max_age: Option<Period>,
    /// Whether requests of other sites are refused with 403 instead of being served without permission to read the
    /// answer. Pages of the service itself name their own origin, too, so it has to be listed. Default: false.
    #[serde(default)]
    pub(super) enforce: bool,
    /// Whether pages of public networks may reach the service in a private one (Private Network Access).
    /// Default: false.
    #[serde(default)]
    pub(super) private_network: bool,
}

/// The order of these lists means nothing.
pub(crate) fn sorted<S: Serializer>(words: &[String], serializer: S) -> Result<S::Ok, S::Error> {
    let mut words: Vec<_> = words.iter().collect();
    words.sort_unstable();
    words.serialize(serializer)
}

/// Names of fields have no case.
fn sorted_names<S: Serializer>(names: &[String], serializer: S) -> Result<S::Ok, S::Error> {
    let mut names: Vec<_> = names.iter().map(|name| name.to_ascii_lowercase()).collect();
    names.sort_unstable();
    names.serialize(serializer)
}

impl CorsConfig {
    pub(super) fn origins(&self) -> Result<Origins, Problem> {
        unique("origins", &self.origins)?;
        let origins = Origins::of(&self.origins, "origins")?;
        if origins.are_all() {
            if self.credentials {
                let problem = Problem::at(
                    "credentials",
                    "no browser sends credentials where everyone is trusted",
                );
                return Err(problem.with_help("list the sites under `origins`"));
            }
            if self.enforce {
                let problem = Problem::at("enforce", "nobody is refused where everyone is trusted");
                return Err(problem.with_help("list the sites under `origins`, or remove `enforce`"));
            }
        }
        if self.credentials && self.origins.iter().any(|origin| origin == "null") {
            let problem = Problem::at("origins", "every site can make a page whose origin is `null`");
            return Err(problem.with_help("remove `null`, or `credentials: true`"));
        }
        Ok(origins)
    }

    pub(super) fn methods(&self) -> Result<HeaderValue, Problem> {
        unique("methods", &self.methods)?;
        if self.methods.is_empty() {
            return Err(Problem::at("methods", "an empty list permits no method"));
        }
        for name in &self.methods {
            let is_method = Method::from_bytes(name.as_bytes()).is_ok()
                && !name.bytes().any(|byte| byte.is_ascii_lowercase())
                && !matches!(&**name, "CONNECT" | "TRACE" | "TRACK" | "*");
            if !is_method {
                let problem = Problem::at("methods", format!("no page can use the method `{name}`"));
                return Err(problem.with_help("write methods in capital letters, such as `[GET, POST]`"));
            }
        }
        joined("methods", self.methods.clone())
    }

    pub(super) fn headers(&self) -> Result<Option<HeaderValue>, Problem> {
        let names = names("headers", &self.headers)?;
        if names.iter().any(|name| name == "*") {
            if self.credentials {
                let problem = Problem::at(
                    "headers",
                    "with `credentials`, `*` is a field of that name and nothing else",
                );
                return Err(problem.with_help("list the fields"));
            }
            if let Some(other) = names
                .iter()
                .find(|name| !matches!(&***name, "*" | "authorization"))
            {
                return Err(Problem::at("headers", format!("`*` holds `{other}` already")));
            }
        }
        names_field("headers", names)
    }

    pub(super) fn expose(&self) -> Result<Option<HeaderValue>, Problem> {
        let names = names("expose", &self.expose)?;
        if names.iter().any(|name| name == "*") && (self.credentials || names.len() > 1) {
            let problem = Problem::at("expose", "`*` stands alone, and means nothing with `credentials`");
            return Err(problem.with_help("list the fields"));
        }
        names_field("expose", names)
    }

    pub(super) fn max_age(&self) -> Result<Option<HeaderValue>, Problem> {
        let Some(age) = self.max_age else { return Ok(None) };
        let seconds = age.millis() / 1000;
        if age.millis() % 1000 != 0 || seconds == 0 || seconds > MAX_AGE {
            let problem = Problem::at(
                "max-age",
                "browsers remember a preflight for whole seconds up to a day",
            );
            return Err(problem.with_help("write a time such as `2h`"));
        }
        Ok(Some(HeaderValue::from(seconds)))
    }
}

fn unique(key: &str, words: &[String]) -> Result<(), Problem> {
    let mut seen: Vec<&String> = words.iter().collect();
    seen.sort_unstable();
    let twice = seen
        .iter()
        .zip(seen.iter().skip(1))
        .find(|(one, next)| one == next);
    match twice {
        Some((word, _)) => Err(Problem::at(key, format!("`{word}` stands here twice"))),
        None => Ok(()),
    }
}

/// Names of fields in small letters.
fn names(key: &str, written: &[String]) -> Result<Vec<String>, Problem> {
    let names: Vec<String> = written.iter().map(|name| name.to_ascii_lowercase()).collect();
    unique(key, &names)?;
    if let Some(wrong) = names.iter().find(|name| HeaderName::try_from(&***name).is_err()) {
        return Err(Problem::at(
            key,
            format!("`{wrong}` is not the name of a header field"),
        ));
    }
    Ok(names)
}

fn names_field(key: &str, names: Vec<String>) -> Result<Option<HeaderValue>, Problem> {
    if names.is_empty() {
        return Ok(None);
    }
    joined(key, names).map(Some)
}

fn joined(key: &str, mut words: Vec<String>) -> Result<HeaderValue, Problem> {
    words.sort_unstable();
    HeaderValue::try_from(words.join(", ")).map_err(|_| Problem::at(key, "these are no words"))
}
