//! `WWW-Authenticate`: what a refused client is told to bring, made once when the filter is built.
//!
//! Never says more than RFC 6750 §3 foresees: no cause, no claim, nothing of the credential.

use adamant_filter::prelude::*;

const WWW_AUTHENTICATE: HeaderName = HeaderName::from_static("www-authenticate");

/// What a realm is when the file names none.
pub(crate) fn default_realm() -> String {
    "api".to_owned()
}

/// A `WWW-Authenticate` field, ready to be sent.
#[derive(Clone, Debug)]
pub(crate) struct Challenge(HeaderValue);

impl Challenge {
    /// `scheme realm="…", name="value", …`. Values must not need escapes.
    pub(crate) fn new(scheme: &str, realm: &str, parameters: &[(&str, &str)]) -> Result<Self, Problem> {
        if !is_quotable(realm) {
            return Err(Problem::at("realm", format!("`{realm}` is not a realm"))
                .with_help("use printable ASCII without quotes and backslashes"));
        }
        let mut text = format!("{scheme} realm=\"{realm}\"");
        for (name, value) in parameters {
            text.push_str(&format!(", {name}=\"{value}\""));
        }
        let value = HeaderValue::try_from(text);
        value
            .map(Self)
            .map_err(|_| Problem::at("realm", "this realm does not fit into a header field"))
    }

    /// Refuses for `reason` with this challenge. The list is the one allocation of a refusal.
    pub(crate) fn deny(&self, reason: &'static Reason) -> Verdict {
        reason.deny_with(vec![(WWW_AUTHENTICATE, self.0.clone())])
    }
}

/// Whether a text can stand between quotes as it is (RFC 9110 §5.6.4).
fn is_quotable(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|byte| matches!(byte, b' '..=b'~') && byte != b'"' && byte != b'\\')
}

/// The three challenges of a filter that proves identities.
#[derive(Clone, Debug)]
pub(crate) struct Challenges {
    bare: Challenge,
    invalid_request: Challenge,
    invalid_token: Challenge,
}

impl Challenges {
    pub(crate) fn new(scheme: &str, realm: &str) -> Result<Self, Problem> {
        let with = |error: &[(&str, &str)]| Challenge::new(scheme, realm, error);
        Ok(Self {
            bare: with(&[])?,
            invalid_request: with(&[("error", "invalid_request")])?,
            invalid_token: with(&[("error", "invalid_token")])?,
        })
    }

    /// No credential at all: no error code either (RFC 6750 §3.1).
    pub(crate) fn missing(&self, reason: &'static Reason) -> Verdict {
        self.bare.deny(reason)
    }

    /// A credential that is not good: the code follows the status of the reason.
    pub(crate) fn refuse(&self, reason: &'static Reason) -> Verdict {
        let challenge = if reason.status() == 400 {
            &self.invalid_request
        } else {
            &self.invalid_token
        };
        challenge.deny(reason)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_realm_is_quoted_or_refused() {
        let challenge = Challenge::new("Bearer", "my api", &[("error", "x")]).unwrap();
        assert_eq!(challenge.0, "Bearer realm=\"my api\", error=\"x\"");
        for realm in ["", "a\"b", "a\\b", "a\nb", "ä"] {
            assert!(Challenge::new("Bearer", realm, &[]).is_err(), "{realm:?}");
        }
    }
}
