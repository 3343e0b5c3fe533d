//! A login on its way: what the gateway must find again when the browser comes back, in a cookie that only it
//! can read and that binds the login to the browser.

use adamant_filter::prelude::*;
use adamant_filter::{Random, serde_json};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

use super::place::is_local;
use super::reason::{KEY_WITHHELD, LOGIN_EXPIRED, LOGIN_INVALID};
use super::sealed::Sealer;
use super::session::set;

/// How long a login may take.
pub(super) const LOGIN_MAX: Period = Period::from_secs(600);

/// Longest path to which a browser returns; others return to the first page.
const TARGET_MAX: usize = 1024;

/// What a cookie says.
#[derive(Serialize, Deserialize)]
pub(super) struct Pending {
    /// Comes back with the browser.
    pub(super) state: String,
    /// Comes back in the token.
    pub(super) nonce: String,
    /// What only the gateway knows (RFC 7636 §4.1).
    pub(super) verifier: String,
    /// Path and query of the page that was asked for.
    pub(super) target: String,
    /// When it began, in milliseconds since the Unix epoch.
    began: u64,
}

impl Pending {
    /// A new login that leads to the page that `request` asks for.
    pub(super) fn begin(request: &Request, random: &dyn Random) -> Self {
        Self {
            state: word(random),
            nonce: word(random),
            verifier: word(random),
            target: target_of(request),
            began: request.wall().0,
        }
    }

    /// Reads a cookie, if it is one of ours and still good.
    pub(super) fn open(cookie: &[u8], sealer: &Sealer, now: Wall) -> Result<Self, &'static Reason> {
        let plain = sealer.open(cookie).ok_or(&LOGIN_INVALID)?;
        let pending: Self = serde_json::from_slice(&plain).map_err(|_| &LOGIN_INVALID)?;
        if now.0 >= pending.began.saturating_add(LOGIN_MAX.millis()) {
            return Err(&LOGIN_EXPIRED);
        }
        // It was made here, but nothing else stands between it and a redirect.
        if is_local(&pending.target) {
            Ok(pending)
        } else {
            Err(&LOGIN_INVALID)
        }
    }

    /// The field that gives it to the browser.
    pub(super) fn cookie(&self, name: &str, sealer: &Sealer) -> Result<HeaderValue, &'static Reason> {
        let plain = serde_json::to_vec(self).map_err(|_| &KEY_WITHHELD)?;
        let value = sealer.seal(&plain).ok_or(&KEY_WITHHELD)?;
        set(name, &value, LOGIN_MAX.millis() / 1000).ok_or(&KEY_WITHHELD)
    }

    /// The hash of the verifier that the issuer is told first (RFC 7636 §4.2).
    pub(super) fn code_challenge(&self) -> String {
        URL_SAFE_NO_PAD.encode(Sha256::digest(self.verifier.as_bytes()))
    }
}

/// 256 random bits.
fn word(random: &dyn Random) -> String {
    let mut bytes = [0; 32];
    random.fill(&mut bytes);
    URL_SAFE_NO_PAD.encode(bytes)
}

/// The page that was asked for, by a path of this host.
fn target_of(request: &Request) -> String {
    let target = match request.query() {
        Some(query) => format!("{}?{query}", request.path()),
        None => request.path().to_owned(),
    };
    if target.len() <= TARGET_MAX && is_local(&target) {
        target
    } else {
        "/".to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_browser_returns_to_a_path_of_this_host() {
        let long = format!("/{}", "a".repeat(2000));
        let cases = [
            ("/a?b=c", "/a?b=c"),
            ("/a?return=https://evil.test", "/a?return=https://evil.test"),
            ("//evil.test/a", "/"),
            (long.as_str(), "/"),
        ];
        for (asked, expected) in cases {
            let request = Request::build(Method::GET, asked).unwrap();
            assert_eq!(target_of(&request), expected, "{asked}");
        }
    }
}
