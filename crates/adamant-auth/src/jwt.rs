//! `jwt`: proves who is calling by a signed token.
//!
//! Finds the token, asks the verifier, answers the client. Never reads the system's clock: the time is
//! that of the request.

mod algorithm;
mod claims;
mod config;
mod json;
mod jwks;
mod keys;
mod pem;
mod reason;
mod remembered;
mod token;
mod verifier;

use adamant_filter::prelude::*;

pub use self::algorithm::Algorithm;
pub use self::config::{JwtConfig, KeySource, TokenType};

use self::claims::Claims;
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
        hooks.request(Self::check)
    }
}

impl Jwt {
    fn check(&self, request: &mut Request) -> Verdict {
        let proved = match self.source.find(request) {
            Found::Absent => return self.challenges.missing(&reason::MISSING),
            Found::Several => Err(&reason::SEVERAL),
            Found::Unreadable => Err(&reason::UNREADABLE),
            Found::One(credential) => self.verifier.verify(credential, request.wall()),
        };
        match proved {
            Ok(proof) => {
                request.put(&self.identity, proof.identity);
                if !self.forward {
                    self.source.strip(request);
                }
                Verdict::Pass
            }
            Err(reason) if *reason == reason::KEY_WITHHELD => reason.fault(),
            Err(reason) => self.challenges.refuse(reason),
        }
    }
}

#[cfg(test)]
mod tests;
