//! Room on the heap for the work on one exchange, used again for the next one of the worker.
//!
//! The work cannot stand in the connection's own task: that would make every idle connection as large as a busy
//! one.

use std::cell::RefCell;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio_util::sync::ReusableBoxFuture;

use crate::listen::ClientStream;

/// The stream, when the connection can go on.
type Served = Option<Box<ClientStream>>;

/// Rooms that a worker keeps for exchanges to come.
const SPARE_MAX: usize = 256;

thread_local! {
    static SPARE: RefCell<Vec<ReusableBoxFuture<'static, Served>>> = const { RefCell::new(Vec::new()) };
}

/// Work in its room. The room goes back when the work is done.
pub(super) struct Room(Option<ReusableBoxFuture<'static, Served>>);

impl Room {
    /// Allocates only when more exchanges are in progress than ever before on this thread.
    pub(super) fn around(work: impl Future<Output = Served> + Send + 'static) -> Self {
        let spare = SPARE.with(|spare| spare.try_borrow_mut().ok().and_then(|mut spare| spare.pop()));
        Self(Some(match spare {
            Some(mut room) => {
                room.set(work);
                room
            }
            None => ReusableBoxFuture::new(work),
        }))
    }
}

impl Future for Room {
    type Output = Served;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Served> {
        let Some(room) = &mut self.0 else {
            return Poll::Ready(None);
        };
        let served = ready!(room.poll(context));
        if let Some(room) = self.0.take() {
            SPARE.with(|spare| {
                if let Ok(mut spare) = spare.try_borrow_mut()
                    && spare.len() < SPARE_MAX
                {
                    spare.push(room);
                }
            });
        }
        Poll::Ready(served)
    }
}
