//! A world that lets everybody wait: what a service, a store or a thread says comes a moment later, as it does live.
//!
//! Says nothing of its own.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;

use crate::host::{Answer, Blocking, Call, Charge, Charged, Pending, Store, Transport};
use crate::time::Wall;
use crate::verdict::Fault;

/// Whatever stands behind it, later.
pub(super) struct Later<T: ?Sized>(pub(super) Arc<T>);

/// Is not ready when it is looked at first.
async fn once() {
    let mut was_asked = false;
    poll_fn(|context| {
        if std::mem::replace(&mut was_asked, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

async fn after<T>(answer: Pending<'_, T>) -> T {
    once().await;
    answer.await
}

impl Transport for Later<dyn Transport> {
    fn call(&self, call: Call) -> Pending<'_, Result<Answer, Fault>> {
        Box::pin(after(self.0.call(call)))
    }
}

impl Blocking for Later<dyn Blocking> {
    fn run(&self, work: Box<dyn FnOnce() + Send>) -> Pending<'_, ()> {
        Box::pin(after(self.0.run(work)))
    }
}

impl Store for Later<dyn Store> {
    fn charge(&self, charges: Vec<Charge>, now: Wall) -> Pending<'_, Result<Vec<Charged>, Fault>> {
        Box::pin(after(self.0.charge(charges, now)))
    }

    fn add(&self, key: &[u8], amount: i64, ttl: Duration) -> Pending<'_, Result<i64, Fault>> {
        Box::pin(after(self.0.add(key, amount, ttl)))
    }

    fn get(&self, key: &[u8]) -> Pending<'_, Result<Option<Bytes>, Fault>> {
        Box::pin(after(self.0.get(key)))
    }

    fn put(&self, key: &[u8], value: Bytes, ttl: Duration) -> Pending<'_, Result<(), Fault>> {
        Box::pin(after(self.0.put(key, value, ttl)))
    }

    fn put_new(&self, key: &[u8], value: Bytes, ttl: Duration) -> Pending<'_, Result<bool, Fault>> {
        Box::pin(after(self.0.put_new(key, value, ttl)))
    }
}
