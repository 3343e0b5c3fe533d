//! A question to an HTTP service about a request: what is sent, and what the answer means.
//!
//! Serves `forward-auth` and `forward-check`. The body of a request is never sent, and no field of it that the file
//! does not list; no field of the answer reaches upstream or client that the file does not list either.

mod fields;

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use adamant_filter::offline::NO_ANSWER;
use adamant_filter::prelude::*;
use adamant_filter::unanswered::{BROKEN, LATE, LONG, UNREACHABLE, UNSENDABLE};
use adamant_filter::{Answer, Call, Target, Transport};

pub(crate) use self::fields::lower_case;

use self::fields::{ALWAYS_RELAYED, Purpose};
use crate::room::Room;
use crate::service::Address;

/// Largest answer that is read; its body is thrown away.
const ANSWER_MAX: u64 = 16 * 1024;

const TIMEOUT_MAX: Period = Period::from_secs(30);

const AT_ONCE_MAX: u32 = 100_000;

/// Fields that carry credentials by their definition.
const CREDENTIALS: [HeaderName; 2] = [
    HeaderName::from_static("authorization"),
    HeaderName::from_static("cookie"),
];

const LOCATION: HeaderName = HeaderName::from_static("location");

/// Statuses of an answer that sends the client elsewhere.
const REDIRECTS: [u16; 5] = [301, 302, 303, 307, 308];

pub(crate) const UNAUTHENTICATED: Reason = Reason::new(
    "unauthenticated",
    401,
    "the service that was asked about this request does not know who sends it",
);
pub(crate) const FORBIDDEN: Reason = Reason::new(
    "forbidden",
    403,
    "the service that was asked about this request refuses it",
);
pub(crate) const BUSY: Reason = Reason::new(
    "busy",
    503,
    "too many requests are being asked about at this moment",
);
pub(crate) const BAD_ANSWER: Reason = Reason::new(
    "bad-answer",
    503,
    "the service that was asked about this request gave no clear answer",
);

/// Why a question may end without a pass.
pub(crate) const REASONS: [&Reason; 10] = [
    &UNAUTHENTICATED,
    &FORBIDDEN,
    &BUSY,
    &BAD_ANSWER,
    &UNREACHABLE,
    &LATE,
    &LONG,
    &BROKEN,
    &UNSENDABLE,
    &NO_ANSWER,
];

/// What the file says about a question, whichever filter asks it.
pub(crate) struct Settings<'c> {
    pub(crate) url: &'c str,
    pub(crate) ca: Option<&'c Path>,
    pub(crate) timeout: Period,
    pub(crate) send: &'c BTreeSet<String>,
    pub(crate) take: &'c BTreeSet<String>,
    pub(crate) relay: &'c BTreeSet<String>,
    pub(crate) pass: &'c BTreeSet<u16>,
    pub(crate) forward: bool,
    pub(crate) at_once: u32,
}

/// The question.
pub(crate) struct Inquiry {
    transport: Arc<dyn Transport>,
    target: String,
    send: Box<[HeaderName]>,
    take: Box<[HeaderName]>,
    relay: Box<[HeaderName]>,
    /// Empty for every 2xx.
    pass: Box<[u16]>,
    /// Fields with credentials that end here.
    strip: Box<[HeaderName]>,
    room: Room,
}

impl std::fmt::Debug for Inquiry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Inquiry")
            .field("room", &self.room)
            .finish_non_exhaustive()
    }
}

impl Inquiry {
    pub(crate) fn build(settings: &Settings<'_>, boot: &mut Boot<'_>) -> Result<Self, Problem> {
        let address = Address::parse(settings.url)?;
        if settings.timeout.is_zero() || settings.timeout > TIMEOUT_MAX {
            return Err(Problem::at(
                "timeout",
                format!("it is more than nothing and {TIMEOUT_MAX} at most"),
            ));
        }
        if !(1..=AT_ONCE_MAX).contains(&settings.at_once) {
            return Err(Problem::at(
                "at-once",
                format!("it is a number from 1 to {AT_ONCE_MAX}"),
            ));
        }
        if let Some(status) = settings.pass.iter().find(|status| !(200..300).contains(*status)) {
            let message =
                format!("{status} is not a status of success, and only those can let a request pass");
            return Err(Problem::at("pass", message));
        }
        let send = fields::list(settings.send, Purpose::Send)?;
        let credentials = CREDENTIALS.into_iter().filter(|name| send.contains(name));
        let strip: Box<[HeaderName]> = if settings.forward {
            Box::default()
        } else {
            credentials.collect()
        };
        if settings.forward && !CREDENTIALS.iter().any(|name| send.contains(name)) {
            let message = "no credential is sent to the service, so none is kept from the upstream either";
            return Err(Problem::at("forward", message)
                .with_help("list `authorization` or `cookie` under `send`, or leave `forward` out"));
        }
        boot.reserve(
            "answers",
            Size::from_bytes(u64::from(settings.at_once) * ANSWER_MAX),
        );
        let target = Target {
            origin: address.origin,
            timeout: settings.timeout.duration(),
            answer_max: ANSWER_MAX,
            authorities: settings.ca.map(Path::to_owned),
        };
        Ok(Self {
            transport: boot
                .outbound(&target)
                .map_err(|problem| problem.with_path("url"))?,
            target: address.target,
            send,
            take: fields::list(settings.take, Purpose::Take)?,
            relay: fields::list(settings.relay, Purpose::Relay)?,
            pass: settings.pass.iter().copied().collect(),
            strip,
            room: Room::new(settings.at_once),
        })
    }

    /// A field of the answer that the filter reads itself.
    pub(crate) fn field(name: &str, path: &str) -> Result<HeaderName, Problem> {
        fields::taken(name, path)
    }

    /// Asks about the request. The answer when it passes, its listed fields being set on the request; else what the
    /// client is told. `read` is a field that the filter reads: no client brings it.
    pub(crate) async fn ask(
        &self,
        request: &mut Request,
        read: Option<&HeaderName>,
    ) -> Result<Answer, Verdict> {
        let call = self.call(request);
        // Before anything else can happen: whatever becomes of the question, what a client claims in these fields
        // must not reach the upstream.
        for name in self.take.iter().chain(read) {
            request.discard_header(name);
        }
        let place = self.room.enter().ok_or_else(|| BUSY.fault())?;
        let answer = self.transport.call(call.ok_or_else(|| UNSENDABLE.fault())?).await;
        drop(place);
        let answer = answer.map_err(Verdict::Fault)?;
        if !self.passes(answer.status.as_u16()) {
            return Err(self.refuse(&answer));
        }
        for name in &self.strip {
            request.remove_header(name);
        }
        for (name, value) in answer.fields.iter().filter(|(name, _)| self.take.contains(name)) {
            request.append_header(name.clone(), value.clone());
        }
        Ok(answer)
    }

    /// Takes away what the service would have been asked about, and what only its answer may set, since another branch
    /// of a group has passed.
    pub(crate) fn conceal(&self, request: &mut Request, read: Option<&HeaderName>) {
        for name in self.take.iter().chain(&self.strip).chain(read) {
            if request.came_to_group(name) {
                request.remove_header(name);
            }
        }
    }

    fn passes(&self, status: u16) -> bool {
        (200..300).contains(&status) && (self.pass.is_empty() || self.pass.contains(&status))
    }

    /// What the service is told: method and target as the route saw them, scheme and host as the client asked for them
    /// (before trusted proxies, and with the port), its address, and the listed fields. The names are those that
    /// Traefik and Caddy use. `None` for a target that no field can hold.
    fn call(&self, request: &Request) -> Option<Call> {
        let query = request
            .query()
            .map(|query| format!("?{query}"))
            .unwrap_or_default();
        let uri = HeaderValue::from_bytes(format!("{}{query}", request.path()).as_bytes()).ok()?;
        let mut sent: Fields = vec![
            (
                HeaderName::from_static("x-forwarded-method"),
                HeaderValue::from_str(request.method().as_str()).ok()?,
            ),
            (
                HeaderName::from_static("x-forwarded-proto"),
                HeaderValue::from_static(request.asked_scheme()),
            ),
            (
                HeaderName::from_static("x-forwarded-host"),
                HeaderValue::from_str(request.asked_authority()).ok()?,
            ),
            (HeaderName::from_static("x-forwarded-uri"), uri),
            (
                HeaderName::from_static("x-forwarded-for"),
                HeaderValue::from_str(&request.client().to_string()).ok()?,
            ),
        ];
        let listed = request.headers().filter(|(name, _)| self.send.contains(name));
        sent.extend(listed.map(|(name, value)| (name.clone(), value.clone())));
        Some(Call {
            method: Method::GET,
            target: self.target.clone(),
            fields: sent,
            body: <_>::default(),
        })
    }

    /// A refusal is the client's affair, anything else is the service's.
    fn refuse(&self, answer: &Answer) -> Verdict {
        let passed_on = |name: &HeaderName| ALWAYS_RELAYED.contains(name) || self.relay.contains(name);
        let told = answer.fields.iter().filter(|(name, _)| passed_on(name)).cloned();
        match answer.status.as_u16() {
            401 => UNAUTHENTICATED.deny_with(told.collect()),
            403 => FORBIDDEN.deny_with(told.collect()),
            status if REDIRECTS.contains(&status) && is_once(answer, &LOCATION) => {
                let mut told: Fields = told.collect();
                // A redirect to where clients sign in is for this request alone.
                told.push((
                    HeaderName::from_static("cache-control"),
                    HeaderValue::from_static("no-store"),
                ));
                Verdict::Reply(Box::new(Reply {
                    status,
                    fields: told,
                    body: <_>::default(),
                    refuses: true,
                }))
            }
            _ => BAD_ANSWER.fault(),
        }
    }
}

/// The value of a field that must be there exactly once.
pub(crate) fn only<'a>(answer: &'a Answer, name: &HeaderName) -> Option<&'a HeaderValue> {
    let mut values = answer
        .fields
        .iter()
        .filter(|(field, _)| field == name)
        .map(|(_, value)| value);
    match (values.next(), values.next()) {
        (Some(value), None) => Some(value),
        (None, _) | (Some(_), Some(_)) => None,
    }
}

fn is_once(answer: &Answer, name: &HeaderName) -> bool {
    only(answer, name).is_some()
}

#[cfg(test)]
mod tests;
