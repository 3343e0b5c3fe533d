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

pub(crate) const KEY_PENDING: Reason = Reason::new(
    "key-pending",
    503,
    "the key of the token is not known yet, and its issuer did not name it in time",
);
pub(crate) const KEYS_ABSENT: Reason = Reason::new(
    "keys-absent",
    503,
    "the keys of the issuer have not been fetched yet",
);
pub(crate) const KEYS_STALE: Reason = Reason::new(
    "keys-stale",
    503,
    "the keys of the issuer are too old and cannot be fetched",
);
pub(super) const UNBOUND: Reason = Reason::new("unbound", 401, "the token is not bound to its sender");
pub(crate) const BINDING_UNCHECKED: Reason = Reason::new(
    "binding-unchecked",
    401,
    "the token is bound to its sender in a way that is not accepted here",
);
pub(super) const SCHEME: Reason = Reason::new(
    "scheme",
    401,
    "the token is sent by another scheme than it is bound by",
);
pub(super) const CERTIFICATE_MISSING: Reason = Reason::new(
    "certificate-missing",
    401,
    "the token is bound to a client certificate, and none was sent",
);
pub(super) const CERTIFICATE_OTHER: Reason = Reason::new(
    "certificate-other",
    401,
    "the token is bound to another client certificate",
);
pub(super) const PROOF_MISSING: Reason = Reason::new("proof-missing", 401, "a DPoP proof is required");
pub(super) const PROOF_SEVERAL: Reason =
    Reason::new("proof-several", 401, "exactly one DPoP proof is required");
pub(super) const PROOF_MALFORMED: Reason =
    Reason::new("proof-malformed", 401, "the DPoP proof is not well formed");
pub(super) const PROOF_TYPE: Reason = Reason::new("proof-type", 401, "the DPoP proof is of another type");
pub(super) const PROOF_ALGORITHM: Reason = Reason::new(
    "proof-algorithm",
    401,
    "the DPoP proof is signed by an algorithm that is not accepted here",
);
pub(super) const PROOF_KEY: Reason = Reason::new(
    "proof-key",
    401,
    "the DPoP proof does not hold a public key that fits its algorithm",
);
pub(super) const PROOF_SIGNATURE: Reason =
    Reason::new("proof-signature", 401, "the signature of the DPoP proof is wrong");
pub(super) const PROOF_STRANGER: Reason = Reason::new(
    "proof-stranger",
    401,
    "the DPoP proof is signed by another key than that of the token",
);
pub(super) const PROOF_CLAIMS: Reason = Reason::new(
    "proof-claims",
    401,
    "the DPoP proof lacks a claim that is required, or has it in another form",
);
pub(super) const PROOF_METHOD: Reason =
    Reason::new("proof-method", 401, "the DPoP proof is for another method");
pub(super) const PROOF_TARGET: Reason =
    Reason::new("proof-target", 401, "the DPoP proof is for another target");
pub(super) const PROOF_TIME: Reason = Reason::new(
    "proof-time",
    401,
    "the DPoP proof was made too long ago, or not yet",
);
pub(super) const PROOF_TOKEN: Reason = Reason::new("proof-token", 401, "the DPoP proof is for another token");
pub(super) const PROOF_REPLAYED: Reason =
    Reason::new("proof-replayed", 401, "the DPoP proof was used before");
pub(super) const PROOFS_EXCEEDED: Reason = Reason::new(
    "proofs-exceeded",
    429,
    "this client has sent as many DPoP proofs as can be remembered of one",
);
pub(super) const PROOFS_FULL: Reason = Reason::new(
    "proofs-full",
    503,
    "there are too many DPoP proofs at once to tell whether one was used before",
);

/// No decision was possible: what happens then is the policy's word.
pub(crate) const FAULTS: &[&Reason] = &[&KEY_WITHHELD, &KEYS_ABSENT, &KEYS_STALE, &PROOFS_FULL];

/// Other keys could lead to another answer.
pub(super) const WANTING_KEYS: &[&Reason] = &[&KEY_UNKNOWN, &KEYS_ABSENT, &KEYS_STALE];

/// The signature was not proved, so the answer may be due to another issuer.
pub(super) const UNPROVED: &[&Reason] = &[
    &ALGORITHM_REFUSED,
    &KEY_UNKNOWN,
    &SIGNATURE,
    &KEYS_ABSENT,
    &KEYS_STALE,
];

/// What is wrong with a DPoP proof, as opposed to the token (RFC 9449 §7.1).
pub(super) const PROOFS: &[&Reason] = &[
    &PROOF_MISSING,
    &PROOF_SEVERAL,
    &PROOF_MALFORMED,
    &PROOF_TYPE,
    &PROOF_ALGORITHM,
    &PROOF_KEY,
    &PROOF_SIGNATURE,
    &PROOF_CLAIMS,
    &PROOF_METHOD,
    &PROOF_TARGET,
    &PROOF_TIME,
    &PROOF_TOKEN,
    &PROOF_REPLAYED,
];

/// All of them, in the order of the checks.
pub(super) const ALL: &[&Reason] = &[
    &MISSING,
    &SEVERAL,
    &UNREADABLE,
    &TOO_LONG,
    &MALFORMED,
    &ALGORITHM_REFUSED,
    &CRITICAL,
    &KEYS_ABSENT,
    &KEYS_STALE,
    &KEY_UNKNOWN,
    &KEY_PENDING,
    &KEY_WITHHELD,
    &SIGNATURE,
    &ISSUER,
    &AUDIENCE,
    &EXPIRED,
    &NOT_YET_VALID,
    &LIFETIME,
    &TYPE,
    &CLAIMS,
    &UNBOUND,
    &BINDING_UNCHECKED,
    &SCHEME,
    &CERTIFICATE_MISSING,
    &CERTIFICATE_OTHER,
    &PROOF_MISSING,
    &PROOF_SEVERAL,
    &PROOF_MALFORMED,
    &PROOF_TYPE,
    &PROOF_ALGORITHM,
    &PROOF_KEY,
    &PROOF_SIGNATURE,
    &PROOF_STRANGER,
    &PROOF_CLAIMS,
    &PROOF_METHOD,
    &PROOF_TARGET,
    &PROOF_TIME,
    &PROOF_TOKEN,
    &PROOF_REPLAYED,
    &PROOFS_EXCEEDED,
    &PROOFS_FULL,
];
