//! `stores:` services in which instances of the gateway share state, such as the counts of a limit.

use std::sync::Arc;
use std::time::Duration;

use adamant_filter::{Entry, Period, Problem, Problems, SecretRef, Spanned};
use schemars::JsonSchema;
use serde::Deserialize;

use super::Context;
use super::context::check_name;
use super::field::positive;
use super::upstreams::{UpstreamTlsEntry, host_and_port, tls_of};
use crate::config::Store;

/// Longest wait for a store: whoever waits longer has no answer for a client.
const TIMEOUT_MAX: Period = Period::from_secs(10);

/// A service in which instances of the gateway share state. Filters name it.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct StoreEntry {
    /// One server that speaks the protocol of Redis 6.2 or later, such as Valkey; no cluster. It may lose what it holds at any
    /// time; let it evict (`maxmemory-policy: volatile-ttl`), since every key of the gateway expires.
    redis: RedisEntry,
}

/// A server that speaks the protocol of Redis.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct RedisEntry {
    /// Address with its port. A name is resolved at every connect. Example: `counters.internal:6379`
    address: Spanned<String>,
    /// TLS towards it; the certificate is always verified. Without it everything crosses the network in clear
    /// text, the password as well.
    tls: Option<UpstreamTlsEntry>,
    /// Whom the gateway logs in as. Default: the server's own `default` user. Example: `adamant`
    #[schemars(length(min = 1))]
    user: Option<Spanned<String>>,
    /// The password of that user. Example: `{ env: COUNTERS_PASSWORD }`
    password: Option<SecretRef>,
    /// Number of the database. Default: 0.
    #[schemars(range(max = 65535))]
    #[serde(default)]
    database: u32,
    /// Longest wait for an answer, and for a connection. Default: `50ms`, at most `10s`.
    timeout: Option<Spanned<Period>>,
    /// Connections, each of which carries many requests at a time. Default: 2.
    #[schemars(range(min = 1, max = 64))]
    connections: Option<u32>,
}

pub(super) fn read(written: &Entry, context: &mut Context<'_>) -> Option<Store> {
    context.keep(check_name("store", &written.key, written.key_span));
    let StoreEntry { redis } = context.read(&written.value)?;
    let mut problems = Problems::new();
    let address = problems.take(host_and_port(&redis.address));
    if let (Some(user), None) = (&redis.user, &redis.password) {
        let problem = Problem::new("keys.missing", format!("`{}` has no password", user.value));
        problems.push(
            problem
                .with_span(user.span)
                .with_help("add `password: { env: NAME }` or `password: { file: path }`"),
        );
    }
    let timeout = redis.timeout.map_or(Duration::from_millis(50), |timeout| {
        timeout_of(&timeout, &mut problems)
    });
    let tls = redis.tls.map(|tls| tls_of(&tls, &mut problems));
    context.tell_all(problems);
    Some(Store {
        name: Arc::clone(&written.key),
        address: address?,
        tls,
        user: redis.user.map(|user| user.value.into()),
        password: redis.password,
        database: redis.database,
        timeout,
        connections: redis.connections.unwrap_or(2),
        span: written.key_span,
    })
}

fn timeout_of(timeout: &Spanned<Period>, problems: &mut Problems) -> Duration {
    if timeout.value > TIMEOUT_MAX {
        let message = format!(
            "`timeout` is at most {TIMEOUT_MAX}, and this is {}",
            timeout.value
        );
        problems.push(Problem::new("values.range", message).with_span(timeout.span));
    }
    positive("timeout", timeout, problems)
}
