//! Futures that are ready at once and hold nothing, so that boxing them costs no heap call.
//!
//! They never carry a value that is only known at run time; `settled` is for those that can fail.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use pingora::Result;

/// What a hand-written hook of `ProxyHttp` returns.
pub type Hook<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// `Ok(())`.
#[derive(Debug)]
pub struct Passed;

impl Future for Passed {
    type Output = Result<()>;

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Self::Output> {
        Poll::Ready(Ok(()))
    }
}

/// `Ok(YES)`.
#[derive(Debug)]
pub struct Answer<const YES: bool>;

impl<const YES: bool> Future for Answer<YES> {
    type Output = Result<bool>;

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Self::Output> {
        Poll::Ready(Ok(YES))
    }
}

/// `()`.
#[derive(Debug)]
pub struct Unit;

impl Future for Unit {
    type Output = ();

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        Poll::Ready(())
    }
}

/// A result that is already known; only a failure costs a heap call.
pub fn settled<'a>(result: Result<()>) -> Hook<'a, Result<()>> {
    match result {
        Ok(()) => Box::pin(Passed),
        Err(error) => Box::pin(std::future::ready(Err(error))),
    }
}

/// Writes one hook of `ProxyHttp` by hand, with the lifetimes that `async_trait` gave the declaration.
///
/// `['s, 'c]` are the lifetimes of the borrowed arguments after `self`, in their order.
#[macro_export]
macro_rules! hook {
    ([$($life:lifetime),*] fn $name:ident($this:ident $(, $arg:ident: $kind:ty)*) -> $out:ty $body:block) => {
        fn $name<'me, $($life,)* 'run>(&'me $this $(, $arg: $kind)*) -> $crate::still::Hook<'run, $out>
        where
            'me: 'run,
            $($life: 'run,)*
            Self: 'run,
        $body
    };
}
