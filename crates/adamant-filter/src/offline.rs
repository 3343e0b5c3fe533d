//! What stands for the outside world where there is none: `check`, `explain`, `show`, `test` and trials.
//!
//! Never calls anybody.

use std::future::ready;

use crate::host::{Answer, Call, Pending, Transport};
use crate::verdict::{Fault, Reason};

/// Nobody answers here.
pub const NO_ANSWER: Reason = Reason::new("no-answer", 503, "offline, no service answers");

/// A service of which every call is the fault [`NO_ANSWER`].
#[derive(Clone, Copy, Debug)]
pub struct Unanswered;

impl Transport for Unanswered {
    fn call(&self, _call: Call) -> Pending<'_, Result<Answer, Fault>> {
        Box::pin(ready(Err(Fault { reason: &NO_ANSWER })))
    }
}
