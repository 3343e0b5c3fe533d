//! Calls that filters make: to whom, with whose proof, and by which client.
//!
//! A service is proved when the filter is built, by the same rules in the running gateway and offline. A call
//! has one deadline for all of it and follows no redirect. Names are looked up in the background, never by a
//! request; a request only waits for a name that has not resolved yet.

mod clients;
mod origin;

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use adamant_filter::unanswered::{BROKEN, LATE, LONG, UNREACHABLE, UNSENDABLE};
use adamant_filter::{Answer, Call, Fault, Fields, Pending, Problem, Reason, Target, Transport};
use adamant_policy::receive::HOP_BY_HOP;
use http::uri::PathAndQuery;
use http::{HeaderName, StatusCode, header};
use pingora::upstreams::peer::{HttpPeer, HttpUpstreamRequestPolicy};
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::time::timeout;

use crate::upstream::authorities;
use crate::upstream::client::{self, CallError, Keep};
use crate::upstream::resolve;
use clients::Trust;
use origin::{Host, Origin};

/// Time that a connection waits for the next call. Short, because many services close after less than a
/// minute, and a call that may not be repeated would meet a connection that is just being closed.
const IDLE_TIME: Duration = Duration::from_secs(20);

/// Addresses of a name that one call tries.
const TRIES: usize = 3;

/// Fields of the connection and of the framing, beside [`HOP_BY_HOP`].
const CONNECTION_FIELDS: [HeaderName; 8] = [
    header::HOST,
    header::CONTENT_LENGTH,
    header::TRANSFER_ENCODING,
    header::CONNECTION,
    header::UPGRADE,
    header::TE,
    header::TRAILER,
    header::EXPECT,
];

/// Tells services apart in pools of connections, which look at no authorities.
static NEXT_GROUP: AtomicU64 = AtomicU64::new(1);

/// A target that was found to be allowed, not reached by anything yet.
#[derive(Debug)]
pub(crate) struct Service {
    origin: Origin,
    /// Everything of a connection but its address.
    peer: HttpPeer,
    trust: Trust,
    timeout: Duration,
    answer_max: usize,
}

impl Service {
    /// Proves a target. `read` returns the bytes of a file that the policy names.
    ///
    /// # Errors
    /// When the origin is none or is not allowed, or its authorities cannot be used.
    pub(crate) fn new(
        target: &Target,
        read: &dyn Fn(&Path) -> std::io::Result<Vec<u8>>,
    ) -> Result<Self, Problem> {
        let origin = Origin::parse(&target.origin)?;
        let name = if origin.is_secure {
            origin.host.to_string()
        } else {
            String::new()
        };
        let mut peer = HttpPeer::new((Ipv4Addr::UNSPECIFIED, 0), origin.is_secure, name);
        peer.group_key = NEXT_GROUP.fetch_add(1, Ordering::Relaxed);
        let trust = match &target.authorities {
            Some(_) if !origin.is_secure => {
                let text = format!(
                    "`{}` proves nothing, so no authorities can vouch for it",
                    target.origin
                );
                return Err(not_allowed(
                    text,
                    "leave the authorities out, or call it by https",
                ));
            }
            Some(path) => {
                let ca = authorities::load(path, read).map_err(|error| {
                    let help = "give it the certificates of the authorities in PEM";
                    Problem::new("files.unreadable", error.to_string()).with_help(help)
                })?;
                peer.options.ca = Some(ca);
                Trust::Own
            }
            None if origin.is_secure => Trust::System,
            None => Trust::Own,
        };
        let options = &mut peer.options;
        options.set_http_version(1, 1);
        // The deadline of the whole call is the only one: two that end together would race for the reason.
        options.read_timeout = None;
        options.write_timeout = None;
        options.idle_timeout = Some(IDLE_TIME);
        options.http_upstream_request_policy = HttpUpstreamRequestPolicy::deny_upgrades();
        Ok(Self {
            origin,
            peer,
            trust,
            timeout: target.timeout,
            answer_max: usize::try_from(target.answer_max).unwrap_or(usize::MAX),
        })
    }

    /// The service, with its name looked up on `background` from now on.
    ///
    /// # Errors
    /// When it is to be proved by the system's authorities and there are none.
    pub(crate) fn live(self, background: &Handle) -> Result<Arc<dyn Transport>, Problem> {
        if self.trust == Trust::System {
            authorities::check_system().map_err(|error| {
                let text = format!("`{}` cannot be verified: {error}", self.origin);
                not_allowed(text, "install the system's authorities, or name a file of them")
            })?;
        }
        let addresses = match &self.origin.host {
            Host::Address(ip) => watch::channel(Arc::from([(*ip, self.origin.port).into()])).1,
            Host::Name(name) => {
                let (tell, addresses) = watch::channel(Arc::default());
                let owner = format!("service {}", self.origin);
                background.spawn(resolve::follow(Arc::clone(name), self.origin.port, owner, tell));
                addresses
            }
        };
        Ok(Arc::new(Live {
            host: self.origin.authority(),
            service: self,
            addresses,
            first: AtomicUsize::new(0),
            is_failing: AtomicBool::new(false),
        }))
    }
}

/// A target that no filter may have.
fn not_allowed(text: String, help: &str) -> Problem {
    Problem::new("capabilities.outbound", text).with_help(help)
}

/// A service that is called.
#[derive(Debug)]
struct Live {
    service: Service,
    /// `Host` of every call.
    host: String,
    addresses: watch::Receiver<Arc<[SocketAddr]>>,
    /// The address that is tried first: one that was reached keeps its connections in use.
    first: AtomicUsize,
    /// Whether the last call was a fault; said once.
    is_failing: AtomicBool,
}

impl Transport for Live {
    fn call(&self, call: Call) -> Pending<'_, Result<Answer, Fault>> {
        Box::pin(async move {
            let outcome = match timeout(self.service.timeout, self.ask(&call)).await {
                Ok(outcome) => outcome,
                Err(_) => Err(Unanswered::from(CallError::TimedOut(self.service.timeout))),
            };
            self.tell(outcome.as_ref().err());
            outcome.map_err(|unanswered| Fault {
                reason: unanswered.reason,
            })
        })
    }
}

impl Live {
    /// Asks at one address after the other, as long as nobody is there.
    async fn ask(&self, call: &Call) -> Result<Answer, Unanswered> {
        let target = PathAndQuery::try_from(&*call.target)
            .ok()
            .filter(|target| target.as_str().starts_with('/'))
            .ok_or_else(|| Unanswered::new(&UNSENDABLE, "the target is not a path"))?;
        let client = clients::of_this_runtime(self.service.trust)
            .ok_or_else(|| Unanswered::new(&UNREACHABLE, "the system's authorities cannot be read"))?;
        let addresses = self.addresses().await?;
        let tries = addresses.len().clamp(1, TRIES);
        let first = self.first.load(Ordering::Relaxed) % addresses.len().max(1);
        let fields = own_fields(&call.fields);
        let mut peer = self.service.peer.clone();
        let share = self.service.timeout / u32::try_from(tries).unwrap_or(1);
        peer.options.connection_timeout = Some(share);
        peer.options.total_connection_timeout = Some(share);
        let mut last = Unanswered::new(&UNREACHABLE, "its name has no address");
        for (place, address) in addresses.iter().enumerate().cycle().skip(first).take(tries) {
            peer._address = (*address).into();
            let answer = client.send(client::Call {
                peer: &peer,
                method: call.method.clone(),
                target: target.as_str(),
                host: &self.host,
                fields: &fields,
                body: call.body.clone(),
                answer_max: Some(self.service.answer_max),
                deadline: self.service.timeout,
                keep: Keep::Idle,
            });
            match answer.await {
                Ok(answer) => return answered(answer),
                // Nothing was sent, so that another address may be asked.
                Err(error @ CallError::Connect(_)) => {
                    self.first.store(place + 1, Ordering::Relaxed);
                    last = error.into();
                }
                Err(error) => return Err(error.into()),
            }
        }
        Err(last)
    }

    /// The addresses of the service, waited for when its name has not resolved yet.
    async fn addresses(&self) -> Result<Arc<[SocketAddr]>, Unanswered> {
        let mut addresses = self.addresses.clone();
        let known = addresses.wait_for(|addresses| !addresses.is_empty()).await;
        known
            .map(|known| Arc::clone(&known))
            .map_err(|_| Unanswered::new(&UNREACHABLE, "the gateway is ending"))
    }

    /// Tells operators when calls begin to fail and when they succeed again.
    fn tell(&self, unanswered: Option<&Unanswered>) {
        let was_failing = self.is_failing.load(Ordering::Relaxed);
        if was_failing == unanswered.is_some() {
            return;
        }
        self.is_failing.store(!was_failing, Ordering::Relaxed);
        let origin = &self.service.origin;
        match unanswered {
            Some(unanswered) => log::warn!("service {origin} fails: {}", unanswered.detail),
            None => log::info!("service {origin} answers again"),
        }
    }
}

/// Why there is no answer: for the filter and for the log, where neither holds anything that was sent.
#[derive(Debug)]
struct Unanswered {
    reason: &'static Reason,
    detail: String,
}

impl Unanswered {
    fn new(reason: &'static Reason, detail: &str) -> Self {
        Self {
            reason,
            detail: detail.to_owned(),
        }
    }
}

impl From<CallError> for Unanswered {
    fn from(error: CallError) -> Self {
        let reason = match &error {
            // Its text may hold what was to be sent.
            CallError::Malformed(_) => return Self::new(&UNSENDABLE, "the call is not valid HTTP"),
            CallError::TimedOut(_) => &LATE,
            CallError::Connect(_) => &UNREACHABLE,
            // Its text may hold what came instead of an answer, such as what a service knows of a token.
            CallError::Broken(error) => {
                return Self::new(
                    &BROKEN,
                    &format!("the exchange broke: {}", error.etype().as_str()),
                );
            }
            CallError::TooLong(_) => &LONG,
        };
        Self {
            reason,
            detail: error.to_string(),
        }
    }
}

/// The fields of a call without those of the connection, which the client makes itself.
fn own_fields(fields: &Fields) -> Fields {
    let is_ours = |name: &HeaderName| CONNECTION_FIELDS.contains(name) || HOP_BY_HOP.contains(name);
    fields
        .iter()
        .filter(|(name, _)| !is_ours(name))
        .cloned()
        .collect()
}

/// The answer as filters see it.
fn answered(answer: client::Answer) -> Result<Answer, Unanswered> {
    let status = StatusCode::from_u16(answer.status)
        .map_err(|_| Unanswered::new(&BROKEN, "the answer has no status"))?;
    let mut fields = Fields::new();
    let mut last = None;
    for (name, value) in answer.fields {
        // A name is given once for all its values.
        last = name.or(last);
        if let Some(name) = &last {
            fields.push((name.clone(), value));
        }
    }
    Ok(Answer {
        status,
        fields,
        body: answer.body,
    })
}

#[cfg(test)]
mod tests;
