//! `introspection`: proves who is calling by a token that the authorization server is asked about (RFC 7662).
//!
//! Finds the token, asks memory or the server, answers the client. Never reads a token, and never takes the silence
//! of the server for a word about it.

mod answer;
mod asker;
mod config;
mod reason;

use std::sync::Arc;

use adamant_filter::Background;
use adamant_filter::prelude::*;

pub use self::config::{ClientBy, IntrospectionClient, IntrospectionConfig};

use self::asker::{Asker, Judged};
use crate::challenge::Challenges;
use crate::credential::{Found, Source};
use crate::flight::{Boarding, Flights, Wait};

const NAME: &str = "introspection";

/// Longest token, as for `jwt`.
const TOKEN_MAX: usize = 8 * 1024;

/// The filter `introspection`.
pub struct Introspection {
    source: Source,
    forward: bool,
    asker: Arc<Asker>,
    questions: Arc<Flights<Judged>>,
    background: Arc<dyn Background>,
    challenges: Challenges,
    identity: Writes<Identity>,
}

impl std::fmt::Debug for Introspection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Introspection")
            .field("asker", &self.asker)
            .finish_non_exhaustive()
    }
}

impl Filter for Introspection {
    const NAME: &'static str = NAME;
    const ROLE: Role = Role::Authenticate;
    const REASONS: &'static [&'static Reason] = reason::ALL;
    type Config = IntrospectionConfig;

    fn issuer(config: &IntrospectionConfig) -> String {
        config.issuer.as_ref().unwrap_or(&config.url).clone()
    }

    fn build(config: IntrospectionConfig, boot: &mut Boot<'_>) -> Result<Self, Problem> {
        config.check()?;
        boot.reserve("requests that wait", Flights::<Judged>::bound(config.at_once));
        Ok(Self {
            source: Source::header(&config.header)?,
            forward: config.forward,
            asker: Arc::new(Asker::build(&config, boot)?),
            questions: Flights::new(config.at_once),
            background: boot.background(),
            challenges: Challenges::new("Bearer", &config.realm)?,
            identity: boot.writes::<Identity>(),
        })
    }

    fn hooks(&self, hooks: Hooks<Self>) -> Hooks<Self> {
        hooks
            .request_or_async(Self::recall, Self::ask)
            .conceal(Self::conceal)
    }
}

impl Introspection {
    /// Everything but a token that must be asked about.
    fn recall(&self, request: &mut Request) -> Option<Verdict> {
        let known = match self.token(request) {
            Ok(token) => self.asker.recall(&self.asker.topic(token), request.now())?,
            Err(reason) => Err(reason),
        };
        Some(self.conclude(request, known))
    }

    async fn ask(&self, request: &mut Request) -> Verdict {
        let wait = match self.begin(request) {
            Ok(wait) => wait,
            Err(verdict) => return verdict,
        };
        let judged = match wait.await {
            Some(judged) => judged,
            // Offline nothing is begun beside requests, and whoever asks learns that nobody answers.
            None => match self.token(request) {
                Ok(token) => {
                    let (topic, now) = (self.asker.topic(token), request.now());
                    self.asker.ask(topic, token, now, request.wall()).await
                }
                Err(reason) => Judged::Refused(reason),
            },
        };
        match judged {
            Judged::Good(proof) => self.conclude(request, Ok(proof.identity)),
            Judged::Refused(reason) => self.conclude(request, Err(reason)),
            Judged::Fault(reason) => reason.fault(),
        }
    }

    /// Begins a question, or joins one about the same token. It goes on when its client leaves, for the others.
    fn begin(&self, request: &Request) -> Result<Wait<Judged>, Verdict> {
        let token = self.token(request).map_err(|reason| self.refuse(reason))?;
        let topic = self.asker.topic(token);
        match self.questions.board(topic) {
            Boarding::Joined(wait) => Ok(wait),
            Boarding::Full => Err(reason::BUSY.fault()),
            Boarding::First(landing, wait) => {
                let (now, wall) = (request.now(), request.wall());
                let (asker, token) = (Arc::clone(&self.asker), Box::<[u8]>::from(token));
                self.background.spawn(Box::pin(async move {
                    // The question of somebody else may have ended between the look into memory and here.
                    let judged = match asker.recall(&topic, now) {
                        Some(Ok(identity)) => Judged::Good(answer::Proof { identity, ends: None }),
                        Some(Err(reason)) => Judged::Refused(reason),
                        None => asker.ask(topic, &token, now, wall).await,
                    };
                    landing.land(judged);
                }));
                Ok(wait)
            }
        }
    }

    fn token<'r>(&self, request: &'r Request) -> Result<&'r [u8], &'static Reason> {
        match self.source.find(request) {
            Found::One(token) if token.len() > TOKEN_MAX => Err(&reason::TOO_LONG),
            // RFC 6749 appendix A.12.
            Found::One(token) if !token.iter().all(u8::is_ascii_graphic) => Err(&reason::UNREADABLE),
            Found::One(token) => Ok(token),
            Found::Absent => Err(&reason::MISSING),
            Found::Several => Err(&reason::SEVERAL),
            Found::Unreadable => Err(&reason::UNREADABLE),
        }
    }

    fn conclude(&self, request: &mut Request, known: Result<Arc<Identity>, &'static Reason>) -> Verdict {
        match known {
            Ok(identity) => {
                request.put(&self.identity, identity);
                if !self.forward {
                    self.source.strip(request);
                }
                Verdict::Pass
            }
            Err(reason) => self.refuse(reason),
        }
    }

    fn conceal(&self, request: &mut Request) {
        if !self.forward {
            self.source.conceal(request);
        }
    }

    fn refuse(&self, reason: &'static Reason) -> Verdict {
        if *reason == reason::MISSING {
            return self.challenges.missing(reason);
        }
        self.challenges.refuse(reason)
    }
}

#[cfg(test)]
mod tests;
