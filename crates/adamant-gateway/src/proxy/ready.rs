//! Futures that are ready at once and have no state: boxing them allocates nothing.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use pingora::Result;

/// What a hook returns.
pub(super) type Hook<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Ready with `Ok(())`.
pub(super) struct Done;

impl Future for Done {
    type Output = Result<()>;

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Self::Output> {
        Poll::Ready(Ok(()))
    }
}

/// Ready with `Ok(ANSWER)`.
pub(super) struct Says<const ANSWER: bool>;

impl<const ANSWER: bool> Future for Says<ANSWER> {
    type Output = Result<bool>;

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Self::Output> {
        Poll::Ready(Ok(ANSWER))
    }
}

/// Ready with nothing.
pub(super) struct Nothing;

impl Future for Nothing {
    type Output = ();

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        Poll::Ready(())
    }
}
