//! `signature`: proves who is calling by a signature over the request (RFC 9421), and that the body is the
//! one that was signed (RFC 9530).
//!
//! Never believes a request about its algorithm or its key, and signs nothing. The time is that of the request.

mod algorithm;
mod base;
mod config;
mod digest;
mod input;
mod query;
mod reason;
mod signers;

use std::sync::Arc;
use std::time::Duration;

use adamant_filter::after_others;
use adamant_filter::prelude::*;
use sha2::{Digest, Sha256};

pub use self::algorithm::SigningAlgorithm;
pub use self::config::{BodyRule, ReplayRule, Required, SignatureConfig, SignerList};

use self::base::Cover;
use self::digest::BodyDigest;
use self::input::{Claims, Signed, Wanted};
use self::signers::{Signer, Signers};
use crate::challenge::Challenge;
use crate::replay::{Mark, Replay, Seen};

const NAME: &str = "signature";

const TRANSFER_ENCODING: HeaderName = HeaderName::from_static("transfer-encoding");

/// The filter `signature`.
#[derive(Debug)]
pub struct Signature {
    signers: Signers,
    wanted: Wanted,
    cover: Cover,
    body: BodyRule,
    /// Milliseconds.
    age: u64,
    /// Milliseconds.
    skew: u64,
    needs_expires: bool,
    needs_nonce: bool,
    replay: Option<Replay>,
    forward: bool,
    challenge: Challenge,
    identity: Writes<Identity>,
    /// What the body must hash to.
    declared: (Writes<BodyDigest>, MayRead<BodyDigest>),
    /// A [`Held`] as a number.
    held: Word,
}

/// What is known of the body of an exchange; the word is 0 where this step proved nothing.
mod held {
    /// The body must be empty, since the signature does not cover it.
    pub(super) const EMPTY: u64 = 1;
    /// The body must be compared.
    pub(super) const DIGEST: u64 = 2;
    /// The body was compared.
    pub(super) const COMPARED: u64 = 3;
}

/// A signature whose form is good, and the key that it names.
struct Candidate<'s> {
    signed: Signed,
    signer: &'s Signer,
    base: Vec<u8>,
    mark: Mark,
}

impl Filter for Signature {
    const NAME: &'static str = NAME;
    const ROLE: Role = Role::Authenticate;
    const REASONS: &'static [&'static Reason] = reason::ALL;
    type Config = SignatureConfig;

    fn build(config: SignatureConfig, boot: &mut Boot<'_>) -> Result<Self, Problem> {
        config.check()?;
        let cover = config.cover()?;
        if let Some(held) = config.held() {
            boot.buffer_request(held);
        }
        // Created at most `skew` ahead, a signature is accepted for so long at most. The two clocks of a request
        // are read in different units, hence the second.
        let accepted = config.at_most.millis() + config.skew.millis();
        let window = Duration::from_millis(accepted) + Duration::from_secs(1);
        let replay = config.remembered().map(|room| {
            boot.reserve("accepted signatures", Replay::bound(room));
            Replay::new(room, window)
        });
        Ok(Self {
            signers: signers::load(&config.keys.file, boot)?,
            wanted: Wanted {
                label: config.label.as_deref().map(Box::from),
                tag: config.tag.as_deref().map(Box::from),
            },
            cover,
            body: config.body,
            age: config.at_most.millis(),
            skew: config.skew.millis(),
            needs_expires: config.require.contains(&Required::Expires),
            needs_nonce: config.require.contains(&Required::Nonce),
            replay,
            forward: config.forward,
            challenge: Challenge::new("Signature", &config.realm, &[])?,
            identity: boot.writes::<Identity>(),
            declared: (boot.writes::<BodyDigest>(), boot.may_read::<BodyDigest>()),
            held: boot.word(),
        })
    }

    fn hooks(&self, hooks: Hooks<Self>) -> Hooks<Self> {
        let hooks = hooks
            .request_or_async(Self::check_cheap, Self::check_costly)
            .conceal(Self::conceal);
        if self.body == BodyRule::Unchecked {
            return hooks;
        }
        hooks.request_body(Self::check_body).attempt(Self::check_no_body)
    }
}

impl Signature {
    /// Takes the signatures away, which nobody behind this may believe to be proved.
    fn conceal(&self, request: &mut Request) {
        if !self.forward {
            request.remove_header(&input::SIGNATURE);
            request.remove_header(&input::SIGNATURE_INPUT);
        }
    }

    /// Everything but the check of a signature by a public key.
    fn check_cheap(&self, request: &mut Request) -> Option<Verdict> {
        match self.candidate(request) {
            Err(reason) => Some(self.refuse(reason)),
            Ok(candidate) if candidate.signer.key.is_costly() => None,
            Ok(candidate) => Some(self.conclude(request, &candidate)),
        }
    }

    /// A signature by a public key costs more than all the rest of a request, so that its form is read twice:
    /// nothing can be handed over from one hook to the other.
    async fn check_costly(&self, request: &mut Request) -> Verdict {
        after_others().await;
        match self.candidate(request) {
            Err(reason) => self.refuse(reason),
            Ok(candidate) => self.conclude(request, &candidate),
        }
    }

    /// What is signed, and by whom, if everything but the signature itself is good. Unlike other filters of
    /// this crate it allocates for a request that passes: what is signed must be written out.
    fn candidate(&self, request: &Request) -> Result<Candidate<'_>, &'static Reason> {
        let signed = Signed::find(request, &self.wanted)?;
        let claims = signed.claims()?;
        self.check_time(&claims, request.wall())?;
        if self.needs_nonce && claims.nonce.is_none() {
            return Err(&reason::NONCE_MISSING);
        }
        let name = claims.key.ok_or(&reason::KEY_MISSING)?;
        let signer = self.signers.get(name).ok_or(&reason::KEY_UNKNOWN)?;
        if claims
            .algorithm
            .is_some_and(|named| named != signer.algorithm.word())
        {
            return Err(&reason::ALGORITHM_REFUSED);
        }
        self.cover.check(&signed.covered)?;
        let base = base::base(request, &signed.covered)?;
        let mark = mark(name, claims.nonce, &base);
        Ok(Candidate {
            signed,
            signer,
            base,
            mark,
        })
    }

    fn check_time(&self, claims: &Claims<'_>, now: Wall) -> Result<(), &'static Reason> {
        let created = claims
            .created
            .ok_or(&reason::CREATED_MISSING)?
            .saturating_mul(1000);
        if created > now.0.saturating_add(self.skew) {
            return Err(&reason::NOT_YET_VALID);
        }
        if now.0 > created.saturating_add(self.age) {
            return Err(&reason::TOO_OLD);
        }
        match claims.expires {
            Some(end) if now.0 >= end.saturating_mul(1000) => Err(&reason::EXPIRED),
            None if self.needs_expires => Err(&reason::EXPIRES_MISSING),
            Some(_) | None => Ok(()),
        }
    }

    /// Verifies, and lets the request pass once. The order matters: only what was verified is remembered.
    fn conclude(&self, request: &mut Request, candidate: &Candidate<'_>) -> Verdict {
        let body = match self.body_of(request, &candidate.signed) {
            Ok(body) => body,
            Err(reason) => return self.refuse(reason),
        };
        match candidate
            .signer
            .key
            .verifies(&candidate.base, &candidate.signed.signature)
        {
            None => return reason::KEY_WITHHELD.fault(),
            Some(false) => return self.refuse(&reason::SIGNATURE),
            Some(true) => {}
        }
        match self
            .replay
            .as_ref()
            .map(|replay| replay.see(candidate.mark, request.now()))
        {
            Some(Seen::Again | Seen::UnderWay) => return self.refuse(&reason::REPLAYED),
            Some(Seen::NoRoom) => return reason::REPLAY_FULL.fault(),
            Some(Seen::First) | None => {}
        }
        request.put(&self.identity, Arc::clone(&candidate.signer.identity));
        match body {
            Body::Unlooked => {}
            Body::Empty => request.set_word(self.held, held::EMPTY),
            Body::Declared(digest) => {
                request.put(&self.declared.0, digest);
                request.set_word(self.held, held::DIGEST);
            }
        }
        self.conceal(request);
        Verdict::Pass
    }

    /// What the body must be. Refuses at once where the head shows that it is something else.
    fn body_of(&self, request: &Request, signed: &Signed) -> Result<Body, &'static Reason> {
        let is_covered = base::is_covered(&signed.covered, digest::FIELD);
        match self.body {
            BodyRule::WhenCovered if !is_covered => return Ok(Body::Unlooked),
            BodyRule::Unchecked => return Ok(Body::Unlooked),
            BodyRule::Signed | BodyRule::WhenCovered => {}
        }
        let length = request.declared_length();
        if !is_covered {
            let has_body =
                length.is_some_and(|length| length > 0) || request.header(&TRANSFER_ENCODING).is_some();
            return if has_body {
                Err(&reason::BODY_UNSIGNED)
            } else {
                Ok(Body::Empty)
            };
        }
        let digest = BodyDigest::of(request)?;
        if length == Some(0) && !digest.fits(b"") {
            return Err(&reason::DIGEST_MISMATCH);
        }
        Ok(Body::Declared(digest))
    }

    fn check_body(&self, request: &mut Request, chunk: &mut Chunk) -> Verdict {
        match request.word(self.held) {
            held::EMPTY if chunk.data().is_empty() => Verdict::Pass,
            held::EMPTY => self.refuse(&reason::BODY_UNSIGNED),
            held::DIGEST if !chunk.is_last() => self.refuse(&reason::BODY_IN_PIECES),
            held::DIGEST if self.is_declared(request, chunk.data()) => {
                request.set_word(self.held, held::COMPARED);
                Verdict::Pass
            }
            held::DIGEST => self.refuse(&reason::DIGEST_MISMATCH),
            // Nothing follows a body that was compared whole.
            held::COMPARED if !chunk.data().is_empty() => self.refuse(&reason::BODY_IN_PIECES),
            _ => Verdict::Pass,
        }
    }

    /// A request without a body has no body moment, and HTTP/2 need not say in its head that there is none.
    /// This is the last moment at which the upstream has heard nothing yet.
    fn check_no_body(&self, attempt: &mut Attempt<'_>) -> Result<(), Fault> {
        let request = attempt.request();
        if request.word(self.held) == held::DIGEST && !self.is_declared(request, b"") {
            return Err(Fault {
                reason: &reason::DIGEST_MISMATCH,
            });
        }
        Ok(())
    }

    fn is_declared(&self, request: &Request, body: &[u8]) -> bool {
        let declared = request.peek(&self.declared.1);
        declared.is_some_and(|declared| declared.fits(body))
    }

    fn refuse(&self, reason: &'static Reason) -> Verdict {
        self.challenge.deny(reason)
    }
}

/// What the body of a request must be.
enum Body {
    /// Anything.
    Unlooked,
    /// Empty.
    Empty,
    /// What its digest says.
    Declared(Arc<BodyDigest>),
}

/// What is remembered of an accepted request. Never the signature's own bytes: those of elliptic curves can be
/// changed by anyone into others that are as good.
fn mark(key: &str, nonce: Option<&str>, base: &[u8]) -> Mark {
    let (kind, what) = nonce.map_or((b'b', base), |nonce| (b'n', nonce.as_bytes()));
    // Names of keys have no control characters, so the parts cannot run into each other.
    let hash = Sha256::new()
        .chain_update([kind])
        .chain_update(key.as_bytes())
        .chain_update([0])
        .chain_update(what);
    hash.finalize().into()
}

#[cfg(test)]
mod tests;
