//! From the bytes of a credential to a proof: all checks of a token, in their order.
//!
//! Knows no request. Nothing that a token says chooses an algorithm, names a key or causes a fetch.

use std::sync::Arc;

use adamant_filter::{Reason, Tick, Wall};

use super::algorithm::{Algorithm, Algorithms};
use super::claims::{Claims, Proof};
use super::json;
use super::keys::{KeySet, Mark};
use super::reason::{self, ALGORITHM_REFUSED, CRITICAL, ISSUER, KEY_UNKNOWN, MALFORMED, SIGNATURE};
use super::remembered::Remembered;
use super::remote::Remote;
use super::token::Token;

/// The time of a request on both clocks.
#[derive(Clone, Copy, Debug)]
pub(super) struct Now {
    /// For what must not last longer than a period.
    pub(super) tick: Tick,
    /// For what claims name.
    pub(super) wall: Wall,
}

/// The keys of a step.
#[derive(Debug)]
pub(super) enum Keys {
    /// Those of the file.
    Fixed(KeySet),
    /// Those that the issuer publishes.
    Remote(Arc<Remote>),
}

impl Keys {
    /// Whether they may be used at this time.
    fn check(&self, now: Tick) -> Result<(), &'static Reason> {
        match self {
            Self::Fixed(_) => Ok(()),
            Self::Remote(remote) => remote.check(now),
        }
    }

    fn with<T>(&self, look: impl FnOnce(&KeySet) -> T) -> T {
        match self {
            Self::Fixed(keys) => look(keys),
            Self::Remote(remote) => remote.with(look),
        }
    }
}

/// What a step knows about good tokens.
#[derive(Debug)]
pub(super) struct Verifier {
    /// What the file lists.
    pub(super) algorithms: Algorithms,
    /// The keys of the issuer.
    pub(super) keys: Keys,
    /// What must be claimed.
    pub(super) claims: Claims,
    /// Tokens that were good before.
    pub(super) remembered: Arc<Remembered>,
}

impl Verifier {
    /// The proof of a credential at this time, from memory when it was proved before.
    pub(super) fn verify(&self, credential: &[u8], now: Now) -> Result<Proof, &'static Reason> {
        self.recall(credential, now)
            .unwrap_or_else(|| self.prove(credential, now))
    }

    /// What is known of a credential that was proved before; `None` when it was not, or by keys that are too
    /// old by now.
    pub(super) fn recall(&self, credential: &[u8], now: Now) -> Option<Result<Proof, &'static Reason>> {
        let proof = self.remembered.get(credential)?;
        self.keys.check(now.tick).ok()?;
        Some(match proof.window.check(now.wall) {
            Ok(()) => Ok(proof),
            Err(reason) => {
                self.remembered.forget(credential);
                Err(reason)
            }
        })
    }

    /// The number of the key that a credential names, for asking its issuer; `None` when it names none.
    pub(super) fn key_named_by(&self, credential: &[u8], remote: &Remote) -> Option<u64> {
        let token = Token::split(credential).ok()?;
        let header = token.header().ok()?;
        Some(remote.number_of(header.key.as_deref()?))
    }

    /// Form first, since it is cheap; then the key decides about the algorithm; claims are read only once
    /// the signature is good.
    fn prove(&self, credential: &[u8], now: Now) -> Result<Proof, &'static Reason> {
        let token = Token::split(credential)?;
        let (key, kind) = self
            .prove_signature(&token, now.tick)
            .map_err(|reason| self.blame(&token, reason))?;
        let claims = json::object(&token.payload).ok_or(&MALFORMED)?;
        let weight = Remembered::weight(credential, &token.payload, &claims);
        let proof = self
            .claims
            .prove(&claims, &token.payload, kind.as_deref(), now.wall)?;
        self.remember(credential, weight, key, &proof);
        Ok(proof)
    }

    /// The key that signed, and the type that the token declares.
    fn prove_signature(
        &self,
        token: &Token<'_>,
        now: Tick,
    ) -> Result<(Mark, Option<String>), &'static Reason> {
        let header = token.header()?;
        let algorithm = Algorithm::named(&header.algorithm)
            .filter(|named| self.algorithms.contains(*named))
            .ok_or(&ALGORITHM_REFUSED)?;
        if header.is_critical {
            return Err(&CRITICAL);
        }
        self.keys.check(now)?;
        let key = self.keys.with(|keys| {
            let proved = keys
                .select(&header, algorithm)
                .and_then(|key| key.verify(token, algorithm).map(|()| key.mark));
            // Where a published key is not meant by its name, no set lacks a key: when none signed or none fits, the
            // one that did may have come since.
            let is_guess = matches!(self.keys, Keys::Remote(_)) && !keys.names(&header);
            proved.map_err(|reason| {
                if is_guess && [&SIGNATURE, &ALGORITHM_REFUSED].contains(&reason) {
                    &KEY_UNKNOWN
                } else {
                    reason
                }
            })
        })?;
        Ok((key, header.kind.map(Into::into)))
    }

    /// A token that says itself to be of another issuer is refused as such, so that this one is not asked for
    /// keys of strangers, and the log tells what is wrong where several are accepted. It is refused either way.
    fn blame(&self, token: &Token<'_>, reason: &'static Reason) -> &'static Reason {
        let is_foreign =
            || json::object(&token.payload).is_some_and(|claims| self.claims.are_foreign(&claims));
        if reason::UNPROVED.contains(&reason) && is_foreign() {
            &ISSUER
        } else {
            reason
        }
    }

    fn remember(&self, credential: &[u8], weight: u64, key: Mark, proof: &Proof) {
        self.remembered.insert(credential, weight, key, proof);
        // A set that came meanwhile has swept the memory already.
        if let Keys::Remote(remote) = &self.keys
            && !remote.with(|keys| keys.has(&key))
        {
            self.remembered.forget(credential);
        }
    }
}
