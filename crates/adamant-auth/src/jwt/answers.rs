//! What a client that is refused is told to bring: the challenges of RFC 6750 §3 and RFC 9449 §7.1, made once.
//!
//! Never says more than these foresee: no cause, no claim, nothing of the credential.

use adamant_filter::prelude::*;

use super::reason;
use crate::challenge::Challenge;

/// The challenges of a step.
#[derive(Clone, Debug)]
pub(super) struct Answers {
    bare: Challenge,
    invalid_request: Challenge,
    invalid_token: Challenge,
    invalid_proof: Challenge,
}

impl Answers {
    /// Challenges for bearer tokens, or for DPoP where `proofs` names the algorithms of proofs.
    pub(super) fn new(realm: &str, proofs: Option<&str>) -> Result<Self, Problem> {
        let with = |error: Option<&str>| {
            let mut parameters = Vec::new();
            parameters.extend(error.map(|error| ("error", error)));
            parameters.extend(proofs.map(|algorithms| ("algs", algorithms)));
            let scheme = if proofs.is_some() { "DPoP" } else { "Bearer" };
            Challenge::new(scheme, realm, &parameters)
        };
        Ok(Self {
            bare: with(None)?,
            invalid_request: with(Some("invalid_request"))?,
            invalid_token: with(Some("invalid_token"))?,
            invalid_proof: with(Some("invalid_dpop_proof"))?,
        })
    }

    /// The verdict for a reason.
    pub(super) fn refuse(&self, reason: &'static Reason) -> Verdict {
        if reason::FAULTS.contains(&reason) {
            return reason.fault();
        }
        let challenge = match reason.status() {
            // No credential at all: no error code either (RFC 6750 §3.1).
            401 if *reason == reason::MISSING => &self.bare,
            401 if reason::PROOFS.contains(&reason) => &self.invalid_proof,
            401 => &self.invalid_token,
            400 => &self.invalid_request,
            // The client is right to bring what it brought.
            _ => return reason.deny(),
        };
        challenge.deny(reason)
    }
}
