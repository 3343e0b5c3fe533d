//! Letting other exchanges of the worker go first.
//!
//! It is a wait without a reason to wait for: nothing but the order of work changes.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

/// Ready when whatever else the worker can do at once has been done.
///
/// A hook that computes for more than a few microseconds, such as the check of a signature, awaits this
/// first: cheap exchanges are not held up behind it, and what the worker sends leaves in bursts, which wakes
/// its peers less often.
///
/// ```
/// # use adamant_filter::{Request, Verdict, after_others};
/// async fn check(_request: &mut Request) -> Verdict {
///     after_others().await;
///     Verdict::Pass
/// }
/// ```
#[must_use = "a turn that is not awaited is not given"]
pub fn after_others() -> AfterOthers {
    AfterOthers { waited: false }
}

/// The future of [`after_others`].
#[derive(Debug)]
pub struct AfterOthers {
    waited: bool,
}

impl Future for AfterOthers {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if self.waited {
            return Poll::Ready(());
        }
        self.waited = true;
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}
