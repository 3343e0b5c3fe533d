//! Why the gateway itself could not serve a request that policy let through.

use adamant_filter::Reason;
use adamant_policy::receive::reason as guard;

use crate::overload::OVERLOADED;

/// Word of the upstream side in logs, metrics and bodies.
pub(crate) const UPSTREAM: &str = "upstream";

/// Word of the gateway's own limits and failures.
pub(crate) const GATEWAY: &str = "gateway";

/// No endpoint of the upstream can be used.
pub(crate) const UNAVAILABLE: Reason = Reason::new("unavailable", 503, "the service is not available");
/// As many attempts are in progress as the upstream may have.
pub(crate) const IN_FLIGHT: Reason = Reason::new("in-flight", 503, "the service has too much to do");
/// As many attempts began as the upstream may be sent.
pub(crate) const RATE: Reason = Reason::new("rate", 503, "the service is asked too often");
/// No connection to the endpoint.
pub(crate) const CONNECT: Reason = Reason::new("connect", 502, "the service cannot be reached");
/// The endpoint's certificate or TLS was refused.
pub(crate) const TLS: Reason = Reason::new("tls", 502, "the service did not prove who it is");
/// The endpoint did not answer in time.
pub(crate) const TIMEOUT: Reason = Reason::new("timeout", 504, "the service did not answer in time");
/// The exchange took longer than its total time.
pub(crate) const TOTAL_TIMEOUT: Reason = Reason::new("total-timeout", 504, "the service took too long");
/// The endpoint broke off.
pub(crate) const RESET: Reason = Reason::new("reset", 502, "the service broke off");
/// The endpoint's answer is not HTTP.
pub(crate) const PROTOCOL: Reason =
    Reason::new("protocol", 502, "the service gave an answer that cannot be read");
/// The endpoint's switch to another protocol was not asked for.
pub(crate) const SWITCH: Reason = Reason::new("switch", 502, "the service changed the protocol unasked");
/// Held bodies take all the memory that they may.
pub(crate) const BODIES_FULL: Reason = Reason::new(
    "bodies-full",
    503,
    "there is no memory for another body that must be seen whole",
);
/// Our own mistake.
pub(crate) const INTERNAL: Reason = Reason::new("internal", 500, "the gateway failed");
/// A body of unknown length that cannot be passed on as it is.
pub(crate) const LENGTH_REQUIRED: Reason = Reason::new(
    "length-required",
    411,
    "a body of this size must declare its length",
);

/// All reasons, with their words.
pub(crate) const ALL: &[(&str, &Reason)] = &[
    (UPSTREAM, &UNAVAILABLE),
    (UPSTREAM, &IN_FLIGHT),
    (UPSTREAM, &RATE),
    (UPSTREAM, &CONNECT),
    (UPSTREAM, &TLS),
    (UPSTREAM, &TIMEOUT),
    (UPSTREAM, &TOTAL_TIMEOUT),
    (UPSTREAM, &RESET),
    (UPSTREAM, &PROTOCOL),
    (UPSTREAM, &SWITCH),
    (GATEWAY, &INTERNAL),
    (GATEWAY, &BODIES_FULL),
    (GATEWAY, &LENGTH_REQUIRED),
    (GATEWAY, &OVERLOADED),
];

/// Every reason for which the gateway itself refuses a request whose head could be read, with its word.
pub(crate) fn own() -> impl Iterator<Item = (&'static str, &'static Reason)> {
    let request = guard::REQUEST_REASONS
        .iter()
        .map(|reason| (guard::GUARD, *reason));
    let route = guard::ROUTE_REASONS
        .iter()
        .map(|reason| (guard::ROUTING, *reason));
    request.chain(route).chain(ALL.iter().copied())
}
