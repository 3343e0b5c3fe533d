//! What a policy author writes under `webhook-signature`.
//!
//! Nothing here decides about a message. Whether one that was delivered is accepted again has no default.

use std::collections::BTreeSet;

use adamant_filter::prelude::*;

use crate::signature::ReplayRule;

/// Bytes of a body that may be held.
const HELD_MAX: Size = Size::from_mib(16);

/// Bytes of a body that are held without the key.
const HELD: Size = Size::from_kib(64);

/// Most that a sender's clock may differ: a message is accepted for so long.
const TOLERANCE_MAX: Period = Period::from_secs(3600);

/// Most keys: one, and those of a rotation.
const KEYS_MAX: usize = 8;

const REMEMBER: u32 = 100_000;

/// Lets pass messages that their sender has signed (Standard Webhooks: `webhook-id`, `webhook-timestamp` and
/// `webhook-signature`), as they were sent. It proves no consumer: who may send is who has one of the keys.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct WebhookSignatureConfig {
    /// Secrets that are shared with the sender (`v1`, HMAC-SHA256), as the sender shows them: base64, with or
    /// without `whsec_`. Two while one is being replaced.
    #[serde(default)]
    pub secrets: BTreeSet<SecretRef>,
    /// Public keys of the sender (`v1a`, Ed25519): `whpk_` and base64.
    #[serde(default)]
    pub public_keys: BTreeSet<String>,
    /// How old, or how far in the future, the timestamp of a message may be; at most `1h`.
    #[serde(default = "default_tolerance")]
    pub tolerance: Period,
    /// Whether a message of the same `webhook-id` is accepted again: `refuse` or `allow`. `refuse` counts those that
    /// the upstream has answered with a status of 200 to 299, so that a sender may try again when it failed. While
    /// one is on its way, another try is told 409 with `Retry-After`: senders such as Stripe, and those of Standard
    /// Webhooks, try again later after every status but 2xx.
    pub replay: ReplayRule,
    /// How many messages are remembered under `replay: refuse`, 264 bytes each. When that many came within twice
    /// `tolerance`, further ones are a fault. By default `100000`.
    #[serde(default, skip_serializing_if = "is_default_remember")]
    pub remember: Option<u32>,
    /// Longest message; at most `16MiB`. Default: `64KiB`. Example: `1MiB`
    #[serde(default = "default_held")]
    pub body_at_most: Size,
}

const fn default_tolerance() -> Period {
    Period::from_secs(300)
}

const fn default_held() -> Size {
    HELD
}

fn is_default_remember(remember: &Option<u32>) -> bool {
    remember.is_none_or(|remember| remember == REMEMBER)
}

impl WebhookSignatureConfig {
    /// How many messages are remembered; `None` when none is.
    pub(super) fn remembered(&self) -> Option<u32> {
        (self.replay == ReplayRule::Refuse).then(|| self.remember.unwrap_or(REMEMBER))
    }

    /// Refuses what cannot be meant.
    pub(super) fn check(&self) -> Result<(), Problem> {
        let keys = self.secrets.len() + self.public_keys.len();
        if keys == 0 {
            return Err(Problem::at("secrets", "without a key no message could pass")
                .with_help("name `secrets` or `public-keys`"));
        }
        if keys > KEYS_MAX {
            return Err(Problem::at(
                "secrets",
                format!("more than {KEYS_MAX} keys are too many"),
            ));
        }
        if self.tolerance < Period::from_secs(1) || self.tolerance > TOLERANCE_MAX {
            let message = format!(
                "a tolerance of {} is not between 1s and {TOLERANCE_MAX}",
                self.tolerance
            );
            return Err(Problem::at("tolerance", message));
        }
        if self.body_at_most == Size::from_bytes(0) || self.body_at_most > HELD_MAX {
            let message = format!(
                "a body of {} cannot be held; between 1 byte and {HELD_MAX} can",
                self.body_at_most
            );
            return Err(Problem::at("body-at-most", message));
        }
        match (self.replay, self.remember) {
            (ReplayRule::Allow, Some(_)) => Err(Problem::at("remember", "`replay: allow` remembers nothing")),
            (ReplayRule::Refuse, Some(0)) => Err(Problem::at(
                "remember",
                "without memory no message could be accepted",
            )),
            (ReplayRule::Allow | ReplayRule::Refuse, _) => Ok(()),
        }
    }
}
