//! `jwt`: proves who is calling by a signed token.
//!
//! Finds the token, asks the verifier, answers the client. Never reads the system's clock: the time is
//! that of the request.

mod algorithm;
mod claims;
mod config;
mod json;
pub(crate) mod jwks;
pub(crate) mod keys;
pub(crate) mod pem;
pub(crate) mod reason;
mod remembered;
mod token;
mod verifier;

use std::sync::Arc;

use adamant_filter::after_others;
use adamant_filter::prelude::*;

pub use self::algorithm::Algorithm;
pub use self::config::{JwtConfig, KeySource, TokenType};

use self::claims::{Claims, Proof};
use self::keys::KeySet;
use self::remembered::Remembered;
use self::verifier::Verifier;
use crate::challenge::Challenges;
use crate::credential::{Found, Source};

const NAME: &str = "jwt";

/// The filter `jwt`.
#[derive(Debug)]
pub struct Jwt {
    source: Source,
    forward: bool,
    verifier: Verifier,
    challenges: Challenges,
    identity: Writes<Identity>,
}

impl Filter for Jwt {
    const NAME: &'static str = NAME;
    const ROLE: Role = Role::Authenticate;
    const REASONS: &'static [&'static Reason] = reason::ALL;
    type Config = JwtConfig;

    fn build(config: JwtConfig, boot: &mut Boot<'_>) -> Result<Self, Problem> {
        config.check()?;
        let algorithms = config.algorithms()?;
        boot.reserve("proved tokens", Remembered::bound(config.remember));
        Ok(Self {
            source: config.source()?,
            forward: config.forward,
            challenges: Challenges::new("Bearer", &config.realm)?,
            identity: boot.writes::<Identity>(),
            verifier: Verifier {
                algorithms,
                keys: KeySet::load(&config.keys, algorithms, boot)?,
                remembered: Remembered::new(config.remember),
                claims: Claims::new(config),
            },
        })
    }

    fn hooks(&self, hooks: Hooks<Self>) -> Hooks<Self> {
        if self.verifier.algorithms.are_cheap() {
            return hooks.request(Self::check);
        }
        hooks.request_or_async(Self::recall, Self::verify)
    }
}

impl Jwt {
    /// Everything but the check of a signature that is new.
    fn recall(&self, request: &mut Request) -> Option<Verdict> {
        let known = match self.credential(request) {
            Ok(credential) => self.verifier.recall(credential, request.wall())?,
            Err(reason) => Err(reason),
        };
        Some(self.conclude(request, known))
    }

    /// A signature of elliptic curves or RSA costs more than all the rest of a request.
    async fn verify(&self, request: &mut Request) -> Verdict {
        after_others().await;
        self.check(request)
    }

    fn check(&self, request: &mut Request) -> Verdict {
        let proved = self
            .credential(request)
            .and_then(|credential| self.verifier.verify(credential, request.wall()));
        self.conclude(request, proved)
    }

    /// Proves a token that did not come with the request but in an answer of its issuer.
    pub(crate) fn prove(&self, token: &[u8], request: &Request) -> Result<Arc<Identity>, &'static Reason> {
        let proof = self.verifier.verify(token, request.wall())?;
        Ok(proof.identity)
    }

    fn credential<'r>(&self, request: &'r Request) -> Result<&'r [u8], &'static Reason> {
        match self.source.find(request) {
            Found::One(credential) => Ok(credential),
            Found::Absent => Err(&reason::MISSING),
            Found::Several => Err(&reason::SEVERAL),
            Found::Unreadable => Err(&reason::UNREADABLE),
        }
    }

    fn conclude(&self, request: &mut Request, proved: Result<Proof, &'static Reason>) -> Verdict {
        match proved {
            Ok(proof) => {
                request.put(&self.identity, proof.identity);
                if !self.forward {
                    self.source.strip(request);
                }
                Verdict::Pass
            }
            Err(reason) if *reason == reason::MISSING => self.challenges.missing(reason),
            Err(reason) if *reason == reason::KEY_WITHHELD => reason.fault(),
            Err(reason) => self.challenges.refuse(reason),
        }
    }
}

#[cfg(test)]
mod tests;
