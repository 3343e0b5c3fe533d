//! `forward-auth`: lets an HTTP service say who sends a request, and whether it may.
//!
//! Asks about every request; nothing is remembered. A service that only says whether a request may pass, and not who
//! sends it, authenticates nobody: that is `forward-check`.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use adamant_filter::Consumers;
use adamant_filter::prelude::*;

use crate::consumer::is_consumer;
use crate::inquiry::{self, Inquiry, Settings, lower_case};

/// Proves the consumer by the word of an HTTP service that is asked about each request.
///
/// The service gets a `GET` without a body. It learns the request from `X-Forwarded-Method`, `X-Forwarded-Proto`,
/// `X-Forwarded-Host` (with the port), `X-Forwarded-Uri` (path and query) and `X-Forwarded-For` (the client's
/// address), as from Traefik and Caddy; behind proxies that the listener trusts, scheme and address are those that
/// they tell; the host is always that by which the route was found. Its 2xx lets the request pass; its 401, 403 and
/// redirects are answered to the client; anything else is a fault. In `any-of`, a redirect is answered when no other
/// branch passes.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct ForwardAuthConfig {
    /// The service, such as `https://auth.example.com/verify`. Plain `http` is possible to loopback addresses only.
    pub url: String,
    /// The authorities that may vouch for the service, as a file in PEM. Without it, those of the system.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca: Option<PathBuf>,
    /// Longest time for one question, such as `200ms` (the default); at most `30s`.
    #[serde(default = "default_timeout")]
    pub timeout: Period,
    /// The field of the answer that names the consumer, such as `x-user`. What a client sends in it is taken away.
    #[serde(serialize_with = "lower_case_one")]
    pub consumer: String,
    /// Fields of the request that the service gets: `[authorization, cookie]`. No others are sent.
    #[serde(default, serialize_with = "lower_case")]
    pub send: BTreeSet<String>,
    /// Fields of the answer that the upstream gets: `[x-user, x-email]`. What a client sends in them is taken away.
    #[serde(default, serialize_with = "lower_case")]
    pub take: BTreeSet<String>,
    /// Fields of a refusal that the client gets, beside `WWW-Authenticate`, `Location` and `Retry-After`.
    #[serde(default, serialize_with = "lower_case")]
    pub relay: BTreeSet<String>,
    /// Statuses that let a request pass, such as `[200, 204]`. Without it, all from 200 to 299.
    #[serde(default)]
    pub pass: BTreeSet<u16>,
    /// Pass `authorization` and `cookie` on to the upstream. Otherwise, what of them is sent to the service is taken
    /// out of the request once it passes.
    #[serde(default)]
    pub forward: bool,
    /// How many requests are asked about at once, 1 to 100000 (1000 by default); one more is a fault.
    #[serde(default = "default_at_once")]
    pub at_once: u32,
}

pub(crate) const fn default_timeout() -> Period {
    Period::from_millis(200)
}

pub(crate) const fn default_at_once() -> u32 {
    1000
}

fn lower_case_one<S: serde::Serializer>(name: &str, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&name.to_ascii_lowercase())
}

/// The filter `forward-auth`.
#[derive(Debug)]
pub struct ForwardAuth {
    inquiry: Inquiry,
    consumer: HeaderName,
    /// Who vouches for the consumers.
    url: Box<str>,
    consumers: Arc<Consumers>,
    identity: Writes<Identity>,
}

impl Filter for ForwardAuth {
    const NAME: &'static str = "forward-auth";
    const ROLE: Role = Role::Authenticate;
    const REASONS: &'static [&'static Reason] = &{
        let [a, b, c, d, e, f, g, h, i, j] = inquiry::REASONS;
        [a, b, c, d, e, f, g, h, i, j, &Self::NAMELESS]
    };
    type Config = ForwardAuthConfig;

    fn issuer(config: &ForwardAuthConfig) -> String {
        config.url.clone()
    }

    fn build(config: ForwardAuthConfig, boot: &mut Boot<'_>) -> Result<Self, Problem> {
        let settings = Settings {
            url: &config.url,
            ca: config.ca.as_deref(),
            timeout: config.timeout,
            send: &config.send,
            take: &config.take,
            relay: &config.relay,
            pass: &config.pass,
            forward: config.forward,
            at_once: config.at_once,
        };
        Ok(Self {
            inquiry: Inquiry::build(&settings, boot)?,
            consumer: Inquiry::field(&config.consumer, "consumer")?,
            consumers: boot.consumers(),
            identity: boot.writes::<Identity>(),
            url: config.url.into(),
        })
    }

    fn hooks(&self, hooks: Hooks<Self>) -> Hooks<Self> {
        hooks
            .request_async(Self::check)
            .conceal(|own, request| own.inquiry.conceal(request, Some(&own.consumer)))
    }
}

impl ForwardAuth {
    const NAMELESS: Reason = Reason::new(
        "nameless",
        503,
        "the service that was asked about this request did not say who sends it",
    );

    async fn check(&self, request: &mut Request) -> Verdict {
        let answer = match self.inquiry.ask(request, Some(&self.consumer)).await {
            Ok(answer) => answer,
            Err(verdict) => return verdict,
        };
        let name =
            inquiry::only(&answer, &self.consumer).and_then(|value| str::from_utf8(value.as_bytes()).ok());
        let Some(name) = name.filter(|name| is_consumer(name)) else {
            return Self::NAMELESS.fault();
        };
        // Each answer stands for its own request, so there is an identity for each.
        let identity = self.consumers.resolve(Identity::new(Self::NAME, &self.url, name));
        request.put(&self.identity, identity);
        Verdict::Pass
    }
}
