//! Names to addresses, off the request path and again and again.
//!
//! A name that stops resolving keeps its last addresses, and one that never resolved only leaves its
//! upstream or service without endpoints. The operating system's resolver is asked, so `/etc/hosts` and search domains
//! apply; it hides the time to live, hence the fixed period.

use std::collections::BTreeSet;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::pool::Member;
use super::spread::spread;
use super::{Source, Upstream};

/// Time between two looks at a name, spread by a fifth.
const PERIOD: Duration = Duration::from_secs(30);

/// First pause while a name has never resolved; it doubles up to the period.
const FIRST_PAUSE: Duration = Duration::from_secs(1);

/// Time for one answer. The resolver itself cannot be stopped, but nobody waits for it any longer.
const ANSWER_TIME: Duration = Duration::from_secs(10);

/// Addresses used of one answer, lowest first; more would only be many connections.
const ADDRESSES_MAX: usize = 64;

/// Who is asked.
pub(super) trait Lookup: Send + Sync + 'static {
    /// The addresses of a name.
    fn addresses(&self, host: &str, port: u16) -> impl Future<Output = io::Result<Vec<SocketAddr>>> + Send;
}

/// The operating system's resolver.
#[derive(Debug)]
pub(super) struct System;

impl Lookup for System {
    async fn addresses(&self, host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        Ok(tokio::net::lookup_host((host, port)).await?.collect())
    }
}

/// Keeps the endpoints of an upstream at the addresses of its names. Ends when it is cancelled.
pub(super) async fn keep_resolved<L: Lookup>(upstream: Arc<Upstream>, lookup: Arc<L>) {
    let names = upstream.sources.iter().filter_map(Name::of).collect();
    let owner = format!("upstream {}", upstream.name);
    repeat(names, &lookup, &owner, |names| {
        upstream.set_members(&members(&upstream.sources, names));
    })
    .await;
}

/// Tells the addresses of one name for as long as anybody wants to know them. `owner` is whose it is, for the log.
pub(crate) async fn follow(host: Arc<str>, port: u16, owner: String, tell: watch::Sender<Arc<[SocketAddr]>>) {
    let names = vec![Name::new(host, port)];
    let lookup = Arc::new(System);
    let following = repeat(names, &lookup, &owner, |names| {
        let known = names.iter().flat_map(|name| &name.known);
        tell.send_replace(known.copied().collect());
    });
    tokio::select! {
        () = following => {}
        () = tell.closed() => {}
    }
}

/// Looks at names again and again, and says when any of them has other addresses.
async fn repeat<L: Lookup>(
    mut names: Vec<Name>,
    lookup: &Arc<L>,
    owner: &str,
    mut changed: impl FnMut(&[Name]),
) {
    let mut pause = FIRST_PAUSE;
    loop {
        if look_up(&mut names, lookup, owner).await {
            changed(&names);
        }
        if names.iter().all(|name| !name.known.is_empty()) {
            pause = PERIOD;
        }
        sleep(spread(pause)).await;
        pause = (pause * 2).min(PERIOD);
    }
}

/// A name and what it last resolved to.
#[derive(Debug)]
struct Name {
    host: Arc<str>,
    port: u16,
    known: BTreeSet<SocketAddr>,
    /// The last answer was an error; said once.
    failing: bool,
}

impl Name {
    const fn new(host: Arc<str>, port: u16) -> Self {
        Self {
            host,
            port,
            known: BTreeSet::new(),
            failing: false,
        }
    }

    fn of(source: &Source) -> Option<Self> {
        match source {
            Source::Address(_) => None,
            Source::Name { host, port, .. } => Some(Self::new(Arc::clone(host), *port)),
        }
    }

    /// Takes an answer in; whether the addresses are others now.
    fn learn(&mut self, answer: io::Result<Vec<SocketAddr>>, owner: &str) -> bool {
        let addresses = match answer.map(usable) {
            Ok(addresses) if !addresses.is_empty() => addresses,
            Ok(_) => return self.fail(&"the answer is empty", owner),
            Err(error) => return self.fail(&error, owner),
        };
        self.failing = false;
        let is_other = addresses != self.known;
        if is_other {
            log::info!("{owner}: {} resolves to {addresses:?}", self.host);
            self.known = addresses;
        }
        is_other
    }

    fn fail(&mut self, error: &dyn std::fmt::Display, owner: &str) -> bool {
        if !self.failing {
            let kept = self.known.len();
            log::warn!(
                "{owner}: {} does not resolve ({error}); {kept} addresses kept",
                self.host
            );
        }
        self.failing = true;
        false
    }
}

/// What of an answer is used. Where a name has addresses of both families the IPv4 ones are, because a
/// machine without an IPv6 route still gets IPv6 answers and half of all connections would fail.
fn usable(answer: Vec<SocketAddr>) -> BTreeSet<SocketAddr> {
    let has_v4 = answer.iter().any(SocketAddr::is_ipv4);
    let sorted: BTreeSet<_> = answer
        .into_iter()
        .filter(|address| address.is_ipv4() == has_v4)
        .collect();
    sorted.into_iter().take(ADDRESSES_MAX).collect()
}

/// Asks for all names at once; whether any addresses changed.
async fn look_up<L: Lookup>(names: &mut [Name], lookup: &Arc<L>, owner: &str) -> bool {
    let mut questions = JoinSet::new();
    for (position, name) in names.iter().enumerate() {
        let (lookup, host, port) = (Arc::clone(lookup), Arc::clone(&name.host), name.port);
        questions.spawn(async move {
            let answer = timeout(ANSWER_TIME, lookup.addresses(&host, port)).await;
            (
                position,
                answer.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into())),
            )
        });
    }
    let mut is_other = false;
    while let Some(answered) = questions.join_next().await {
        let Ok((position, answer)) = answered else {
            continue;
        };
        if let Some(name) = names.get_mut(position) {
            is_other |= name.learn(answer, owner);
        }
    }
    is_other
}

/// The members in file order, a name standing for all its addresses with its weight each.
fn members(sources: &[Source], names: &[Name]) -> Vec<Member> {
    let mut names = names.iter();
    let mut members = Vec::new();
    for source in sources {
        match source {
            Source::Address(member) => members.push(*member),
            Source::Name { weight, .. } => {
                let known = names.next().map(|name| &name.known).into_iter().flatten();
                members.extend(known.map(|&address| Member {
                    address,
                    weight: *weight,
                }));
            }
        }
    }
    members
}

#[cfg(test)]
mod tests;
