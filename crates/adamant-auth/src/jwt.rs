//! `jwt`: proves who is calling by a signed token.
//!
//! Finds the token, asks the verifier, answers the client. Never reads the system's clock: the time is
//! that of the request.

mod algorithm;
mod answers;
mod binding;
mod claims;
mod config;
pub(crate) mod json;
pub(crate) mod jwks;
pub(crate) mod keys;
pub(crate) mod pem;
pub(crate) mod reason;
mod remembered;
mod remote;
mod sender;
mod source;
mod token;
mod verifier;

use std::sync::Arc;

use adamant_filter::after_others;
use adamant_filter::prelude::*;

pub use self::algorithm::Algorithm;
pub use self::config::{JwtConfig, TokenType};
pub use self::sender::{DpopConfig, SenderConfig};
pub use self::source::{AtBoot, KeySource, KeysConfig, Published};

use self::answers::Answers;
use self::claims::{Claims, Proof};
use self::keys::KeySet;
use self::remembered::Remembered;
use self::remote::{Asked, Remote};
use self::sender::Sender;
use self::verifier::{Keys, Now, Verifier};
use crate::credential::{Found, Source};

const NAME: &str = "jwt";

/// The filter `jwt`.
#[derive(Debug)]
pub struct Jwt {
    source: Source,
    forward: bool,
    verifier: Verifier,
    sender: Option<Sender>,
    answers: Answers,
    identity: Writes<Identity>,
}

impl Filter for Jwt {
    const NAME: &'static str = NAME;
    const ROLE: Role = Role::Authenticate;
    const REASONS: &'static [&'static Reason] = reason::ALL;
    type Config = JwtConfig;

    fn issuer(config: &JwtConfig) -> String {
        config.issuer.clone()
    }

    fn build(config: JwtConfig, boot: &mut Boot<'_>) -> Result<Self, Problem> {
        config.check()?;
        let keys = config.keys.source()?;
        let algorithms = config.algorithms(&keys)?;
        boot.reserve("proved tokens", Remembered::bound(config.remember));
        let remembered = Arc::new(Remembered::new(config.remember));
        let sender = match &config.sender {
            Some(sender) => Some(Sender::build(sender, boot)?),
            None => None,
        };
        Ok(Self {
            source: config.source()?,
            forward: config.forward,
            answers: Answers::new(&config.realm, sender.as_ref().and_then(Sender::algorithms))?,
            sender,
            identity: boot.writes::<Identity>(),
            verifier: Verifier {
                algorithms,
                keys: match (KeySet::load(&keys, algorithms, boot)?, keys) {
                    (None, KeySource::Url(published)) => {
                        let memory = Arc::clone(&remembered);
                        Keys::Remote(Remote::load(
                            *published,
                            &config.issuer,
                            algorithms,
                            memory,
                            boot,
                        )?)
                    }
                    (keys, _) => Keys::Fixed(keys.unwrap_or_default()),
                },
                remembered,
                claims: Claims::new(config, boot.consumers()),
            },
        })
    }

    fn hooks(&self, hooks: Hooks<Self>) -> Hooks<Self> {
        if self.verifier.algorithms.are_cheap() && self.sender.is_none() {
            return hooks.request(Self::check).conceal(Self::conceal);
        }
        hooks
            .request_or_async(Self::recall, Self::verify)
            .conceal(Self::conceal)
    }
}

impl Jwt {
    /// Everything but the check of a signature that is new.
    fn recall(&self, request: &mut Request) -> Option<Verdict> {
        let known = match self.credential(request) {
            Ok(credential) => match self.verifier.recall(credential, now(request))? {
                // Its proof is signed anew for each request.
                Ok(proof) if proof.needs_signature() => return None,
                Ok(proof) => self.check_sender(request, credential, proof),
                Err(reason) => Err(reason),
            },
            Err(reason) => Err(reason),
        };
        Some(self.conclude(request, known))
    }

    /// A signature of elliptic curves or RSA costs more than all the rest of a request, and the issuer may have
    /// to be asked for the key.
    async fn verify(&self, request: &mut Request) -> Verdict {
        after_others().await;
        let mut proved = self.judge(request);
        if let (Err(reason), Keys::Remote(remote)) = (&proved, &self.verifier.keys)
            && reason::WANTING_KEYS.contains(reason)
        {
            proved = self.judge_again(request, remote).await;
        }
        self.conclude(request, proved)
    }

    fn check(&self, request: &mut Request) -> Verdict {
        let proved = self.judge(request);
        self.conclude(request, proved)
    }

    /// All checks, with the keys that are in force.
    fn judge(&self, request: &Request) -> Result<Proof, &'static Reason> {
        let credential = self.credential(request)?;
        let proof = self.verifier.verify(credential, now(request))?;
        self.check_sender(request, credential, proof)
    }

    /// The same after the issuer was asked for its keys, or with those that came meanwhile.
    async fn judge_again(&self, request: &Request, remote: &Arc<Remote>) -> Result<Proof, &'static Reason> {
        let credential = self.credential(request)?;
        let proof = self.verify_again(credential, request, remote).await?;
        self.check_sender(request, credential, proof)
    }

    async fn verify_again(
        &self,
        token: &[u8],
        request: &Request,
        remote: &Arc<Remote>,
    ) -> Result<Proof, &'static Reason> {
        let name = self.verifier.key_named_by(token, remote);
        let asked = Remote::ask(remote, name, request.now()).await;
        match self.verifier.verify(token, now(request)) {
            Err(reason) if *reason == reason::KEY_UNKNOWN => {
                // Tokens that name no key are not told apart: one bad one must not keep the others from asking.
                if let Some(name) = name.filter(|_| asked == Asked::Answered) {
                    remote.note_unknown(name, request.now());
                }
                // Whether the issuer has such a key can only be said by whoever could ask it.
                if asked == Asked::Unanswered || !remote.is_current() {
                    Err(&reason::KEY_PENDING)
                } else {
                    Err(reason)
                }
            }
            proved => proved,
        }
    }

    /// Proves a token that did not come with the request but in an answer of its issuer.
    pub(crate) async fn prove(
        &self,
        token: &[u8],
        request: &Request,
    ) -> Result<Arc<Identity>, &'static Reason> {
        let mut proved = self.verifier.verify(token, now(request));
        if let (Err(reason), Keys::Remote(remote)) = (&proved, &self.verifier.keys)
            && reason::WANTING_KEYS.contains(reason)
        {
            proved = self.verify_again(token, request, remote).await;
        }
        proved.map(|proof| proof.identity)
    }

    fn check_sender(
        &self,
        request: &Request,
        credential: &[u8],
        proof: Proof,
    ) -> Result<Proof, &'static Reason> {
        if let Some(sender) = &self.sender {
            sender.check(request, proof.binding.as_deref(), credential)?;
        }
        Ok(proof)
    }

    fn credential<'r>(&self, request: &'r Request) -> Result<&'r [u8], &'static Reason> {
        match self.source.find(request) {
            Found::One(credential) => Ok(credential),
            Found::Absent => Err(&reason::MISSING),
            Found::Several => Err(&reason::SEVERAL),
            Found::Unreadable => Err(&reason::UNREADABLE),
        }
    }

    fn conceal(&self, request: &mut Request) {
        if !self.forward {
            self.source.conceal(request);
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
            Err(reason) => self.answers.refuse(reason),
        }
    }
}

const fn now(request: &Request) -> Now {
    Now {
        tick: request.now(),
        wall: request.wall(),
    }
}

#[cfg(test)]
mod tests;
