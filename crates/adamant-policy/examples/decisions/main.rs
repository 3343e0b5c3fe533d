//! Decides the same request many times, so that a tool can count what a decision costs.
//!
//! `decisions CASE ROUNDS` measures nothing itself: `tests/tests/instructions.rs` runs it under
//! `valgrind --tool=callgrind` and counts inside [`decide`] alone; `load-tests/filters` takes its time. No socket, clock or randomness, so that
//! two runs do the same.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a measuring program ends at the first thing that is not as it should be"
)]

mod crowd;

use std::pin::pin;
use std::task::{Context, Poll, Waker};

use adamant_auth::{ApiKey, GeneratedKey};
use adamant_filter::trial::TrialHost;
use adamant_filter::{Catalogue, Origin, Request, SecretRef, Tick, Wall};
use adamant_policy::config::ListenerId;
use adamant_policy::plan::{Decided, Exchange, Plan, Progress, Refusal};
use adamant_policy::text::Source;
use http::Method;
use pingora_http::RequestHeader;

/// The time at which all requests arrive: 2026-11-24T00:00:00Z.
const WALL: Wall = Wall(1_795_478_400_000);

/// Requests arrive so long after each other, in nanoseconds.
const PERIOD: u64 = 100_000;

/// Different targets that are asked for in turn.
const TARGETS: usize = 8;

/// The key behind [`TOKEN`].
const JWKS: &str = r#"{"keys":[{"kty":"EC","crv":"P-256","kid":"key-0","x":"svjlc8GDYGaaZdhuhyqrlZrej1YSYKjl-gr-dhrPi6Y","y":"4yqJofaG9iSiioxD19l_b-PfBJ2DsNwX-46ZF2fKpO8"}]}"#;

/// An access token (ES256, RFC 9068) of `acme` for the audience `orders`, good until 2100.
const TOKEN: &str = "eyJhbGciOiJFUzI1NiIsInR5cCI6ImF0K2p3dCIsImtpZCI6ImtleS0wIn0\
    .eyJpc3MiOiJodHRwczovL2lkLnRlc3QvIiwic3ViIjoiYWNtZSIsImF1ZCI6Im9yZGVycyIsImNsaWVudF9pZCI6ImFjbWUiLCJzY29wZSI6Im9yZGVyczpyZWFkIiwiaWF0IjoxNzM1Njg5NjAwLCJleHAiOjQxMDI0NDQ4MDAsImp0aSI6ImFjbWUtMSJ9\
    .Pji67fZtSBMVFp1oIwpFBMP20bcb1a2T24AUa8Xli76d4XXv3Gqq2TtY6793VFzdET6h0cfntwhk0VmdKPIbkw";

const KEY: &str = "{ api-key: { header: x-api-key, keys: { file: keys.json } } }";
const JWT: &str = "{ jwt: { keys: { file: jwks.json }, issuer: \"https://id.test/\", audience: orders, \
                   algorithms: [ES256], type: at+jwt } }";
const RATE: &str = "{ rate: { by: consumer, allow: 1000000/s, burst: 1000000, remember: 1000 } }";
const BY_NAME: &str = "{ rate: { by: \"header:x-client\", missing: deny, allow: 1000000/s, burst: 1000000, \
                       remember: 20000 } }";
const BATCHES: &str = "{ rate: { by: \"header:x-client\", missing: deny, allow: 1000000/s, burst: 1000000, \
                       remember: 20000, scope: { shared: { store: counters, when-gone: deny, batch: 100 } } }, id: shared }";
const STORES: &str = "stores: { counters: { redis: { address: \"127.0.0.1:6379\" } } }\n";
const SCOPES: &str = "{ scopes: { all: [orders:read] } }";
const AUTHORIZE: &str = "{ authorize: { scopes: { all: [orders:read] }, proved-by: [jwt], consumers: [acme], \
                         claims: { client_id: acme }, bind: { id: sub } } }";
const EXPRESSION: &str = "{ authorize: { expression: \"request.method == 'GET' && path.id == identity.consumer && \
                          'orders:read' in identity.scopes\" } }";
const HYGIENE: &str = "{ methods: { allow: [GET, HEAD, POST] } }, { body-size: { at-most: 1MiB } }, \
                       { headers: { request: { remove: [x-consumer, x-internal-*] } } }";

/// What is asked, and what must come of it.
struct Case {
    /// Routes of the plan. The ones in the middle are asked for.
    routes: usize,
    /// Whether each route has a host of its own, and not only a path.
    hosts: bool,
    /// Filters of every route, in the file's language.
    filters: String,
    /// Whether anybody may come.
    public: bool,
    /// The method.
    method: &'static str,
    /// Asks for a path that no route has.
    lost: bool,
    /// What stands behind the number of the route in paths: in the pattern, and in the request.
    rest: (&'static str, &'static str),
    /// The credentials of those who come in turn.
    credentials: Vec<(&'static str, String)>,
    /// Files instead of the usual ones.
    files: Vec<(&'static str, String)>,
    /// The reason code of the refusal; `None` when the request goes on.
    refused: Option<&'static str>,
}

impl Case {
    fn routes(routes: usize) -> Self {
        Self {
            routes,
            hosts: false,
            filters: String::new(),
            public: true,
            method: "GET",
            lost: false,
            rest: ("**", "items/7"),
            credentials: Vec::new(),
            files: Vec::new(),
            refused: None,
        }
    }

    fn chain(filters: &[&str], credential: Option<(&'static str, String)>) -> Self {
        Self {
            filters: filters.join(", "),
            public: false,
            credentials: credential.into_iter().collect(),
            ..Self::routes(10)
        }
    }

    /// A chain whose routes have a parameter that is the caller's own.
    fn owned(filters: &[&str], credential: Option<(&'static str, String)>) -> Self {
        Self {
            rest: ("{id}/items", "acme/items"),
            ..Self::chain(filters, credential)
        }
    }

    fn named(name: &str) -> Self {
        let key = || Some(("x-api-key", generated().key().to_owned()));
        let bearer = || Some(("authorization", format!("Bearer {TOKEN}")));
        match name {
            "plain" => Self::routes(1),
            "ten-routes" => Self::routes(10),
            "many-routes" => Self::routes(10_000),
            "ten-hosts" => Self {
                hosts: true,
                ..Self::routes(10)
            },
            "many-hosts" => Self {
                hosts: true,
                ..Self::routes(10_000)
            },
            "api-key" => Self::chain(&[KEY, RATE], key()),
            "token" => Self::chain(&[JWT, RATE, SCOPES], bearer()),
            "key-alone" => Self::chain(&[KEY], key()),
            "rate-alone" => Self {
                public: true,
                ..Self::chain(&[&RATE.replace("consumer", "address")], None)
            },
            "token-alone" => Self::owned(&[JWT], bearer()),
            "scopes" => Self::owned(&[JWT, SCOPES], bearer()),
            "authorize" => Self::owned(&[JWT, AUTHORIZE], bearer()),
            "expression" => Self::owned(&[JWT, EXPRESSION], bearer()),
            "full" => Self::chain(&[HYGIENE, KEY, RATE, SCOPES], key()),
            "missing" => Self {
                refused: Some("missing"),
                ..Self::chain(&[KEY, RATE], None)
            },
            "unknown" => Self {
                lost: true,
                refused: Some("unknown"),
                ..Self::routes(10_000)
            },
            "odd-method" => Self {
                method: "PURGE",
                refused: Some("method-refused"),
                ..Self::routes(10_000)
            },
            "outside" => Self {
                refused: Some("outside"),
                ..Self::chain(&["{ addresses: { allow: [198.51.100.0/24] } }", KEY], key())
            },
            "exhausted" => Self {
                refused: Some("exhausted"),
                ..Self::chain(&[KEY, "{ rate: { by: consumer, allow: 1/h } }"], key())
            },
            other => Self::of_crowd(other),
        }
    }

    /// Many callers; with `-open` behind the name the same ones where nothing is asked of them.
    fn of_crowd(name: &str) -> Self {
        let (name, is_open) = match name.strip_suffix("-open") {
            Some(name) => (name, true),
            None => (name, false),
        };
        let (crowd, filters) = match name {
            "tokens" => (crowd::tokens(), JWT.to_owned()),
            "cold-tokens" => (crowd::tokens(), JWT.replace(" } }", ", remember: 0 } }")),
            "hs-tokens" => {
                let keys = JWT.replace("file: jwks.json", "secret: { env: SECRET }");
                (crowd::shared_secret(), keys.replace("ES256", "HS256"))
            }
            "keys" => (crowd::keys(), KEY.to_owned()),
            "rates" => (crowd::names(), BY_NAME.to_owned()),
            "batches" => (crowd::names(), BATCHES.to_owned()),
            other => panic!("there is no case `{other}`"),
        };
        Self {
            public: is_open || matches!(name, "rates" | "batches"),
            filters: if is_open { String::new() } else { filters },
            credentials: crowd.credentials,
            files: crowd.files,
            ..Self::routes(1)
        }
    }

    fn plan(&self) -> Plan {
        let mut text = String::from(
            "adamant: 1\nlisteners: { public: { bind: \"127.0.0.1:0\" } }\nupstreams: { echo: { built-in: echo } }\n",
        );
        if self.filters.contains("store:") {
            text.push_str(STORES);
        }
        text.push_str("routes:\n");
        for route in 0..self.routes {
            let (public, filters, rest) = (self.public, &self.filters, self.rest.0);
            let host = if self.hosts {
                format!("host: {}, ", host(route))
            } else {
                String::new()
            };
            text.push_str(&format!(
                "  - {{ name: r{route}, match: {{ {host}path: \"/r/{route:05}/{rest}\" }}, public: {public}, to: echo, filters: [{filters}] }}\n"
            ));
        }
        let catalogue =
            adamant_limits::register(adamant_guard::register(adamant_auth::register(Catalogue::new())));
        let source = Source::new("gateway.yaml", text.as_bytes());
        let (config, canonical) = adamant_policy::load(&source, &catalogue).expect("the file holds");
        let key = generated();
        let mut host = TrialHost::new().with_file("jwks.json", JWKS).with_file(
            "keys.json",
            format!(
                r#"{{"keys":[{{"id":"{}","consumer":"acme","hash":"{}","scopes":["orders:read"]}}]}}"#,
                key.id(),
                key.hash()
            ),
        );
        for (name, text) in &self.files {
            host = host.with_file(*name, text);
        }
        let secret = SecretRef::Env("SECRET".to_owned());
        host = host.with_secret(secret, crowd::SECRET);
        Plan::compile(config, &canonical, &catalogue, &mut host).expect("the plan compiles")
    }

    /// Requests for routes around the middle of the file.
    fn requests(&self) -> Vec<Request> {
        let first = (self.routes / 2).saturating_sub(TARGETS / 2);
        let root = if self.lost { "/q" } else { "/r" };
        let target = |number: usize| {
            let route = (first + number % TARGETS).min(self.routes - 1);
            let target = format!("{root}/{route:05}/{}?limit=10", self.rest.1);
            let method = Method::from_bytes(self.method.as_bytes()).expect("a method");
            let request = Request::build(method, &target).expect("a target");
            let host = host(route);
            let request = [
                ("host", host.as_str()),
                ("user-agent", "curl/8.5.0"),
                ("accept", "*/*"),
            ]
            .iter()
            .fold(request, |request, (name, value)| request.with_header(name, value));
            match self.credentials.get(number % self.credentials.len().max(1)) {
                Some((name, value)) => request.with_header(name, value),
                None => request,
            }
        };
        (0..self.credentials.len().max(TARGETS)).map(target).collect()
    }
}

fn host(route: usize) -> String {
    format!("r{route:05}.example.test")
}

fn generated() -> GeneratedKey {
    ApiKey::generate(&[7; 37])
}

/// What is counted: one decision, from a head that was read to a verdict.
#[inline(never)]
fn decide(
    plan: &Plan,
    exchange: &mut Exchange,
    origin: Origin,
    head: &mut RequestHeader,
) -> Result<Progress, Refusal> {
    exchange.begin(origin, plan.layout().slots(), plan.layout().words());
    exchange.request.swap_head(head);
    plan.receive(exchange, ListenerId(0))?;
    Ok(plan.request(exchange))
}

/// What came of it. A hook that had to wait (the signature of a new token) is seen to its end here, so that it
/// does not count: from then on the token is remembered.
fn refused(plan: &Plan, exchange: &mut Exchange, outcome: Result<Progress, Refusal>) -> Option<&'static str> {
    let decided = match outcome {
        Err(refusal) => return Some(refusal.reason.code()),
        Ok(Progress::Done(decided)) => decided,
        Ok(Progress::Waits(from)) => {
            let mut rest = pin!(plan.request_from(exchange, from));
            let mut context = Context::from_waker(Waker::noop());
            loop {
                if let Poll::Ready(decided) = rest.as_mut().poll(&mut context) {
                    break decided;
                }
            }
        }
    };
    match decided {
        Decided::Go => None,
        Decided::Refuse(refusal) => Some(refusal.reason.code()),
        Decided::Reply(_) => panic!("no filter of these cases answers by itself"),
    }
}

fn main() {
    let mut arguments = std::env::args().skip(1);
    let (name, rounds) = (arguments.next(), arguments.next());
    let (Some(name), Some(rounds)) = (name, rounds.and_then(|rounds| rounds.parse::<u64>().ok())) else {
        panic!("usage: decisions CASE ROUNDS");
    };
    if name == "library" {
        return crowd::decode(rounds);
    }
    let case = Case::named(&name);
    let plan = case.plan();
    let requests = case.requests();
    let mut exchange = Exchange::default();
    let mut last = None;
    for (round, request) in (0..rounds).zip(requests.iter().cycle()) {
        let mut head = request.head().clone();
        let origin = Origin {
            now: Tick(round * PERIOD),
            wall: WALL,
            ..request.origin().clone()
        };
        let outcome = decide(&plan, &mut exchange, origin, &mut head);
        last = refused(&plan, &mut exchange, outcome);
        exchange.end();
    }
    assert_eq!(last, case.refused, "the last decision");
}
