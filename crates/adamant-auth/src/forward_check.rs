//! `forward-check`: lets an HTTP service say whether a request may pass.
//!
//! Proves nobody: a route needs another step for that, or `public: true`. Asks about every request; nothing is
//! remembered.

use std::collections::BTreeSet;
use std::path::PathBuf;

use adamant_filter::prelude::*;

use crate::forward_auth::{default_at_once, default_timeout};
use crate::inquiry::{self, Inquiry, Settings, lower_case};

/// Lets a request pass when an HTTP service that is asked about it says so; the question is that of `forward-auth`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct ForwardCheckConfig {
    /// The service, such as `https://auth.example.com/verify`. Plain `http` is possible to loopback addresses only.
    pub url: String,
    /// The authorities that may vouch for the service, as a file in PEM. Without it, those of the system.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca: Option<PathBuf>,
    /// Longest time for one question, such as `200ms` (the default); at most `30s`.
    #[serde(default = "default_timeout")]
    pub timeout: Period,
    /// Fields of the request that the service gets: `[authorization, cookie]`. No others are sent.
    #[serde(default, serialize_with = "lower_case")]
    pub send: BTreeSet<String>,
    /// Fields of the answer that the upstream gets: `[x-decision]`. What a client sends in them is taken away.
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

/// The filter `forward-check`.
#[derive(Debug)]
pub struct ForwardCheck {
    inquiry: Inquiry,
}

impl Filter for ForwardCheck {
    const NAME: &'static str = "forward-check";
    const ROLE: Role = Role::Authorize;
    const REASONS: &'static [&'static Reason] = &inquiry::REASONS;
    type Config = ForwardCheckConfig;

    fn build(config: ForwardCheckConfig, boot: &mut Boot<'_>) -> Result<Self, Problem> {
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
        })
    }

    fn hooks(&self, hooks: Hooks<Self>) -> Hooks<Self> {
        hooks
            .request_async(Self::check)
            .conceal(|own, request| own.inquiry.conceal(request, None))
    }
}

impl ForwardCheck {
    async fn check(&self, request: &mut Request) -> Verdict {
        match self.inquiry.ask(request, None).await {
            Ok(_) => Verdict::Pass,
            Err(verdict) => verdict,
        }
    }
}
