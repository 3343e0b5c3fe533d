//! The whole validated file: immutable plain data, what the text means.
//!
//! Not what was written (that is `language`) and not what runs (that is `plan`). Every reference is
//! resolved to an index, every default is filled in, every quantity is a typed unit. There is no
//! `serde` here: nothing outside can bring a `Config` into being except the decoder and the checks.

mod bodies;
mod consumers;
mod overload;
mod stores;
mod upstream_maxima;

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use adamant_filter::{Cidr, Node, SecretRef, Size, Span};

pub use bodies::Bodies;
pub use consumers::{Consumer, ConsumerPlan, KnownBy, PlanId};
pub use overload::{Overload, Priority};
pub use stores::Store;
pub use upstream_maxima::{Timeouts, UpstreamLimits, UpstreamRate};

/// Position of a listener in [`Config::listeners`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ListenerId(pub usize);

/// Position of an upstream in [`Config::upstreams`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct UpstreamId(pub usize);

/// Position of a named policy in [`Config::policies`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PolicyId(pub usize);

/// The validated file.
#[derive(Debug)]
pub struct Config {
    /// Where clients are accepted, in file order.
    pub listeners: Vec<Listener>,
    /// Health, metrics and version for operators.
    pub admin: Option<Admin>,
    /// Memory for bodies that filters see whole.
    pub bodies: Bodies,
    /// When requests are shed; never without it.
    pub overload: Option<Overload>,
    /// Plans that consumers have, in file order.
    pub plans: Vec<ConsumerPlan>,
    /// Consumers, in file order.
    pub consumers: Vec<Consumer>,
    /// Named groups of endpoints, in file order.
    pub upstreams: Vec<Upstream>,
    /// Services in which instances share state, in file order.
    pub stores: Vec<Store>,
    /// Named lists of filters, in file order.
    pub policies: Vec<Policy>,
    /// Routes, first match wins.
    pub routes: Vec<Route>,
    /// What is written down about every exchange.
    pub observe: Observe,
}

/// An address that accepts clients.
#[derive(Debug)]
pub struct Listener {
    /// Its key in the file.
    pub name: Arc<str>,
    /// Address and port to bind; port 0 asks the system for a free one (tests).
    pub bind: SocketAddr,
    /// Versions of HTTP spoken here.
    pub protocols: Protocols,
    /// TLS, or clear text when absent.
    pub tls: Option<ListenerTls>,
    /// Maxima of the transport.
    pub bounds: Bounds,
    /// Whose forwarding headers are believed.
    pub trust: Trust,
    /// Everything is redirected to the TLS listener named here; nothing else is served.
    pub redirect_to: Option<ListenerId>,
    /// Place of the entry in the file.
    pub span: Span,
}

/// Versions of HTTP that a listener speaks; at least one is set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Protocols {
    /// HTTP/1.1 (and HTTP/1.0 requests with a Host).
    pub h1: bool,
    /// HTTP/2: by ALPN under TLS, by prior knowledge in clear text.
    pub h2: bool,
}

/// TLS of a listener.
#[derive(Debug)]
pub struct ListenerTls {
    /// Certificates; the client's SNI chooses by the names in them, the first is the default.
    pub certificates: Vec<Certificate>,
    /// Oldest version accepted.
    pub at_least: TlsVersion,
    /// Clients show certificates of their own.
    pub clients: Option<ClientCertificates>,
}

/// Certificates that clients of a listener show.
#[derive(Clone, Debug)]
pub struct ClientCertificates {
    /// PEM file of the authorities that may vouch for clients.
    pub authorities: PathBuf,
    /// Whether a client without a certificate is refused in the handshake.
    pub required: bool,
    /// Place of the authorities' path in the file.
    pub span: Span,
}

/// A certificate chain with its key. Both rotate without a new policy, so only paths are known here.
#[derive(Debug)]
pub struct Certificate {
    /// PEM file with the chain, leaf first.
    pub chain: PathBuf,
    /// PEM private key.
    pub key: SecretRef,
    /// Place of the certificate's path in the file.
    pub span: Span,
    /// Place of the key reference in the file.
    pub key_span: Span,
}

/// A version of TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TlsVersion {
    /// RFC 5246.
    V1_2,
    /// RFC 8446.
    V1_3,
}

/// Maxima of a listener's transport. Exceeding one is refused before any filter runs.
#[derive(Clone, Debug)]
pub struct Bounds {
    /// Open connections at a time; more are closed at accept.
    pub connections: u32,
    /// Open connections at a time from one address (IPv4 /32, IPv6 /64).
    pub connections_per_client: u32,
    /// Bytes of request line and fields together.
    pub header_bytes: Size,
    /// Number of field lines.
    pub header_fields: u32,
    /// Bytes of the request target.
    pub target_bytes: Size,
    /// From the first byte of a request head to its last.
    pub header_time: Duration,
    /// From the end of an exchange to the first byte of the next.
    pub idle_time: Duration,
    /// TLS handshake.
    pub handshake_time: Duration,
    /// Longest silence inside a request body.
    pub body_idle: Duration,
    /// Bytes per second that a request body must reach after its first `body_idle`.
    pub body_rate: Size,
    /// Longest time in which a client takes no byte of an answer.
    pub send_idle: Duration,
    /// HTTP/2 streams at a time on one connection.
    pub streams: u32,
}

/// Whose forwarding headers are believed. Empty `proxies`: nobody's.
#[derive(Clone, Debug)]
pub struct Trust {
    /// The one header that is read from trusted proxies; the other is dropped.
    pub header: ForwardingHeader,
    /// Networks of trusted proxies.
    pub proxies: Vec<Cidr>,
    /// Keep the `x-request-id` that a trusted proxy sends.
    pub request_id: bool,
}

/// A header that carries the chain of proxies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ForwardingHeader {
    /// `X-Forwarded-For` with `-Proto` and `-Host`.
    XForwardedFor,
    /// `Forwarded`, RFC 7239.
    Forwarded,
}

/// The operators' listener.
#[derive(Debug)]
pub struct Admin {
    /// A loopback address.
    pub bind: SocketAddr,
    /// A second listener that clusters may probe.
    pub expose: Option<Expose>,
    /// Place in the file.
    pub span: Span,
}

/// What the second admin listener serves.
#[derive(Debug)]
pub struct Expose {
    /// Any address.
    pub bind: SocketAddr,
    /// `/livez`, `/readyz`, `/startupz`.
    pub health: bool,
    /// `/metrics`.
    pub metrics: bool,
}

/// A named group of endpoints.
#[derive(Debug)]
pub struct Upstream {
    /// Its key in the file.
    pub name: Arc<str>,
    /// Where its endpoints are.
    pub origin: Origin,
    /// How an endpoint is chosen.
    pub balance: Balance,
    /// Active health checks.
    pub health: Option<Health>,
    /// Maxima of time towards the endpoints.
    pub timeouts: Timeouts,
    /// When another attempt is made.
    pub retry: Retry,
    /// What all routes together may send.
    pub limits: UpstreamLimits,
    /// TLS towards the endpoints, always verified.
    pub tls: Option<UpstreamTls>,
    /// Version of HTTP spoken to the endpoints.
    pub protocol: UpstreamProtocol,
    /// Longest time that an idle connection is kept for reuse.
    pub keep_idle: Duration,
    /// What `Host` says upstream.
    pub host: UpstreamHost,
    /// Place of the entry in the file.
    pub span: Span,
}

/// Where an upstream's answers come from.
#[derive(Debug)]
pub enum Origin {
    /// Addresses on the network.
    Endpoints(Vec<Endpoint>),
    /// A small origin inside the process that answers with what it received.
    Echo,
}

/// One address of an upstream.
#[derive(Clone, Debug)]
pub struct Endpoint {
    /// Host name or IP literal, without brackets.
    pub host: Arc<str>,
    /// TCP port.
    pub port: u16,
    /// Share of requests relative to its siblings, 1 to 1000.
    pub weight: u32,
    /// Place in the file.
    pub span: Span,
}

/// How an endpoint is chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Balance {
    /// Smooth weighted round robin.
    RoundRobin,
    /// Fewest requests in flight per weight, of two drawn at random when there are many.
    LeastRequests,
}

/// Active health checks of an upstream.
#[derive(Clone, Debug)]
pub struct Health {
    /// Target of the probe.
    pub path: Arc<str>,
    /// Time between probes, spread by a fifth.
    pub every: Duration,
    /// Time for one probe.
    pub timeout: Duration,
    /// Successes that bring an endpoint back.
    pub up_after: u32,
    /// Failures that take an endpoint out.
    pub down_after: u32,
    /// `Host` of the probe; the upstream's name when absent.
    pub host: Option<Arc<str>>,
}

/// When another attempt is made.
#[derive(Clone, Debug)]
pub struct Retry {
    /// Attempts in all, the first included.
    pub attempts: u32,
    /// Connect failures and refused streams, where nothing was sent.
    pub on_connect: bool,
    /// A connection that broke before the first byte of the answer (idempotent methods only).
    pub on_reset: bool,
    /// Statuses of the endpoint that count as failure (idempotent methods only).
    pub on_status: Vec<u16>,
}

/// TLS towards endpoints. There is no key that switches verification off.
#[derive(Clone, Debug)]
pub struct UpstreamTls {
    /// Name (or IP literal) that the certificate must carry; also the SNI.
    pub server_name: Arc<str>,
    /// PEM file with the trusted authorities; the system's when absent.
    pub ca: Option<PathBuf>,
    /// Place of `ca` (or of `tls`) in the file.
    pub span: Span,
}

/// Version of HTTP spoken to endpoints.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UpstreamProtocol {
    /// HTTP/1.1.
    H1,
    /// HTTP/2: by ALPN under TLS, by prior knowledge in clear text.
    H2,
}

/// What `Host` (or `:authority`) says upstream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UpstreamHost {
    /// What the client asked for.
    Client,
    /// This text.
    Fixed(Arc<str>),
}

/// A named, reusable list of filters. Built once: its state is shared by all its users.
#[derive(Debug)]
pub struct Policy {
    /// Its key in the file.
    pub name: Arc<str>,
    /// Its filters in order.
    pub steps: Vec<Step>,
    /// Place of the key in the file.
    pub span: Span,
}

/// A route: match, filters, destination.
#[derive(Debug)]
pub struct Route {
    /// Unique name; also its metric label.
    pub name: Arc<str>,
    /// Which requests it takes.
    pub matches: Match,
    /// Declared to need no authentication.
    pub public: bool,
    /// Before and after which others its requests are shed.
    pub priority: Priority,
    /// Filters in order, with `use:` kept as references.
    pub filters: Vec<RouteStep>,
    /// What answers.
    pub action: Action,
    /// What the endpoint sees of the path and host.
    pub rewrite: Rewrite,
    /// `upgrade: websocket` permits the protocol switch.
    pub websocket: bool,
    /// `stream: true` lifts the upstream's total time.
    pub stream: bool,
    /// Largest request body.
    pub body_max: Size,
    /// Place of the name in the file.
    pub span: Span,
}

/// An entry of a route's `filters`.
#[derive(Debug)]
pub enum RouteStep {
    /// `use:`, with defaults for the steps of the policy.
    Use {
        /// The policy.
        policy: PolicyId,
        /// Defaults for its steps; a step's own value wins.
        generic: Generic,
        /// Place in the file.
        span: Span,
    },
    /// An inline step, with state of its own.
    Inline(Step),
}

/// One use of a filter in a list.
#[derive(Clone, Debug)]
pub struct Step {
    /// What runs.
    pub kind: StepKind,
    /// The keys that stand beside the filter's word.
    pub generic: Generic,
    /// Place of the filter's word in the file.
    pub span: Span,
}

/// What a step runs.
#[derive(Clone, Debug)]
pub enum StepKind {
    /// A filter with its configuration as written (the filter's own type decodes it).
    Filter {
        /// The filter's word.
        name: Arc<str>,
        /// Its configuration.
        config: Node,
        /// The same in canonical form, with every default.
        canonical: Arc<serde_json::Value>,
    },
    /// Passes when one of its steps passes.
    AnyOf(Vec<Step>),
    /// Passes when all of its steps pass.
    AllOf(Vec<Step>),
}

/// Keys that the engine handles for every filter. `None`: not written.
#[derive(Clone, Debug, Default)]
pub struct Generic {
    /// Runs only for matching requests.
    pub when: Option<Match>,
    /// Decide and log, do not enforce.
    pub shadow: Option<bool>,
    /// What a fault means; the filter's role decides when absent.
    pub on_fault: Option<OnFault>,
    /// A name for logs and metrics; the filter's word when absent.
    pub id: Option<Arc<str>>,
}

/// What a fault (could not decide) means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnFault {
    /// Refuse the request.
    Deny,
    /// Go on as if the filter had passed.
    Pass,
}

/// Which requests are meant. Empty lists do not restrict.
#[derive(Clone, Debug, Default)]
pub struct Match {
    /// Hosts.
    pub hosts: Vec<HostPattern>,
    /// Path; `None` only in `when`.
    pub path: Option<PathPattern>,
    /// Methods.
    pub methods: Vec<http::Method>,
    /// Header fields.
    pub headers: Vec<FieldMatch>,
    /// Query parameters.
    pub query: Vec<FieldMatch>,
    /// Listeners.
    pub listeners: Vec<ListenerId>,
}

/// A pattern for hosts, lower case, without port.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum HostPattern {
    /// One name.
    Exact(Arc<str>),
    /// `*.example.com`: one or more labels before the suffix; the text is `example.com`.
    Suffix(Arc<str>),
}

/// As it is written in the file.
impl fmt::Display for HostPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exact(name) => f.write_str(name),
            Self::Suffix(name) => write!(f, "*.{name}"),
        }
    }
}

/// A pattern for canonical paths.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PathPattern {
    /// As written; also the `http.route` attribute.
    pub text: Arc<str>,
    /// Segments after the leading slash. A trailing slash is a last, empty literal.
    pub segments: Vec<Segment>,
    /// Ends with `**`.
    pub open: bool,
}

/// A part of a path between slashes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Segment {
    /// This text.
    Literal(Arc<str>),
    /// `{name}`: one segment that is not empty.
    Capture(Arc<str>),
}

/// A condition on a header field or query parameter.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct FieldMatch {
    /// Lower case for header fields, as written for query parameters.
    pub name: Arc<str>,
    /// What its value must be.
    pub value: FieldValue,
}

/// What a value must be.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum FieldValue {
    /// Present, whatever it says.
    Present,
    /// Not there.
    Absent,
    /// Exactly this, and only once.
    Exact(Arc<str>),
}

/// What answers a matched request.
#[derive(Debug)]
pub enum Action {
    /// An upstream.
    To(UpstreamId),
    /// A fixed answer.
    Respond(Respond),
    /// A redirect.
    Redirect(Redirect),
}

/// A fixed answer.
#[derive(Clone, Debug)]
pub struct Respond {
    /// Status, 200 to 599.
    pub status: u16,
    /// Media type of the body, if there is one.
    pub content_type: Option<Arc<str>>,
    /// The body's bytes.
    pub body: Arc<[u8]>,
    /// Further fields.
    pub headers: Vec<(Arc<str>, Arc<str>)>,
}

/// A redirect.
#[derive(Clone, Debug)]
pub struct Redirect {
    /// Absolute URI or absolute path; the query is appended when `keep_query`.
    pub to: Arc<str>,
    /// 301, 302, 303, 307 or 308.
    pub status: u16,
    /// Append the client's query.
    pub keep_query: bool,
}

/// What the endpoint sees of the path and host.
#[derive(Clone, Debug, Default)]
pub struct Rewrite {
    /// Prefix of whole segments taken away.
    pub strip: Option<Arc<str>>,
    /// Prefix put in front, after `strip`.
    pub prefix: Option<Arc<str>>,
    /// `Host` for this route; wins over the upstream's.
    pub host: Option<Arc<str>>,
}

/// What is written down.
#[derive(Debug, Default)]
pub struct Observe {
    /// One line per exchange.
    pub access_log: Option<AccessLog>,
}

/// The access log.
#[derive(Clone, Debug)]
pub struct AccessLog {
    /// Where lines go.
    pub to: LogTarget,
    /// Request header fields that are written, lower case.
    pub fields: Vec<Arc<str>>,
    /// Request header fields whose value is replaced, lower case.
    pub redact: Vec<Arc<str>>,
    /// Lines that may wait for the writer; more are dropped and counted.
    pub queue: u32,
    /// Place in the file.
    pub span: Span,
}

/// Where log lines go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LogTarget {
    /// Standard output.
    Stdout,
    /// A file, opened for appending; opened anew when it was renamed or removed.
    File(PathBuf),
}
