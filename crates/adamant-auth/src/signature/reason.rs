//! Why a signed request is refused: constants, so that the log, the metric, the manual and the tests agree.
//!
//! The texts are for clients and say nothing of keys or of what was signed.

use adamant_filter::Reason;

pub(super) const MISSING: Reason = Reason::new("missing", 401, "the request must be signed");
pub(super) const UNPAIRED: Reason =
    Reason::new("unpaired", 400, "a signature and its input must be sent together");
pub(super) const TOO_LONG: Reason = Reason::new("too-long", 400, "the signature fields are too long");
pub(super) const MALFORMED: Reason = Reason::new(
    "malformed",
    400,
    "the signature fields are not dictionaries of signatures",
);
pub(super) const DUPLICATE_LABEL: Reason =
    Reason::new("duplicate-label", 400, "two signatures have the same label");
pub(super) const LABEL: Reason =
    Reason::new("label", 401, "no signature has the label that is demanded here");
pub(super) const TAG: Reason = Reason::new("tag", 401, "no signature has the tag that is demanded here");
pub(super) const SEVERAL: Reason = Reason::new("several", 400, "only one signature may be meant for here");
pub(super) const PARAMETER: Reason = Reason::new(
    "parameter",
    400,
    "a parameter of the signature has a value of another kind",
);
pub(super) const CREATED_MISSING: Reason = Reason::new(
    "created-missing",
    401,
    "the signature must tell when it was created",
);
pub(super) const NOT_YET_VALID: Reason =
    Reason::new("not-yet-valid", 401, "the signature was created in the future");
pub(super) const TOO_OLD: Reason = Reason::new("too-old", 401, "the signature was created too long ago");
pub(super) const EXPIRES_MISSING: Reason =
    Reason::new("expires-missing", 401, "the signature must tell when it expires");
pub(super) const EXPIRED: Reason = Reason::new("expired", 401, "the signature has expired");
pub(super) const NONCE_MISSING: Reason = Reason::new("nonce-missing", 401, "the signature must have a nonce");
pub(super) const KEY_MISSING: Reason = Reason::new("key-missing", 401, "the signature must name its key");
pub(super) const KEY_UNKNOWN: Reason = Reason::new(
    "key-unknown",
    401,
    "the signature names a key that is not known here",
);
pub(super) const ALGORITHM_REFUSED: Reason = Reason::new(
    "algorithm-refused",
    401,
    "the signature names an algorithm that is not that of its key",
);
pub(super) const DUPLICATE_COMPONENT: Reason = Reason::new(
    "duplicate-component",
    400,
    "the signature covers a component twice",
);
pub(super) const COMPONENT_UNKNOWN: Reason = Reason::new(
    "component-unknown",
    400,
    "the signature covers a component that no request has",
);
pub(super) const COMPONENT_UNSUPPORTED: Reason = Reason::new(
    "component-unsupported",
    400,
    "the signature covers a component in a form that is not supported here",
);
pub(super) const COMPONENT_MISSING: Reason = Reason::new(
    "component-missing",
    401,
    "the signature covers a component that is not in the request",
);
pub(super) const COMPONENT_SEVERAL: Reason = Reason::new(
    "component-several",
    400,
    "the signature covers a parameter or member that occurs twice",
);
pub(super) const NOT_COVERED: Reason = Reason::new(
    "not-covered",
    401,
    "the signature does not cover all that must be covered",
);
pub(super) const SIGNATURE: Reason = Reason::new("signature", 401, "the signature is wrong");
pub(super) const REPLAYED: Reason = Reason::new("replayed", 401, "the signed request was accepted before");
pub(super) const REPLAY_FULL: Reason = Reason::new(
    "replay-full",
    503,
    "too many signed requests are remembered to accept another",
);
pub(super) const KEY_WITHHELD: Reason = Reason::new(
    "key-withheld",
    503,
    "the shared secret is not known to this command",
);
pub(super) const BODY_UNSIGNED: Reason =
    Reason::new("body-unsigned", 401, "the signature does not cover the body");
pub(super) const BODY_IN_PIECES: Reason = Reason::new(
    "body-in-pieces",
    400,
    "the body of this request cannot be compared",
);
pub(super) const DIGEST_MALFORMED: Reason = Reason::new(
    "digest-malformed",
    400,
    "the digest of the body is not well formed",
);
pub(super) const DIGEST_UNSUPPORTED: Reason = Reason::new(
    "digest-unsupported",
    400,
    "the digest of the body is neither sha-256 nor sha-512",
);
pub(super) const DIGEST_MISMATCH: Reason =
    Reason::new("digest-mismatch", 401, "the body is not the one that was signed");

/// All of them, in the order of the checks.
pub(super) const ALL: &[&Reason] = &[
    &MISSING,
    &UNPAIRED,
    &TOO_LONG,
    &DUPLICATE_LABEL,
    &MALFORMED,
    &LABEL,
    &TAG,
    &SEVERAL,
    &PARAMETER,
    &CREATED_MISSING,
    &NOT_YET_VALID,
    &TOO_OLD,
    &EXPIRES_MISSING,
    &EXPIRED,
    &NONCE_MISSING,
    &KEY_MISSING,
    &KEY_UNKNOWN,
    &ALGORITHM_REFUSED,
    &COMPONENT_UNKNOWN,
    &COMPONENT_UNSUPPORTED,
    &DUPLICATE_COMPONENT,
    &NOT_COVERED,
    &COMPONENT_MISSING,
    &COMPONENT_SEVERAL,
    &DIGEST_MALFORMED,
    &DIGEST_UNSUPPORTED,
    &KEY_WITHHELD,
    &SIGNATURE,
    &REPLAYED,
    &REPLAY_FULL,
    &BODY_UNSIGNED,
    &BODY_IN_PIECES,
    &DIGEST_MISMATCH,
];
