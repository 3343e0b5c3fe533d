//! Why a token is refused, or could not be judged: constants, so that the log, the metric, the manual and the tests
//! agree.
//!
//! The texts are for clients and say nothing of the token.

use adamant_filter::Reason;
use adamant_filter::offline::NO_ANSWER;
use adamant_filter::unanswered::{BROKEN, LATE, LONG, UNREACHABLE, UNSENDABLE};

pub(super) const MISSING: Reason = Reason::new("missing", 401, "a bearer token is required");
pub(super) const SEVERAL: Reason = Reason::new("several", 400, "the token must be sent once and by one way");
pub(super) const UNREADABLE: Reason = Reason::new("unreadable", 400, "the credential is not one token");
pub(super) const TOO_LONG: Reason = Reason::new("too-long", 401, "the token is longer than 8 KiB");
pub(super) const INACTIVE: Reason = Reason::new("inactive", 401, "the token is not active");
pub(super) const ISSUER: Reason = Reason::new("issuer", 401, "the token was issued by someone else");
pub(super) const AUDIENCE: Reason = Reason::new("audience", 401, "the token was issued for someone else");
pub(super) const EXPIRED: Reason = Reason::new("expired", 401, "the token has expired");
pub(super) const NOT_YET_VALID: Reason = Reason::new("not-yet-valid", 401, "the token is not valid yet");
pub(super) const CLAIMS: Reason = Reason::new(
    "claims",
    401,
    "what is known of the token lacks something that is required, or has it in another form",
);
pub(super) const BINDING_UNCHECKED: Reason = Reason::new(
    "binding-unchecked",
    401,
    "the token is bound to its sender, which nobody would check here",
);
pub(super) const BUSY: Reason = Reason::new(
    "busy",
    503,
    "too many tokens are being asked about at this moment",
);
pub(super) const BAD_ANSWER: Reason = Reason::new(
    "bad-answer",
    503,
    "the service that knows the token answered something else",
);
/// All of them, in the order of the checks.
pub(super) const ALL: &[&Reason] = &[
    &MISSING,
    &SEVERAL,
    &UNREADABLE,
    &TOO_LONG,
    &BUSY,
    &UNREACHABLE,
    &LATE,
    &LONG,
    &BROKEN,
    &UNSENDABLE,
    &NO_ANSWER,
    &BAD_ANSWER,
    &INACTIVE,
    &ISSUER,
    &AUDIENCE,
    &EXPIRED,
    &NOT_YET_VALID,
    &BINDING_UNCHECKED,
    &CLAIMS,
];
