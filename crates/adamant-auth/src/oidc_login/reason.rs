//! Why a login, a session or a logout is refused: constants, so that the log, the metric, the manual and the
//! tests agree.
//!
//! Never repeats what an issuer or a browser said: that could be anything.

use adamant_filter::{Reason, offline, unanswered};

use crate::jwt::reason as token;

pub(super) const MISSING: Reason = Reason::new("missing", 401, "a session is required");
pub(super) const SEVERAL: Reason = Reason::new("several", 400, "the session must be sent once");
pub(super) const SESSION_INVALID: Reason =
    Reason::new("session-invalid", 401, "the session is not one of this gateway");
pub(super) const SESSION_EXPIRED: Reason = Reason::new("session-expired", 401, "the session has ended");
pub(super) const SESSION_IDLE: Reason =
    Reason::new("session-idle", 401, "the session was not used for too long");
pub(super) const SESSION_TOO_LARGE: Reason =
    Reason::new("session-too-large", 500, "the session does not fit into a cookie");
pub(super) const OTHER_HOST: Reason = Reason::new("other-host", 421, "logins are not served under this host");
pub(super) const METHOD: Reason = Reason::new("method", 405, "this path is for another method");
pub(super) const LOGIN_MISSING: Reason =
    Reason::new("login-missing", 400, "the login was not begun in this browser");
pub(super) const LOGIN_INVALID: Reason =
    Reason::new("login-invalid", 400, "the login was not begun at this gateway");
pub(super) const LOGIN_EXPIRED: Reason = Reason::new("login-expired", 400, "the login took too long");
pub(super) const CALLBACK: Reason = Reason::new(
    "callback",
    400,
    "the answer of the issuer lacks a part, or has one twice",
);
pub(super) const STATE: Reason = Reason::new("state", 400, "the answer belongs to another login");
pub(super) const STATE_USED: Reason = Reason::new("state-used", 400, "the login was completed before");
pub(super) const UNDER_WAY: Reason =
    Reason::new("under-way", 409, "the login is being completed at this moment");
pub(super) const BUSY: Reason =
    Reason::new("busy", 503, "too many logins are being completed at this moment");
pub(super) const OTHER_ISSUER: Reason =
    Reason::new("other-issuer", 400, "the answer comes from another issuer");
pub(super) const REFUSED: Reason = Reason::new("refused", 403, "the issuer has refused the login");
pub(super) const CODE_REFUSED: Reason = Reason::new("code-refused", 401, "the issuer has refused the code");
pub(super) const NONCE: Reason = Reason::new("nonce", 401, "the token belongs to another login");
pub(super) const PARTY: Reason = Reason::new("party", 401, "the token was issued to someone else");
pub(super) const SUBJECT: Reason = Reason::new("subject", 401, "the token does not say for whom it is");
pub(super) const CROSS_SITE: Reason = Reason::new(
    "cross-site",
    403,
    "a logout must be asked for by this site itself",
);
pub(super) const ISSUER_FAILED: Reason =
    Reason::new("issuer-failed", 502, "the issuer did not answer as issuers do");
pub(super) const UNDISCOVERED: Reason = Reason::new(
    "undiscovered",
    503,
    "where the issuer serves logins is not known yet",
);
pub(super) const MEMORY_FULL: Reason = Reason::new(
    "memory-full",
    503,
    "too many logins are remembered to accept another",
);
pub(super) const KEY_WITHHELD: Reason =
    Reason::new("key-withheld", 503, "the secrets are not known to this command");

/// All of them, in the order of the checks, with those of tokens and of calls.
pub(super) const ALL: &[&Reason] = &[
    &OTHER_HOST,
    &METHOD,
    &MISSING,
    &SEVERAL,
    &KEY_WITHHELD,
    &SESSION_INVALID,
    &SESSION_EXPIRED,
    &SESSION_IDLE,
    &UNDISCOVERED,
    &LOGIN_MISSING,
    &LOGIN_INVALID,
    &LOGIN_EXPIRED,
    &CALLBACK,
    &STATE,
    &OTHER_ISSUER,
    &REFUSED,
    &STATE_USED,
    &UNDER_WAY,
    &MEMORY_FULL,
    &BUSY,
    &unanswered::UNREACHABLE,
    &unanswered::LATE,
    &unanswered::LONG,
    &unanswered::BROKEN,
    &unanswered::UNSENDABLE,
    &offline::NO_ANSWER,
    &ISSUER_FAILED,
    &CODE_REFUSED,
    &token::TOO_LONG,
    &token::UNREADABLE,
    &token::MALFORMED,
    &token::ALGORITHM_REFUSED,
    &token::CRITICAL,
    &token::KEYS_ABSENT,
    &token::KEYS_STALE,
    &token::KEY_UNKNOWN,
    &token::KEY_PENDING,
    &token::SIGNATURE,
    &token::ISSUER,
    &token::AUDIENCE,
    &token::EXPIRED,
    &token::NOT_YET_VALID,
    &token::CLAIMS,
    &token::BINDING_UNCHECKED,
    &PARTY,
    &SUBJECT,
    &NONCE,
    &SESSION_TOO_LARGE,
    &CROSS_SITE,
];
