//! Readiness of sockets, by epoll.
//!
//! It owns no socket; whoever registers one closes it, which ends the registration.

use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};
use std::time::Duration;

use rustix::event::Timespec;
use rustix::event::epoll::{self, CreateFlags, Event, EventData, EventFlags};
use rustix::io::Errno;

/// Most events taken at once.
const BATCH: usize = 512;

/// A set of sockets.
#[derive(Debug)]
pub struct Poller {
    epoll: OwnedFd,
    tokens: Vec<u64>,
}

impl Poller {
    /// An empty set.
    pub fn new() -> Result<Self, Errno> {
        Ok(Self {
            epoll: epoll::create(CreateFlags::CLOEXEC)?,
            tokens: Vec::with_capacity(BATCH),
        })
    }

    /// Watches a listening socket; reported as long as a connection waits.
    pub fn listen(&self, socket: impl AsFd, token: u64) -> Result<(), Errno> {
        epoll::add(&self.epoll, socket, EventData::new_u64(token), EventFlags::IN)
    }

    /// Watches a connection; each change is reported once.
    pub fn watch(&self, socket: impl AsFd, token: u64) -> Result<(), Errno> {
        let flags = EventFlags::IN | EventFlags::OUT | EventFlags::RDHUP | EventFlags::ET;
        epoll::add(&self.epoll, socket, EventData::new_u64(token), flags)
    }

    /// Waits until something happens, at most `limit`, and tells to which tokens.
    pub fn wait(&mut self, limit: Option<Duration>) -> Result<Vec<u64>, Errno> {
        let limit = limit.map(|limit| Timespec {
            tv_sec: i64::try_from(limit.as_secs()).unwrap_or(i64::MAX),
            tv_nsec: i64::from(limit.subsec_nanos()),
        });
        let mut room = [MaybeUninit::<Event>::uninit(); BATCH];
        let mut tokens = std::mem::take(&mut self.tokens);
        tokens.clear();
        match epoll::wait(&self.epoll, &mut room, limit.as_ref()) {
            Ok((events, _)) => tokens.extend(events.iter().map(|event| { event.data }.u64())),
            Err(Errno::INTR) => {}
            Err(error) => return Err(error),
        }
        Ok(tokens)
    }

    /// Gives the list back, so that waiting costs no heap call.
    pub fn recycle(&mut self, tokens: Vec<u64>) {
        self.tokens = tokens;
    }
}
