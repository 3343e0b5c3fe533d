//! How many connections may be open: per listener, and per client network.
//!
//! Counted once per connection, never per request. It only counts; closing what is over the bound is
//! the accept loop's business.

use std::collections::HashMap;
use std::fmt;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use foldhash::fast::RandomState;

/// Locks over which the clients are spread; each is held for one look-up.
const SHARDS: usize = 16;

/// Why a connection is not admitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Excess {
    /// `connections` are open.
    Listener,
    /// `connections-per-client` are open from this network.
    Client,
}

/// The connections of a listener. A client is an IPv4 address or an IPv6 /64: who has one address of
/// a /64 has them all.
pub(super) struct Admission {
    open: AtomicU32,
    open_max: u32,
    per_client_max: u32,
    /// Bounded by `open_max`: a client is forgotten with its last connection.
    clients: [Mutex<HashMap<u64, u32, RandomState>>; SHARDS],
}

impl Admission {
    pub(super) fn new(open_max: u32, per_client_max: u32) -> Arc<Self> {
        let clients = std::array::from_fn(|_| Mutex::default());
        Arc::new(Self {
            open: AtomicU32::new(0),
            open_max,
            per_client_max,
            clients,
        })
    }

    /// Count a connection in; it counts until the permit is dropped.
    pub(super) fn admit(self: &Arc<Self>, address: IpAddr) -> Result<Permit, Excess> {
        if self.open.fetch_add(1, Ordering::Relaxed) >= self.open_max {
            self.open.fetch_sub(1, Ordering::Relaxed);
            return Err(Excess::Listener);
        }
        let client = network(address);
        if self.has_client_bound() {
            let mut clients = self.shard(client).lock().unwrap_or_else(PoisonError::into_inner);
            let open = clients.entry(client).or_insert(0);
            if *open >= self.per_client_max {
                drop(clients);
                self.open.fetch_sub(1, Ordering::Relaxed);
                return Err(Excess::Client);
            }
            *open += 1;
        }
        Ok(Permit {
            admission: self.clone(),
            client,
            worker: None,
        })
    }

    /// Without a tighter bound per client there is nothing to look up.
    const fn has_client_bound(&self) -> bool {
        self.per_client_max < self.open_max
    }

    fn shard(&self, client: u64) -> &Mutex<HashMap<u64, u32, RandomState>> {
        // The lowest bits of an IPv4 address and of an IPv6 /64 differ most between neighbours.
        let [first, ..] = &self.clients;
        self.clients.get(client as usize % SHARDS).unwrap_or(first)
    }

    fn release(&self, client: u64) {
        self.open.fetch_sub(1, Ordering::Relaxed);
        if self.has_client_bound() {
            let mut clients = self.shard(client).lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(open) = clients.get_mut(&client) {
                *open -= 1;
                if *open == 0 {
                    clients.remove(&client);
                }
            }
        }
    }
}

impl fmt::Debug for Admission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} of {} connections",
            self.open.load(Ordering::Relaxed),
            self.open_max
        )
    }
}

/// An admitted connection.
#[derive(Debug)]
pub(super) struct Permit {
    admission: Arc<Admission>,
    client: u64,
    /// Connections of the worker that serves it.
    worker: Option<Arc<AtomicUsize>>,
}

impl Permit {
    /// Count the connection among those of a worker, and no longer among those of another one.
    pub(super) fn on(mut self, worker: &Arc<AtomicUsize>) -> Self {
        worker.fetch_add(1, Ordering::Relaxed);
        if let Some(other) = self.worker.replace(worker.clone()) {
            other.fetch_sub(1, Ordering::Relaxed);
        }
        self
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        if let Some(worker) = &self.worker {
            worker.fetch_sub(1, Ordering::Relaxed);
        }
        self.admission.release(self.client);
    }
}

/// The /32 or /64 as a number. IPv4 lies where no routable IPv6 prefix does (0::/32).
fn network(address: IpAddr) -> u64 {
    match address.to_canonical() {
        IpAddr::V4(address) => u64::from(address.to_bits()),
        IpAddr::V6(address) => (address.to_bits() >> 64) as u64,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admit(admission: &Arc<Admission>, address: &str) -> Result<Permit, Excess> {
        admission.admit(address.parse().unwrap())
    }

    #[test]
    fn the_listener_is_full_until_a_connection_closes() {
        let admission = Admission::new(2, 2);
        let first = admit(&admission, "192.0.2.1").unwrap();
        let _second = admit(&admission, "192.0.2.1").unwrap();
        assert_eq!(admit(&admission, "192.0.2.2").unwrap_err(), Excess::Listener);
        drop(first);
        assert!(admit(&admission, "192.0.2.2").is_ok());
    }

    #[test]
    fn a_client_is_an_address_or_a_64() {
        let admission = Admission::new(100, 1);
        let _four = admit(&admission, "192.0.2.1").unwrap();
        assert_eq!(admit(&admission, "::ffff:192.0.2.1").unwrap_err(), Excess::Client);
        let _neighbour = admit(&admission, "192.0.2.2").unwrap();
        let _six = admit(&admission, "2001:db8:1:2::1").unwrap();
        assert_eq!(
            admit(&admission, "2001:db8:1:2:ffff::9").unwrap_err(),
            Excess::Client
        );
        let _other = admit(&admission, "2001:db8:1:3::1").unwrap();
    }

    #[test]
    fn a_client_is_forgotten_with_its_last_connection() {
        let admission = Admission::new(100, 5);
        drop(admit(&admission, "192.0.2.1").unwrap());
        assert!(
            admission
                .clients
                .iter()
                .all(|shard| shard.lock().unwrap().is_empty())
        );
        assert_eq!(admission.open.load(Ordering::Relaxed), 0);
    }
}
