//! One client for each runtime: a connection is driven by the runtime on which it was made, and waits for
//! ever on any other.
//!
//! Workers are threads with a runtime of their own and background work has another, so a client lives with
//! its thread. The number of the runtime is kept beside it for threads that see several, one after the other.

use std::cell::RefCell;
use std::sync::Arc;

use tokio::runtime::{Handle, Id};

use crate::upstream::authorities;
use crate::upstream::client::{Client, NO_AUTHORITIES};

thread_local! {
    static CLIENTS: RefCell<Vec<(Id, Trust, Arc<Client>)>> = const { RefCell::new(Vec::new()) };
}

/// Whose word a client takes by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trust {
    /// That of the authorities that the service brings.
    Own,
    /// That of the system's.
    System,
}

/// The client of the runtime on which this is called. The first call of a thread to a service that the system's
/// authorities vouch for reads them, which takes some milliseconds; no other does. None when the system's authorities are gone since the
/// boot, because Pingora would panic.
pub(super) fn of_this_runtime(trust: Trust) -> Option<Arc<Client>> {
    let runtime = Handle::try_current().ok()?.id();
    CLIENTS.with_borrow_mut(|clients| {
        clients.retain(|(known, _, _)| *known == runtime);
        let known = clients.iter().find(|(_, whose, _)| *whose == trust);
        if let Some((_, _, client)) = known {
            return Some(Arc::clone(client));
        }
        let client = match trust {
            Trust::Own => Client::new(Some(NO_AUTHORITIES)),
            Trust::System => {
                authorities::check_system().ok()?;
                Client::new(None)
            }
        };
        let client = Arc::new(client);
        clients.push((runtime, trust, Arc::clone(&client)));
        Some(client)
    })
}
