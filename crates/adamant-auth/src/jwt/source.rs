//! Where keys come from, as the author writes it and as the filter reads it.
//!
//! Knows no key and calls nobody. Exactly one source, and only the terms that belong to it.

use std::path::PathBuf;

use adamant_filter::Target;
use adamant_filter::prelude::*;
use http::Uri;
use serde::Serializer;

use super::remote::SET_MAX;

/// The keys that verify signatures: exactly one of `url`, `file`, `pem`, `secret`, `secret-base64`. The other
/// keys belong to `url`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct KeysConfig {
    /// A JWK set (RFC 7517) with public keys; its contents enter the digest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<PathBuf>,
    /// One public key in PEM; its contents enter the digest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pem: Option<PathBuf>,
    /// A secret that is shared with the issuer, for `HS256`, `HS384` and `HS512`; its bytes are the key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret: Option<SecretRef>,
    /// The same, written in base64.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret_base64: Option<SecretRef>,
    /// The place where the issuer publishes its JWK set, such as `https://id.example.com/jwks.json`. `http` is
    /// for a loopback address only. The set is fetched beside requests, and redirects are not followed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// Time from one fetch to the next, at least `1s`. Without it, the issuer says so by `Cache-Control:
    /// max-age`, of which four fifths pass, within `1m` and `24h`; an issuer that says nothing is asked every
    /// `10m`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refresh: Option<Period>,
    /// A token that names an unknown key has the set fetched at once, and then not again for this long;
    /// `30s` unless stated, at least `1s`. Such a request waits for half a second at most.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cool_down: Option<Period>,
    /// How long the last set stays in use while no other can be fetched; `24h` unless stated, at most `30d`.
    /// After that no token is accepted or remembered, until keys come again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stale_for: Option<Period>,
    /// Longest time for one fetch; `5s` unless stated, at most `1m`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout: Option<Period>,
    /// What happens until the first set has come: `wait` (the gateway is not ready; the default) or `deny`
    /// (it is ready, and tokens of this step are refused).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at_boot: Option<AtBoot>,
    /// The authorities that may vouch for the issuer's server, as a file in PEM; those of the system unless
    /// stated.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub authorities: Option<PathBuf>,
}

/// What happens until the keys of an issuer have come for the first time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum AtBoot {
    /// The gateway is not ready.
    Wait,
    /// The gateway is ready, and no token passes.
    Deny,
}

/// The one source.
#[derive(Clone, Debug)]
pub enum KeySource {
    /// A JWK set in a file.
    File(PathBuf),
    /// One public key in PEM.
    Pem(PathBuf),
    /// A secret that is shared with the issuer.
    Secret(SecretRef),
    /// The same, written in base64.
    SecretBase64(SecretRef),
    /// A JWK set that the issuer publishes.
    Url(Box<Published>),
}

/// A JWK set that the issuer publishes, and the terms of fetching it.
#[derive(Clone, Debug)]
pub struct Published {
    /// The server.
    pub target: Target,
    /// Path and query there.
    pub path: String,
    /// Time between fetches, if the file states it.
    pub(super) refresh: Option<Period>,
    pub(super) cool_down: Period,
    pub(super) stale_for: Period,
    pub(super) at_boot: AtBoot,
}

const COOL_DOWN: Period = Period::from_secs(30);
const STALE_FOR: Period = Period::from_secs(86_400);
const STALE_FOR_MAX: Period = Period::from_secs(30 * 86_400);
const TIMEOUT: Period = Period::from_secs(5);
const TIMEOUT_MAX: Period = Period::from_secs(60);
const SECOND: Period = Period::from_secs(1);

/// Writes the terms of a fetch with their defaults, so that equal meaning is written equally.
pub(super) fn filled<S: Serializer>(keys: &KeysConfig, serializer: S) -> Result<S::Ok, S::Error> {
    let mut keys = keys.clone();
    if keys.url.is_some() {
        keys.cool_down.get_or_insert(COOL_DOWN);
        keys.stale_for.get_or_insert(STALE_FOR);
        keys.timeout.get_or_insert(TIMEOUT);
        keys.at_boot.get_or_insert(AtBoot::Wait);
    }
    keys.serialize(serializer)
}

impl KeysConfig {
    /// The one source that is written.
    ///
    /// # Errors
    /// When none is, or several, or a term that does not belong to it.
    pub fn source(&self) -> Result<KeySource, Problem> {
        let file = self.file.clone().map(KeySource::File);
        let pem = self.pem.clone().map(KeySource::Pem);
        let secret = self.secret.clone().map(KeySource::Secret);
        let encoded = self.secret_base64.clone().map(KeySource::SecretBase64);
        let url = match &self.url {
            Some(url) => Some(KeySource::Url(Box::new(self.published(url)?))),
            None => None,
        };
        let mut written = [file, pem, secret, encoded, url].into_iter().flatten();
        let (one, other) = (written.next(), written.next());
        let help = "write one of `url`, `file`, `pem`, `secret` and `secret-base64`";
        match (one, other) {
            (None, _) => Err(Problem::at("keys", "the keys have no source").with_help(help)),
            (Some(_), Some(_)) => {
                Err(Problem::at("keys", "the keys come from exactly one source").with_help(help))
            }
            (Some(source), None) => match self.stray_term() {
                Some(name) if !matches!(source, KeySource::Url(_)) => Err(Problem::at(
                    &format!("keys.{name}"),
                    "only keys from a `url` are fetched",
                )),
                Some(_) | None => Ok(source),
            },
        }
    }

    /// A term of a fetch that is written.
    fn stray_term(&self) -> Option<&'static str> {
        let terms = [
            ("refresh", self.refresh.is_some()),
            ("cool-down", self.cool_down.is_some()),
            ("stale-for", self.stale_for.is_some()),
            ("timeout", self.timeout.is_some()),
            ("at-boot", self.at_boot.is_some()),
            ("authorities", self.authorities.is_some()),
        ];
        terms
            .into_iter()
            .find_map(|(name, is_written)| is_written.then_some(name))
    }

    fn published(&self, url: &str) -> Result<Published, Problem> {
        let (origin, path) = split(url)?;
        let cool_down = within("keys.cool-down", self.cool_down, COOL_DOWN, STALE_FOR)?;
        let stale_for = within("keys.stale-for", self.stale_for, STALE_FOR, STALE_FOR_MAX)?;
        let timeout = within("keys.timeout", self.timeout, TIMEOUT, TIMEOUT_MAX)?;
        if let Some(refresh) = self.refresh {
            within("keys.refresh", Some(refresh), refresh, STALE_FOR_MAX)?;
            if refresh >= stale_for {
                let message = format!("keys of {stale_for} are too old, and the next come after {refresh}");
                return Err(Problem::at("keys.refresh", message)
                    .with_help("fetch them more often, or let them be in use for longer by `stale-for`"));
            }
        }
        Ok(Published {
            target: Target {
                origin,
                timeout: timeout.duration(),
                answer_max: SET_MAX,
                authorities: self.authorities.clone(),
            },
            path,
            refresh: self.refresh,
            cool_down,
            stale_for,
            at_boot: self.at_boot.unwrap_or(AtBoot::Wait),
        })
    }
}

/// A length of time between a second and `most`.
fn within(path: &str, written: Option<Period>, usual: Period, most: Period) -> Result<Period, Problem> {
    let period = written.unwrap_or(usual);
    if period < SECOND || period > most {
        return Err(Problem::at(
            path,
            format!("{period} is not between {SECOND} and {most}"),
        ));
    }
    Ok(period)
}

/// Server and path of a URL. What could name a user or a place in the answer is refused: neither is ever sent.
fn split(url: &str) -> Result<(String, String), Problem> {
    let wrong = |message: String| {
        Problem::at("keys.url", message).with_help("write it such as `https://id.example.com/jwks.json`")
    };
    let not_one = || wrong(format!("`{url}` is not the URL of a JWK set"));
    if url.contains(['@', '#']) {
        return Err(wrong("a URL with a user or a fragment is not fetched".to_owned()).hidden());
    }
    let uri: Uri = url.parse().map_err(|_| not_one())?;
    let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
        return Err(not_one());
    };
    if !matches!(scheme, "http" | "https") {
        return Err(not_one());
    }
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    Ok((format!("{scheme}://{authority}"), path.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_names_a_server_and_a_path_there() {
        let cases = [
            ("https://id.test/jwks.json", "https://id.test", "/jwks.json"),
            ("https://id.test:8443/a?b=c", "https://id.test:8443", "/a?b=c"),
            ("http://127.0.0.1:9/", "http://127.0.0.1:9", "/"),
            ("https://id.test", "https://id.test", "/"),
        ];
        for (url, origin, path) in cases {
            assert_eq!(split(url).unwrap(), (origin.to_owned(), path.to_owned()), "{url}");
        }
        for url in [
            "",
            "jwks.json",
            "/jwks.json",
            "id.test",
            "ftp://id.test/",
            "https:///jwks.json",
            "https://user:secret@id.test/",
            "https://id.test/#keys",
            "https://id.test/a b",
        ] {
            assert!(split(url).is_err(), "{url}");
        }
    }
}
