//! Why a call to a service brought no answer: the constant reasons of every transport, so that a filter that
//! calls somebody can list them among its own.
//!
//! What the service answered is never among them: a status of 500 is an answer, too.

use crate::verdict::Reason;

/// No connection, or nobody there who could prove to be the service.
pub const UNREACHABLE: Reason = Reason::new(
    "service-unreachable",
    503,
    "a service that this depends on cannot be reached",
);

/// The time for the whole call is over.
pub const LATE: Reason = Reason::new(
    "service-late",
    503,
    "a service that this depends on did not answer in time",
);

/// The answer is longer than the filter allows.
pub const LONG: Reason = Reason::new(
    "service-answer-long",
    503,
    "a service that this depends on answered too much",
);

/// The connection ended before the answer did, or what came is not HTTP.
pub const BROKEN: Reason = Reason::new("service-broken", 503, "a service that this depends on broke off");

/// The filter asked for something that cannot be sent.
pub const UNSENDABLE: Reason = Reason::new(
    "call-unsendable",
    500,
    "a service that this depends on cannot be asked this",
);

/// All of them that a running gateway knows.
pub const ALL: [&Reason; 5] = [&UNREACHABLE, &LATE, &LONG, &BROKEN, &UNSENDABLE];
