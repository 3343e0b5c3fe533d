//! Why a token is refused: constants, so that the log, the metric, the manual and the tests agree.
//!
//! The texts are for clients and say nothing that an attacker could use as an oracle.

use adamant_filter::Reason;

pub(super) const MISSING: Reason = Reason::new("missing", 401, "a bearer token is required");
pub(super) const SEVERAL: Reason = Reason::new("several", 400, "the token must be sent once and by one way");
pub(crate) const UNREADABLE: Reason = Reason::new("unreadable", 400, "the credential is not one token");
pub(crate) const TOO_LONG: Reason = Reason::new("too-long", 401, "the token is longer than 8 KiB");
pub(crate) const MALFORMED: Reason = Reason::new("malformed", 401, "the token is not well formed");
pub(crate) const ALGORITHM_REFUSED: Reason = Reason::new(
    "algorithm-refused",
    401,
    "the token is signed by an algorithm that is not accepted here",
);
pub(crate) const CRITICAL: Reason = Reason::new(
    "critical",
    401,
    "the token demands an extension that is not known here",
);
pub(crate) const KEY_UNKNOWN: Reason = Reason::new(
    "key-unknown",
    401,
    "the token is signed by a key that is not known here",
);
pub(crate) const SIGNATURE: Reason = Reason::new("signature", 401, "the signature of the token is wrong");
pub(crate) const CLAIMS: Reason = Reason::new(
    "claims",
    401,
    "the token lacks a claim that is required, or has it in another form",
);
pub(crate) const ISSUER: Reason = Reason::new("issuer", 401, "the token was issued by someone else");
pub(crate) const AUDIENCE: Reason = Reason::new("audience", 401, "the token was issued for someone else");
pub(crate) const EXPIRED: Reason = Reason::new("expired", 401, "the token has expired");
pub(crate) const NOT_YET_VALID: Reason = Reason::new("not-yet-valid", 401, "the token is not valid yet");
pub(super) const LIFETIME: Reason = Reason::new("lifetime", 401, "the token was issued for too long a time");
pub(super) const TYPE: Reason = Reason::new("type", 401, "the token is of another type");
pub(super) const KEY_WITHHELD: Reason = Reason::new(
    "key-withheld",
    503,
    "the signing secret is not known to this command",
);

/// All of them, in the order of the checks.
pub(super) const ALL: &[&Reason] = &[
    &MISSING,
    &SEVERAL,
    &UNREADABLE,
    &TOO_LONG,
    &MALFORMED,
    &ALGORITHM_REFUSED,
    &CRITICAL,
    &KEY_UNKNOWN,
    &KEY_WITHHELD,
    &SIGNATURE,
    &ISSUER,
    &AUDIENCE,
    &EXPIRED,
    &NOT_YET_VALID,
    &LIFETIME,
    &TYPE,
    &CLAIMS,
];
