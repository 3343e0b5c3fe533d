//! From the bytes of a credential to a proof: all checks of a token, in their order.
//!
//! Knows no request. Nothing that a token says chooses an algorithm, names a key or causes a fetch.

use adamant_filter::{Reason, Wall};

use super::algorithm::{Algorithm, Algorithms};
use super::claims::{Claims, Proof};
use super::json;
use super::keys::KeySet;
use super::reason::{ALGORITHM_REFUSED, CRITICAL, MALFORMED};
use super::remembered::Remembered;
use super::token::Token;

/// What a step knows about good tokens.
#[derive(Debug)]
pub(super) struct Verifier {
    /// What the file lists.
    pub(super) algorithms: Algorithms,
    /// The keys of the issuer.
    pub(super) keys: KeySet,
    /// What must be claimed.
    pub(super) claims: Claims,
    /// Tokens that were good before.
    pub(super) remembered: Remembered,
}

impl Verifier {
    /// The proof of a credential at this time, from memory when it was proved before.
    pub(super) fn verify(&self, credential: &[u8], now: Wall) -> Result<Proof, &'static Reason> {
        self.recall(credential, now)
            .unwrap_or_else(|| self.prove(credential, now))
    }

    /// What is known of a credential that was proved before; `None` when it was not.
    pub(super) fn recall(&self, credential: &[u8], now: Wall) -> Option<Result<Proof, &'static Reason>> {
        let proof = self.remembered.get(credential)?;
        Some(match proof.window.check(now) {
            Ok(()) => Ok(proof),
            Err(reason) => {
                self.remembered.forget(credential);
                Err(reason)
            }
        })
    }

    /// Form first, since it is cheap; then the key decides about the algorithm; claims are read only once
    /// the signature is good.
    fn prove(&self, credential: &[u8], now: Wall) -> Result<Proof, &'static Reason> {
        let token = Token::split(credential)?;
        let header = token.header()?;
        let algorithm = Algorithm::named(&header.algorithm)
            .filter(|named| self.algorithms.contains(*named))
            .ok_or(&ALGORITHM_REFUSED)?;
        if header.is_critical {
            return Err(&CRITICAL);
        }
        self.keys.select(&header, algorithm)?.verify(&token, algorithm)?;
        let claims = json::object(&token.payload).ok_or(&MALFORMED)?;
        let weight = Remembered::weight(credential, &token.payload, &claims);
        let kind = header.kind.as_deref();
        let proof = self.claims.prove(&claims, &token.payload, kind, now)?;
        self.remembered.insert(credential, weight, &proof);
        Ok(proof)
    }
}
