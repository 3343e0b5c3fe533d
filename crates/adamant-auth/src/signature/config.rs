//! What a policy author writes under `signature`.
//!
//! Nothing here decides about a request. Whether a signed request counts once has no default: a filter that
//! silently let the same request pass twice would protect less than its name says.

use std::collections::BTreeSet;
use std::path::PathBuf;

use adamant_filter::prelude::*;

use super::base::Cover;
use crate::challenge::default_realm;

/// Bytes of a body that may be held.
const HELD_MAX: Size = Size::from_mib(16);

/// Bytes of a body that are held without the key.
const HELD: Size = Size::from_kib(64);

/// Longest time for which signatures may be accepted.
const AGE_MAX: Period = Period::from_secs(3600);

/// Most that clocks may differ.
const SKEW_MAX: Period = Period::from_secs(300);

const REMEMBER: u32 = 100_000;

/// Proves the consumer by a signature over the request (HTTP Message Signatures, RFC 9421), and that the
/// body is the one that was signed (Digest Fields, RFC 9530).
///
/// Signed is what the gateway has received, with the path in its canonical form: `@scheme` and `@target-uri` are
/// those of the connection to this gateway, not of one to a proxy in front of it.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct SignatureConfig {
    /// Who may sign, and by which key.
    pub keys: SignerList,
    /// What a signature must cover at least: header fields such as `content-type`, and `@method`,
    /// `@authority`, `@path`, `@query`, `@scheme`, `@request-target` and `@target-uri` of RFC 9421 §2.2. The list
    /// must hold `@method`, and `@path`, `@request-target` or `@target-uri`.
    #[serde(default = "default_cover")]
    pub cover: BTreeSet<String>,
    /// Whether bodies must be signed: `signed` refuses a body whose `content-digest` is not covered,
    /// `when-covered` compares the digest only where the signature covers it, `unchecked` lets bodies stream
    /// through and compares nothing.
    #[serde(default)]
    pub body: BodyRule,
    /// Longest body that is held until its digest is compared; at most `16MiB`. Default: `64KiB`. Example: `1MiB`
    #[serde(default, skip_serializing_if = "is_default_held")]
    pub body_at_most: Option<Size>,
    /// Whether the same signed request is accepted again: `refuse` or `allow`. `refuse` remembers the
    /// nonce of a signature, or all that it covers when it has none.
    pub replay: ReplayRule,
    /// How many accepted requests are remembered under `replay: refuse`, 264 bytes each. When that many were
    /// accepted within `at-most`, further ones are a fault. By default `100000`.
    #[serde(default, skip_serializing_if = "is_default_remember")]
    pub remember: Option<u32>,
    /// How long after its creation (`created`) a signature is accepted; at most `1h`.
    #[serde(default = "default_age")]
    pub at_most: Period,
    /// How far in the future a signature may have been created, since clocks differ; at most `5m`.
    #[serde(default = "default_skew")]
    pub skew: Period,
    /// Parameters that a signature must have beside `created` and `keyid`: `expires`, `nonce`.
    #[serde(default)]
    pub require: BTreeSet<Required>,
    /// The `tag` that a signature must have. Others on the same request are not looked at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tag: Option<String>,
    /// The label that a signature must have. Others on the same request are not looked at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// Pass `Signature` and `Signature-Input` on to the upstream. Otherwise they are taken out of the
    /// request once it is proved.
    #[serde(default)]
    pub forward: bool,
    /// Name of the protected area in `WWW-Authenticate`.
    #[serde(default = "default_realm")]
    pub realm: String,
}

/// The list of keys.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct SignerList {
    /// A file with the list `keys`; each entry has `id`, `consumer`, `algorithm`, one of `pem`, `jwk` and
    /// `secret`, and may have `scopes`. Its contents enter the digest.
    pub file: PathBuf,
}

/// What becomes of a body.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum BodyRule {
    /// A body must be covered by the signature and is compared with its digest.
    #[default]
    Signed,
    /// A body is compared with its digest where that is covered.
    WhenCovered,
    /// Bodies are not looked at.
    Unchecked,
}

/// Whether a signed request counts more than once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ReplayRule {
    /// The same request is accepted once.
    Refuse,
    /// The same request is accepted until it is too old.
    Allow,
}

/// A parameter that can be demanded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Required {
    /// When the signature ends, by the signer's own will.
    Expires,
    /// A value that the signer uses once.
    Nonce,
}

fn default_cover() -> BTreeSet<String> {
    ["@method", "@authority", "@path", "@query"]
        .map(str::to_owned)
        .into()
}

const fn default_age() -> Period {
    Period::from_secs(60)
}

const fn default_skew() -> Period {
    Period::from_secs(5)
}

fn is_default_held(held: &Option<Size>) -> bool {
    held.is_none_or(|held| held == HELD)
}

fn is_default_remember(remember: &Option<u32>) -> bool {
    remember.is_none_or(|remember| remember == REMEMBER)
}

impl SignatureConfig {
    /// Most bytes of a body that are held; `None` when bodies are not looked at.
    pub(super) fn held(&self) -> Option<Size> {
        (self.body != BodyRule::Unchecked).then(|| self.body_at_most.unwrap_or(HELD))
    }

    /// How many accepted requests are remembered; `None` when none is.
    pub(super) fn remembered(&self) -> Option<u32> {
        (self.replay == ReplayRule::Refuse).then(|| self.remember.unwrap_or(REMEMBER))
    }

    /// What must be covered.
    pub(super) fn cover(&self) -> Result<Cover, Problem> {
        let cover = Cover::new(&self.cover)?;
        if self.body == BodyRule::Unchecked && self.cover.contains(super::digest::FIELD) {
            return Err(
                Problem::at("cover", "`content-digest` would be compared with nothing")
                    .with_help("`body: unchecked` does not look at bodies"),
            );
        }
        Ok(cover)
    }

    /// Refuses what cannot be meant.
    pub(super) fn check(&self) -> Result<(), Problem> {
        self.check_body()?;
        self.check_replay()?;
        self.check_time()?;
        for (path, text) in [("tag", &self.tag), ("label", &self.label)] {
            let Some(text) = text else { continue };
            let fits = match path {
                "tag" => sfv::StringRef::from_str(text).is_ok() && !text.is_empty(),
                _ => sfv::KeyRef::from_str(text).is_ok(),
            };
            if !fits {
                return Err(Problem::at(
                    path,
                    format!("no signature can have the {path} `{text}`"),
                ));
            }
        }
        Ok(())
    }

    fn check_body(&self) -> Result<(), Problem> {
        let Some(held) = self.body_at_most else {
            return Ok(());
        };
        if self.body == BodyRule::Unchecked {
            return Err(Problem::at("body-at-most", "`body: unchecked` holds no body"));
        }
        if held == Size::from_bytes(0) || held > HELD_MAX {
            let message = format!("a body of {held} cannot be held; between 1 byte and {HELD_MAX} can");
            return Err(Problem::at("body-at-most", message));
        }
        Ok(())
    }

    fn check_replay(&self) -> Result<(), Problem> {
        match (self.replay, self.remember) {
            (ReplayRule::Allow, Some(_)) => Err(Problem::at("remember", "`replay: allow` remembers nothing")),
            (ReplayRule::Refuse, Some(0)) => Err(Problem::at(
                "remember",
                "without memory no request could be accepted",
            )),
            (ReplayRule::Allow | ReplayRule::Refuse, _) => Ok(()),
        }
    }

    fn check_time(&self) -> Result<(), Problem> {
        if self.at_most < Period::from_secs(1) || self.at_most > AGE_MAX {
            let message = format!("an age of {} is not between 1s and {AGE_MAX}", self.at_most);
            return Err(Problem::at("at-most", message));
        }
        if self.skew > SKEW_MAX {
            let message = format!("a skew of {} is more than {SKEW_MAX}", self.skew);
            return Err(Problem::at("skew", message));
        }
        Ok(())
    }
}
