//! `listeners:` where clients are accepted, and what the transport allows them.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use adamant_filter::{Cidr, Entry, Period, Problem, Problems, SecretRef, Size, Span, Spanned};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Context;
use super::admin::socket_address;
use super::context::check_name;
use super::field::{positive, size_within};
use crate::config::{
    Bounds, Certificate, ClientCertificates, ForwardingHeader, Listener, ListenerTls, Protocols, TlsVersion,
    Trust,
};

/// An address that accepts clients.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct ListenerEntry {
    /// Address and port, such as `0.0.0.0:8443` or `[::]:8443`. Port 0 takes a free one.
    bind: Spanned<String>,
    /// Versions of HTTP spoken here. Default: `[h1, h2]` with `tls`, `[h1]` without. In clear text `h2` is
    /// spoken by prior knowledge.
    #[schemars(length(min = 1))]
    protocols: Option<Vec<Spanned<ProtocolWord>>>,
    /// TLS. Without it the listener speaks clear text.
    tls: Option<TlsEntry>,
    /// Maxima of the transport. What exceeds one is refused before any filter runs.
    #[serde(default)]
    bounds: BoundsEntry,
    /// Whose forwarding headers are believed. Default: nobody's.
    trust: Option<TrustEntry>,
    /// Name of a listener with `tls` to which everything is redirected. Nothing else is served here.
    redirect_to: Option<Spanned<String>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum ProtocolWord {
    /// HTTP/1.1.
    H1,
    /// HTTP/2.
    H2,
}

/// TLS of a listener: one `certificate` with its `key`, or several `certificates`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct TlsEntry {
    /// PEM file with the chain, leaf first.
    #[schemars(with = "Option<String>", length(min = 1))]
    certificate: Option<Spanned<PathBuf>>,
    /// Where its private key (PEM) is.
    key: Option<Spanned<SecretRef>>,
    /// Several certificates, when one does not carry all names. The client's SNI chooses by the names in
    /// them; the first is the default.
    #[schemars(length(min = 1))]
    certificates: Option<Vec<CertificateEntry>>,
    /// Oldest version accepted. Default: `"1.2"`.
    at_least: Option<TlsWord>,
    /// Clients are asked for certificates of their own. Sessions are not resumed on such a listener, so that every
    /// connection proves itself.
    clients: Option<ClientsEntry>,
}

/// Certificates of clients. One that no authority vouches for, that has expired or that is not for clients ends
/// the handshake.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct ClientsEntry {
    /// PEM file with the certificates of the authorities that may vouch for clients, such as `clients-ca.pem`.
    /// Its contents enter the digest.
    #[schemars(with = "String", length(min = 1))]
    authorities: Spanned<PathBuf>,
    /// Refuse clients without a certificate in the handshake. With `false` they may come, and the filter
    /// `client-certificate` refuses them where it stands. Default: true.
    #[serde(default = "yes")]
    required: bool,
}

const fn yes() -> bool {
    true
}

/// A certificate with its private key. Both may be replaced on disk while the gateway runs.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct CertificateEntry {
    /// PEM file with the chain, leaf first.
    #[schemars(with = "String", length(min = 1))]
    certificate: Spanned<PathBuf>,
    /// Where its private key (PEM) is.
    key: Spanned<SecretRef>,
}

#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
enum TlsWord {
    /// TLS 1.2, RFC 5246.
    #[serde(rename = "1.2")]
    V12,
    /// TLS 1.3, RFC 8446.
    #[serde(rename = "1.3")]
    V13,
}

/// Maxima of a listener's transport.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
struct BoundsEntry {
    /// Open connections at a time.
    #[schemars(range(min = 1, max = 1_000_000))]
    connections: Spanned<u32>,
    /// Open connections at a time from one address (IPv4) or /64 (IPv6).
    #[schemars(range(min = 1, max = 1_000_000))]
    connections_per_client: Spanned<u32>,
    /// Request line and header fields together.
    header_bytes: Spanned<Size>,
    /// Number of header fields.
    #[schemars(range(min = 1, max = 1000))]
    header_fields: u32,
    /// Request target: path and query.
    target_bytes: Spanned<Size>,
    /// From the first byte of a request head to its last.
    header_time: Spanned<Period>,
    /// From the end of an exchange to the first byte of the next.
    idle_time: Spanned<Period>,
    /// TLS handshake.
    handshake_time: Spanned<Period>,
    /// Longest silence inside a request body.
    body_idle: Spanned<Period>,
    /// Speed that a request body must keep up after its first `body-idle`, such as `500B/s`.
    #[schemars(with = "String", regex(pattern = r"^[0-9]+(B|KiB|MiB)/s$"))]
    body_rate: Spanned<String>,
    /// Longest time in which a client takes no byte of an answer.
    send_idle: Spanned<Period>,
    /// HTTP/2 streams at a time on one connection.
    #[schemars(range(min = 1, max = 10_000))]
    streams: u32,
}

impl Default for BoundsEntry {
    fn default() -> Self {
        let seconds = |n| Period::from_secs(n).into();
        Self {
            connections: 20_000.into(),
            connections_per_client: 1000.into(),
            header_bytes: Size::from_kib(64).into(),
            header_fields: 100,
            target_bytes: Size::from_kib(8).into(),
            header_time: seconds(10),
            idle_time: seconds(60),
            handshake_time: seconds(5),
            body_idle: seconds(30),
            body_rate: "500B/s".to_owned().into(),
            send_idle: seconds(60),
            streams: 100,
        }
    }
}

/// Proxies in front of the gateway. What they say never decides about routing.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct TrustEntry {
    /// The one header that is read from them; the other is dropped. Default: `x-forwarded-for`.
    header: Option<HeaderWord>,
    /// Their networks, such as `10.0.0.0/8`.
    #[serde(default)]
    proxies: Vec<Spanned<Cidr>>,
    /// Keep the `x-request-id` that they send. Default: false.
    #[serde(default)]
    request_id: bool,
}

#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
enum HeaderWord {
    /// `X-Forwarded-For` with `-Proto` and `-Host`.
    XForwardedFor,
    /// `Forwarded`, RFC 7239.
    Forwarded,
}

/// A listener with the places that checks point at.
#[derive(Debug)]
pub(crate) struct ListenerDraft {
    pub(crate) listener: Listener,
    pub(crate) bind_span: Span,
    pub(crate) redirect_span: Span,
}

pub(super) fn read(written: &Entry, context: &mut Context<'_>) -> Option<ListenerDraft> {
    context.keep(check_name("listener", &written.key, written.key_span));
    let entry: ListenerEntry = context.read(&written.value)?;
    let mut problems = Problems::new();
    let tls = match entry.tls {
        Some(tls) => tls_of(
            tls,
            written
                .value
                .get("tls")
                .map_or(written.key_span, |node| node.head()),
            context,
        ),
        None => Ok(None),
    };
    let trust = trust_of(entry.trust, written, context);
    let bounds = bounds_of(&entry.bounds, &mut problems);
    context.tell_all(problems);
    let redirect_to = match &entry.redirect_to {
        Some(name) => Some(context.listener(name)?),
        None => None,
    };
    let tls = tls.ok()?;
    let listener = Listener {
        name: Arc::clone(&written.key),
        bind: socket_address(&entry.bind, context)?,
        protocols: protocols_of(entry.protocols.as_deref(), tls.is_some()),
        tls,
        bounds,
        trust,
        redirect_to,
        span: written.key_span,
    };
    let redirect_span = entry.redirect_to.map_or(Span::NOWHERE, |name| name.span);
    Some(ListenerDraft {
        listener,
        bind_span: entry.bind.span,
        redirect_span,
    })
}

fn protocols_of(written: Option<&[Spanned<ProtocolWord>]>, has_tls: bool) -> Protocols {
    match written {
        Some(words) => {
            let speaks = |word| words.iter().any(|written| written.value == word);
            Protocols {
                h1: speaks(ProtocolWord::H1),
                h2: speaks(ProtocolWord::H2),
            }
        }
        None => Protocols {
            h1: true,
            h2: has_tls,
        },
    }
}

/// `Err`: something is missing, and told.
fn tls_of(entry: TlsEntry, place: Span, context: &mut Context<'_>) -> Result<Option<ListenerTls>, ()> {
    let short = entry.certificate.is_some() || entry.key.is_some();
    let certificates = match (entry.certificate, entry.key, entry.certificates) {
        (Some(certificate), Some(key), None) => vec![CertificateEntry { certificate, key }],
        (None, None, Some(list)) => list,
        (_, _, Some(_)) if short => {
            let problem = Problem::new(
                "keys.exclusive",
                "`certificates` excludes `certificate` and `key`",
            );
            let help = "put the one certificate into the list";
            context.tell(problem.with_span(place).with_help(help));
            return Err(());
        }
        (certificate, _, _) => {
            let missing = if certificate.is_some() {
                "key"
            } else {
                "certificate"
            };
            if context.is_clean(place) {
                let problem = Problem::new("keys.missing", format!("`tls` needs the key `{missing}`"));
                let help = "write `{ certificate: site.pem, key: { file: site.key } }`";
                context.tell(problem.with_span(place).with_help(help));
            }
            return Err(());
        }
    };
    let certificates = certificates
        .into_iter()
        .map(|entry| Certificate {
            chain: entry.certificate.value,
            span: entry.certificate.span,
            key: entry.key.value,
            key_span: entry.key.span,
        })
        .collect();
    let at_least = match entry.at_least {
        Some(TlsWord::V13) => TlsVersion::V1_3,
        Some(TlsWord::V12) | None => TlsVersion::V1_2,
    };
    let clients = entry.clients.map(|clients| ClientCertificates {
        authorities: clients.authorities.value,
        required: clients.required,
        span: clients.authorities.span,
    });
    Ok(Some(ListenerTls {
        certificates,
        at_least,
        clients,
    }))
}

fn trust_of(entry: Option<TrustEntry>, written: &Entry, context: &mut Context<'_>) -> Trust {
    let nobody = Trust {
        header: ForwardingHeader::XForwardedFor,
        proxies: Vec::new(),
        request_id: false,
    };
    let Some(entry) = entry else { return nobody };
    let node = written.value.get("trust");
    if entry.proxies.is_empty() && node.is_some_and(|node| context.is_clean(node.span())) {
        let problem = Problem::new(
            "listeners.trust",
            "this trusts nobody: `proxies` names no network",
        );
        let help = "name the networks of your proxies, or remove `trust`";
        context.tell(
            problem
                .with_span(node.map_or(written.key_span, |node| node.head()))
                .with_help(help),
        );
    }
    let mut proxies: Vec<Cidr> = entry.proxies.iter().map(|proxy| proxy.value).collect();
    proxies.sort_unstable();
    proxies.dedup();
    let header = match entry.header {
        Some(HeaderWord::Forwarded) => ForwardingHeader::Forwarded,
        Some(HeaderWord::XForwardedFor) | None => ForwardingHeader::XForwardedFor,
    };
    Trust {
        header,
        proxies,
        request_id: entry.request_id,
    }
}

/// Larger heads than this are refused by the HTTP/1.1 parser whatever the file says.
const HEADER_MAX: Size = Size::from_mib(1);

fn bounds_of(entry: &BoundsEntry, problems: &mut Problems) -> Bounds {
    let mut time = |key: &str, period: &Spanned<Period>| -> Duration { positive(key, period, problems) };
    let (header_time, idle_time) = (
        time("header-time", &entry.header_time),
        time("idle-time", &entry.idle_time),
    );
    let (handshake_time, body_idle) = (
        time("handshake-time", &entry.handshake_time),
        time("body-idle", &entry.body_idle),
    );
    let send_idle = time("send-idle", &entry.send_idle);
    let header_bytes = size_within("header-bytes", &entry.header_bytes, HEADER_MAX, problems);
    let target_bytes = size_within("target-bytes", &entry.target_bytes, HEADER_MAX, problems);
    never_reached(
        ("target-bytes", target_bytes.bytes(), entry.target_bytes.span),
        ("header-bytes", header_bytes.bytes(), entry.header_bytes.span),
        problems,
    );
    let connections = &entry.connections;
    never_reached(
        (
            "connections-per-client",
            entry.connections_per_client.value.into(),
            entry.connections_per_client.span,
        ),
        ("connections", connections.value.into(), connections.span),
        problems,
    );
    Bounds {
        connections: connections.value,
        connections_per_client: entry.connections_per_client.value.min(connections.value),
        header_bytes,
        header_fields: entry.header_fields,
        target_bytes: target_bytes.min(header_bytes),
        header_time,
        idle_time,
        handshake_time,
        body_idle,
        body_rate: speed_of(&entry.body_rate, problems),
        send_idle,
        streams: entry.streams,
    }
}

/// A bound that was written and lies above another one can never be reached.
fn never_reached(small: (&str, u64, Span), large: (&str, u64, Span), problems: &mut Problems) {
    if small.1 > large.1 && !small.2.is_nowhere() {
        let message = format!("`{}` can never be reached: `{}` is smaller", small.0, large.0);
        problems.push(
            Problem::new("values.range", message)
                .with_span(small.2)
                .with_second(large.2, "the smaller one"),
        );
    }
}

fn speed_of(text: &Spanned<String>, problems: &mut Problems) -> Size {
    let size = text.strip_suffix("/s").and_then(|size| size.parse().ok());
    size.unwrap_or_else(|| {
        let problem = Problem::new("values.unit", format!("`{}` is not a speed", text.value));
        problems.push(
            problem
                .with_span(text.span)
                .with_help("write a size for each second, such as `500B/s`"),
        );
        Size::from_bytes(0)
    })
}
