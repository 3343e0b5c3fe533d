//! What a hook answers: pass, deny, reply or fault, and the constant reason behind a refusal.
//!
//! Nothing here is formatted: a verdict carries references to constants, and the engine renders them.

use bytes::Bytes;
use http::header::{HeaderName, HeaderValue};

use crate::details::Details;

/// Header fields of an answer, in order.
pub type Fields = Vec<(HeaderName, HeaderValue)>;

/// What a hook answers.
#[must_use = "a verdict that is not returned protects nothing"]
#[derive(Debug)]
pub enum Verdict {
    /// Go on to the next filter.
    Pass,
    /// Stop; the client may not. Always 4xx or 5xx, always with a reason.
    Deny(Denial),
    /// Stop; this is the answer (redirect, preflight, cached).
    Reply(Box<Reply>),
    /// The filter could not decide. The policy says what that means (`on-fault`), never the filter.
    Fault(Fault),
}

/// Why. A constant next to the code that uses it: log value, metric label, manual entry, test expectation.
///
/// The code is local to its filter: `outside` of the filter `addresses` is written `addresses.outside`.
#[derive(Debug, PartialEq, Eq)]
pub struct Reason {
    code: &'static str,
    status: u16,
    text: &'static str,
}

impl Reason {
    /// A reason with its code (kebab-case), HTTP status and one sentence for the client without a full stop.
    ///
    /// # Panics
    /// At compile time when `status` is not an error status.
    #[must_use]
    pub const fn new(code: &'static str, status: u16, text: &'static str) -> Self {
        assert!(
            status >= 400 && status <= 599,
            "a reason refuses, so its status is 4xx or 5xx"
        );
        Self { code, status, text }
    }

    /// The code, without the filter's name.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        self.code
    }

    /// HTTP status of the refusal.
    #[must_use]
    pub const fn status(&self) -> u16 {
        self.status
    }

    /// One sentence for the client.
    #[must_use]
    pub const fn text(&self) -> &'static str {
        self.text
    }

    /// Refuse for this reason.
    pub const fn deny(&'static self) -> Verdict {
        self.deny_with(Vec::new())
    }

    /// Refuse for this reason, with header fields on the answer.
    pub const fn deny_with(&'static self, fields: Fields) -> Verdict {
        self.deny_limit(0, fields)
    }

    /// Refuse for this reason, and tell where it applies: the answer lists the places under `errors`.
    pub fn deny_at(&'static self, details: Details) -> Verdict {
        Verdict::Deny(Denial {
            reason: self,
            fields: Vec::new(),
            details: Some(Box::new(details)),
            limit: 0,
        })
    }

    /// Refuse for this reason, which is that the limit was used up to which
    /// [`Boot::name_limit`](crate::Boot::name_limit) gave this number.
    pub const fn deny_limit(&'static self, limit: u8, fields: Fields) -> Verdict {
        Verdict::Deny(Denial {
            reason: self,
            fields,
            details: None,
            limit,
        })
    }

    /// Report for this reason that no decision was possible.
    pub const fn fault(&'static self) -> Verdict {
        Verdict::Fault(Fault { reason: self })
    }
}

/// A stop and its cause.
#[derive(Debug)]
pub struct Denial {
    /// The constant cause.
    pub reason: &'static Reason,
    /// Fields that the answer must carry, such as `WWW-Authenticate` or `Retry-After`.
    pub fields: Fields,
    /// Where in the request it applies. Boxed, since most refusals have none.
    pub details: Option<Box<Details>>,
    /// Which of the filter's named limits was used up, if that is the cause.
    pub limit: u8,
}

/// A complete answer made by a filter.
#[derive(Debug)]
pub struct Reply {
    /// HTTP status, 200 to 599.
    pub status: u16,
    /// Header fields; `Content-Length` is set by the engine.
    pub fields: Fields,
    /// The body.
    pub body: Bytes,
    /// Whether it stands in for a refusal, such as a redirect to where people sign in. In a group, later branches are
    /// asked before it is told; any other answer ends the group.
    pub refuses: bool,
}

/// "Could not decide": the world failed, not the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The constant cause; its status is used when the policy says `on-fault: deny`.
    pub reason: &'static Reason,
}

#[cfg(test)]
mod tests {
    use super::*;

    const OUTSIDE: Reason = Reason::new("outside", 403, "the address is not in an allowed network");

    #[test]
    fn a_denial_points_at_its_constant() {
        let Verdict::Deny(denial) = OUTSIDE.deny() else {
            panic!("deny() denies")
        };
        assert_eq!((denial.reason.code(), denial.reason.status()), ("outside", 403));
    }

    #[test]
    fn a_verdict_stays_small_enough_to_return_by_value() {
        assert!(size_of::<Verdict>() <= 48, "{}", size_of::<Verdict>());
    }
}
