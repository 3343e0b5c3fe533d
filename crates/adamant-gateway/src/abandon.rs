//! Exchanges that nobody finished: a client's connection was lost with them, the time to drain was over, or
//! a panic took their task. They are counted as ended and stand in the log like all others.
//!
//! Off the ordinary path: a carrier that ends an exchange itself never comes here.

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Weak};

use adamant_observe::Failure;
use pingora::http::RequestHeader;

use crate::engine::Engine;
use crate::exchange::Exchange;

thread_local! {
    /// What exchanges of this worker are written down by. Hooks of the general carrier cannot keep a
    /// reference from one moment to the next, and a count per exchange would be shared by all workers.
    static ENGINE: RefCell<Weak<Engine>> = const { RefCell::new(Weak::new()) };
}

/// Names the engine of the worker that this thread is.
pub(crate) fn enter(engine: &Arc<Engine>) {
    ENGINE.set(Arc::downgrade(engine));
}

/// Writes an exchange down that is dropped in its middle.
pub(crate) fn write_down(exchange: &mut Exchange) {
    let engine = ENGINE.try_with(|engine| engine.try_borrow().ok()?.upgrade());
    let Ok(Some(engine)) = engine else { return };
    exchange.failure = Some(cause(exchange));
    if exchange.lent.is_away {
        restore_head(exchange);
    }
    // A second panic while the first one unwinds would end the process.
    let _ = catch_unwind(AssertUnwindSafe(|| engine.finish(exchange)));
}

/// Why an exchange was dropped.
fn cause(exchange: &Exchange) -> Failure {
    if std::thread::panicking() {
        return Failure::Internal;
    }
    let connection = exchange.connection.as_ref();
    match connection {
        Some(connection) if connection.breach().is_some() => Failure::ClientTimeout,
        Some(connection) if connection.is_draining() => Failure::Shutdown,
        _ => Failure::ClientAborted,
    }
}

/// The carrier's head is lost with it; its first line was kept.
fn restore_head(exchange: &mut Exchange) {
    let lent = &exchange.lent;
    if let Ok(mut head) = RequestHeader::build(lent.method.clone(), lent.target.as_bytes(), None) {
        head.set_version(lent.version);
        exchange.plan.request.swap_head(&mut head);
    }
}
