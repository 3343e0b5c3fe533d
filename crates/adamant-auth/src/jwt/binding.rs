//! To whom a token is bound: the claim `cnf` (RFC 7800), as far as a step accepts it.
//!
//! Only reads what must be proved; `sender` checks the proof. A kind that nobody checks is refused here.

use std::sync::Arc;

use adamant_filter::prelude::*;
use adamant_filter::serde_json::Value;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::reason::{BINDING_UNCHECKED, CLAIMS, UNBOUND};
use super::sender::SenderConfig;

/// A SHA-256 hash.
pub(super) type Hash = [u8; 32];

/// What the sender of a token has to prove.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Binding {
    /// The hash of its TLS certificate (RFC 8705 §3.1).
    pub(super) certificate: Option<Hash>,
    /// The thumbprint of its DPoP key (RFC 9449 §6.1).
    pub(super) key: Option<Hash>,
}

/// The kinds of binding that a step checks. A step that checks one accepts no token without.
#[derive(Clone, Copy, Debug)]
pub(super) struct Accepted {
    certificate: bool,
    key: bool,
}

impl Accepted {
    pub(super) fn by(sender: Option<&SenderConfig>) -> Self {
        Self {
            certificate: sender.is_some_and(|sender| sender.certificate),
            key: sender.is_some_and(|sender| sender.dpop.is_some()),
        }
    }

    /// Reads the claim `cnf`. All that it names must be proved.
    pub(super) fn read(self, claim: Option<&Value>) -> Result<Option<Arc<Binding>>, &'static Reason> {
        let Some(claim) = claim else {
            return if self.certificate || self.key {
                Err(&UNBOUND)
            } else {
                Ok(None)
            };
        };
        let members = claim
            .as_object()
            .filter(|members| !members.is_empty())
            .ok_or(&CLAIMS)?;
        let mut binding = Binding {
            certificate: None,
            key: None,
        };
        for (name, value) in members {
            match name.as_str() {
                "x5t#S256" if self.certificate => binding.certificate = Some(hash(value)?),
                "jkt" if self.key => binding.key = Some(hash(value)?),
                _ => return Err(&BINDING_UNCHECKED),
            }
        }
        Ok(Some(Arc::new(binding)))
    }
}

fn hash(value: &Value) -> Result<Hash, &'static Reason> {
    let text = value.as_str().ok_or(&CLAIMS)?;
    let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| &CLAIMS)?;
    Hash::try_from(bytes).map_err(|_| &CLAIMS)
}

#[cfg(test)]
mod tests {
    use adamant_filter::serde_json::json;

    use super::*;

    #[test]
    fn every_kind_that_a_token_names_must_be_checked() {
        let text = URL_SAFE_NO_PAD.encode([7; 32]);
        let certificate = json!({"x5t#S256": text});
        let key = json!({"jkt": text});
        let both = json!({"jkt": text, "x5t#S256": text});
        let cases = [
            (None, ["ok", "unbound", "unbound", "unbound"]),
            (
                Some(certificate),
                ["binding-unchecked", "ok", "binding-unchecked", "ok"],
            ),
            (Some(key), ["binding-unchecked", "binding-unchecked", "ok", "ok"]),
            (
                Some(both),
                [
                    "binding-unchecked",
                    "binding-unchecked",
                    "binding-unchecked",
                    "ok",
                ],
            ),
            (Some(json!({"jwk": {}})), ["binding-unchecked"; 4]),
            (Some(json!({"jkt": text, "kid": "a"})), ["binding-unchecked"; 4]),
            (Some(json!({})), ["claims"; 4]),
            (Some(json!(null)), ["claims"; 4]),
            (Some(json!("jkt")), ["claims"; 4]),
            (Some(json!([text])), ["claims"; 4]),
            (
                Some(json!({"jkt": "AA"})),
                ["binding-unchecked", "binding-unchecked", "claims", "claims"],
            ),
        ];
        let steps = [(false, false), (true, false), (false, true), (true, true)];
        for (claim, expected) in cases {
            for ((certificate, key), expected) in steps.into_iter().zip(expected) {
                let found = match (Accepted { certificate, key }).read(claim.as_ref()) {
                    Ok(binding) => {
                        assert_eq!(binding.is_some(), claim.is_some());
                        "ok"
                    }
                    Err(reason) => reason.code(),
                };
                assert_eq!(found, expected, "{claim:?} {certificate} {key}");
            }
        }
    }
}
