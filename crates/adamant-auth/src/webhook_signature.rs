//! `webhook-signature`: lets pass messages that their sender has signed (Standard Webhooks).
//!
//! Knows nobody: it writes no identity, since the proof comes with the body, when other steps have decided
//! already. Never lets a message go on whose body it has not seen whole.

mod config;
mod message;

use std::sync::Arc;
use std::time::Duration;

use adamant_filter::prelude::*;
use aws_lc_rs::hmac;
use aws_lc_rs::signature::{ED25519, ParsedPublicKey};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

pub use self::config::WebhookSignatureConfig;

use self::message::{MALFORMED, MISSING, Message, SEVERAL, TOO_MANY};
use crate::replay::{Replay, Seen, Try};

/// Bytes of a secret at least, as Standard Webhooks demands.
const SECRET_MIN: usize = 24;

/// The filter `webhook-signature`.
pub struct WebhookSignature {
    shared: Box<[hmac::Key]>,
    public: Box<[ParsedPublicKey]>,
    /// Whether a secret is withheld from this command.
    is_withheld: bool,
    /// Seconds.
    tolerance: u64,
    replay: Option<Arc<Replay>>,
    state: Word,
    delivery: (Writes<Delivery>, MayRead<Delivery>),
}

impl std::fmt::Debug for WebhookSignature {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WebhookSignature")
            .field("shared", &self.shared.len())
            .field("public", &self.public.len())
            .field("tolerance", &self.tolerance)
            .finish_non_exhaustive()
    }
}

const RETRY_AFTER: HeaderName = HeaderName::from_static("retry-after");

/// When a sender should ask again about a message that is under way.
const RETRY_SECONDS: &str = "5";

/// What is known of a message; the word is 0 where this step has seen none.
mod state {
    /// Its body must be seen.
    pub(super) const PENDING: u64 = 1;
    /// It was proved.
    pub(super) const PROVED: u64 = 2;
}

/// A message on its way to the upstream; it counts as delivered when that takes it.
#[derive(Debug)]
struct Delivery(Try);

impl Slot for Delivery {
    const NAME: &'static str = "webhook delivery";
}

impl Filter for WebhookSignature {
    const NAME: &'static str = "webhook-signature";
    const ROLE: Role = Role::Guard;
    const REASONS: &'static [&'static Reason] = &[
        &MISSING,
        &SEVERAL,
        &MALFORMED,
        &TOO_MANY,
        &Self::TOO_OLD,
        &Self::NOT_YET_VALID,
        &Self::BODY_IN_PIECES,
        &Self::BODY_MISSING,
        &Self::SIGNATURE,
        &Self::KEY_WITHHELD,
        &Self::UNDER_WAY,
        &Self::DUPLICATE,
        &Self::REPLAY_FULL,
    ];
    type Config = WebhookSignatureConfig;

    fn build(config: WebhookSignatureConfig, boot: &mut Boot<'_>) -> Result<Self, Problem> {
        config.check()?;
        boot.buffer_request(config.body_at_most);
        // A message may be as far in the future as it may be old. The two clocks of a request are read in
        // different units, hence the second.
        let window = Duration::from_millis(2 * config.tolerance.millis()) + Duration::from_secs(1);
        let replay = config.remembered().map(|room| {
            boot.reserve("delivered messages", Replay::bound(room));
            Arc::new(Replay::new(room, window))
        });
        let mut shared = Vec::new();
        for (index, at) in config.secrets.iter().enumerate() {
            if let Some(secret) = boot.secret(at)?.reveal() {
                shared.push(shared_key(secret, index)?);
            }
        }
        let public: Result<Vec<_>, _> = config.public_keys.iter().enumerate().map(public_key).collect();
        Ok(Self {
            is_withheld: shared.len() < config.secrets.len(),
            shared: shared.into(),
            public: public?.into(),
            tolerance: config.tolerance.millis() / 1000,
            replay,
            state: boot.word(),
            delivery: (boot.writes::<Delivery>(), boot.may_read::<Delivery>()),
        })
    }

    fn hooks(&self, hooks: Hooks<Self>) -> Hooks<Self> {
        let hooks = hooks
            .request(Self::check)
            .request_body(Self::check_body)
            .attempt(Self::check_no_body);
        if self.replay.is_some() {
            hooks.response(Self::settle).finish(Self::settle_at_last)
        } else {
            hooks
        }
    }
}

fn shared_key(secret: &[u8], index: usize) -> Result<hmac::Key, Problem> {
    let path = format!("secrets[{index}]");
    let text = secret.strip_prefix(b"whsec_").unwrap_or(secret);
    let bytes = STANDARD.decode(text.trim_ascii()).map_err(|_| {
        Problem::at(&path, "the secret is not base64")
            .with_code("secrets.malformed")
            .hidden()
    })?;
    if bytes.len() < SECRET_MIN {
        let message = format!("the secret is shorter than {SECRET_MIN} bytes");
        return Err(Problem::at(&path, message).with_code("secrets.weak").hidden());
    }
    Ok(hmac::Key::new(hmac::HMAC_SHA256, &bytes))
}

fn public_key((index, text): (usize, &String)) -> Result<ParsedPublicKey, Problem> {
    let wrong = || {
        Problem::at(
            &format!("public-keys[{index}]"),
            format!("`{text}` is not a public key"),
        )
        .with_help("write `whpk_` and the 32 bytes of an Ed25519 key in base64")
    };
    let bytes = text.strip_prefix("whpk_").ok_or_else(wrong)?;
    let bytes = STANDARD.decode(bytes).map_err(|_| wrong())?;
    if bytes.len() != 32 {
        return Err(wrong());
    }
    ParsedPublicKey::new(&ED25519, &bytes).map_err(|_| wrong())
}

impl WebhookSignature {
    const TOO_OLD: Reason = Reason::new("too-old", 401, "the message was sent too long ago");
    const NOT_YET_VALID: Reason = Reason::new("not-yet-valid", 401, "the message was sent in the future");
    const BODY_IN_PIECES: Reason =
        Reason::new("body-in-pieces", 400, "the body of this request cannot be proved");
    const BODY_MISSING: Reason = Reason::new("body-missing", 400, "a message must have a body");
    const SIGNATURE: Reason = Reason::new("signature", 401, "no signature of the message is right");
    const KEY_WITHHELD: Reason =
        Reason::new("key-withheld", 503, "the secrets are not known to this command");
    const UNDER_WAY: Reason = Reason::new("under-way", 409, "the message is being delivered at this moment");
    const DUPLICATE: Reason = Reason::new("duplicate", 409, "the message was delivered before");
    const REPLAY_FULL: Reason = Reason::new(
        "replay-full",
        503,
        "too many messages are remembered to accept another",
    );

    fn check(&self, request: &mut Request) -> Verdict {
        let message = match Message::of(request) {
            Ok(message) => message,
            Err(reason) => return reason.deny(),
        };
        let (sent, now) = (message.seconds, request.wall().seconds());
        if now > sent.saturating_add(self.tolerance) {
            return Self::TOO_OLD.deny();
        }
        if sent > now.saturating_add(self.tolerance) {
            return Self::NOT_YET_VALID.deny();
        }
        request.set_word(self.state, state::PENDING);
        Verdict::Pass
    }

    fn check_body(&self, request: &mut Request, chunk: &mut Chunk) -> Verdict {
        match request.word(self.state) {
            state::PENDING if !chunk.is_last() => Self::BODY_IN_PIECES.deny(),
            state::PENDING if chunk.data().is_empty() => Self::BODY_MISSING.deny(),
            state::PENDING => self.prove(request, chunk.data()),
            // Nothing follows a body that was proved whole.
            state::PROVED if !chunk.data().is_empty() => Self::BODY_IN_PIECES.deny(),
            _ => Verdict::Pass,
        }
    }

    fn prove(&self, request: &mut Request, body: &[u8]) -> Verdict {
        let mark = match Message::of(request) {
            Ok(message) if self.is_signed(&message, body) => Sha256::digest(message.id).into(),
            Ok(_) if self.is_withheld => return Self::KEY_WITHHELD.fault(),
            Ok(_) => return Self::SIGNATURE.deny(),
            Err(reason) => return reason.deny(),
        };
        if let Some(replay) = &self.replay {
            match replay.begin(mark, request.now()) {
                Ok(delivery) => request.put(&self.delivery.0, Delivery(delivery)),
                Err(Seen::NoRoom) => return Self::REPLAY_FULL.fault(),
                // Senders take every status but 2xx for a failure and try again later, whether the first try
                // comes to something or not.
                Err(Seen::UnderWay) => {
                    let later = (RETRY_AFTER, HeaderValue::from_static(RETRY_SECONDS));
                    return Self::UNDER_WAY.deny_with(vec![later]);
                }
                Err(Seen::Again | Seen::First) => return Self::DUPLICATE.deny(),
            }
        }
        request.set_word(self.state, state::PROVED);
        Verdict::Pass
    }

    /// Whether one of the signatures is that of one of the keys. Takes the same time for every wrong code.
    fn is_signed(&self, message: &Message<'_>, body: &[u8]) -> bool {
        let signed = message.signed(body);
        let by_secret = message.signatures("v1").filter_map(decode).any(|code| {
            let mut keys = self.shared.iter();
            keys.any(|key| hmac::verify(key, &signed, &code).is_ok())
        });
        by_secret
            || message.signatures("v1a").filter_map(decode).any(|code| {
                let mut keys = self.public.iter();
                keys.any(|key| key.verify_sig(&signed, &code).is_ok())
            })
    }

    /// A request without a body has no body moment.
    fn check_no_body(&self, attempt: &mut Attempt<'_>) -> Result<(), Fault> {
        if attempt.request().word(self.state) == state::PENDING {
            return Err(Fault {
                reason: &Self::BODY_MISSING,
            });
        }
        Ok(())
    }

    /// A message that the upstream did not take may be sent again, as soon as its sender knows.
    fn settle(&self, response: &mut Response<'_>) -> Verdict {
        if let Some(Delivery(delivery)) = response.peek(&self.delivery.1) {
            if response.status().is_success() {
                delivery.count();
            } else {
                delivery.fail();
            }
        }
        Verdict::Pass
    }

    /// A step in shadow sees no response. A message that nobody has answered failed.
    fn settle_at_last(&self, finished: &Finished<'_>) {
        if let Some(Delivery(delivery)) = finished.peek(&self.delivery.1) {
            if (200..300).contains(&finished.status) {
                delivery.count();
            } else {
                delivery.fail();
            }
        }
    }
}

fn decode(code: &str) -> Option<Vec<u8>> {
    STANDARD.decode(code).ok()
}

#[cfg(test)]
mod tests;
