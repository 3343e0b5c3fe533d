//! What came of a trial, to be looked at in a test.
//!
//! Runs nothing.

use pingora_http::ResponseHeader;

use crate::verdict::{Denial, Verdict};

/// What becomes of an endpoint's answer.
#[derive(Debug)]
pub struct Carried {
    /// The first verdict that was no pass. Where [`Carried::is_held`] is not set, the head has left before.
    pub verdict: Verdict,
    /// The head that the client sees, but for the length of a held body.
    pub head: ResponseHeader,
    /// The body that the client sees.
    pub body: Vec<u8>,
    /// The body was held before the head left.
    pub is_held: bool,
}

/// What a filter answered, to be compared in a test.
#[derive(Debug)]
pub struct Outcome {
    /// The verdict.
    pub verdict: Verdict,
    pub(super) name: &'static str,
}

impl Outcome {
    /// # Panics
    /// When the filter did not let the request pass.
    pub fn passes(self) {
        assert!(
            matches!(self.verdict, Verdict::Pass),
            "expected a pass: {:?}",
            self.verdict
        );
    }

    /// The denial, checked for its full code such as `addresses.outside`.
    ///
    /// # Panics
    /// When the filter did not deny for this reason.
    pub fn denied(self, code: &str) -> Denial {
        match self.verdict {
            Verdict::Deny(denial) => {
                assert_eq!(format!("{}.{}", self.name, denial.reason.code()), code);
                denial
            }
            #[expect(clippy::panic, reason = "a test bench fails the test")]
            other => panic!("expected the denial {code}: {other:?}"),
        }
    }
}
