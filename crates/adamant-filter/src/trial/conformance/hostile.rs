//! Requests and bodies as an attacker writes them: the same ones on each run.
//!
//! Only what the transport lets through: paths are canonical and values hold no control characters by the time a
//! filter sees them. Everything else is fair.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use http::Method;
use http::header::{HeaderName, HeaderValue};
use serde_json::Value;

use crate::{Request, Tick, Wall};

/// Fields that filters read.
const NAMES: &[&str] = &[
    "authorization",
    "cookie",
    "host",
    "x-api-key",
    "content-type",
    "content-length",
    "content-encoding",
    "content-digest",
    "transfer-encoding",
    "accept",
    "accept-language",
    "origin",
    "access-control-request-method",
    "access-control-request-headers",
    "forwarded",
    "x-forwarded-for",
    "signature",
    "signature-input",
    "dpop",
    "webhook-id",
    "webhook-timestamp",
    "webhook-signature",
    "if-none-match",
    "range",
    "user-agent",
];

/// Values that parsers stumble over.
const VALUES: &[&[u8]] = &[
    b"",
    b" ",
    b"\t,\t,",
    b",;=\"\\",
    b"\"",
    b"\"\\\"",
    b"a=b; a=b; a",
    b"a=\"b\", a=\"",
    b"Bearer",
    b"Bearer ",
    b"bearer  a b",
    b"Bearer ..",
    b"Bearer eyJhbGciOiJub25lIn0.e30.",
    b"Bearer eyJhbGciOiJSUzI1NiJ9.eyJleHAiOjFlOTk5fQ.AA",
    b"Basic",
    b"Basic Og==",
    b"Basic //8=",
    b"Basic YTpi",
    b"sig1=:AA==:",
    b"sig1=(\"@method\" \"@path\";req);created=99999999999999999999;keyid=\"\"",
    b"sha-256=:AA==:, sha-256=:",
    b"-1",
    b"0",
    b"18446744073709551616",
    b"1e309",
    b"%00%ff%zz",
    b"../../etc/passwd",
    b"\x80\xff\xfe\xc3\x28",
    b"\xf0\x9f\xa6\x80\xef\xbb\xbf",
    b"{\"a\":[[[[[[[[{}]]]]]]]]}",
    b"text/html;q=NaN, */*;q=",
    b"bytes=0-,-0,9-1",
    b"for=\"[::1\";proto=;host=\",",
];

/// Longest value that a head may bring.
const LONG: usize = 64 * 1024;

const TARGETS: &[&str] = &[
    "/",
    "/?",
    "/?a=%zz&&==&%00=%ff&a",
    "/%2F/%20//a;b=c/",
    "/a/b?x=1&x=2&x=3",
    "/%F0%9F%A6%80",
    "/?token=..&access_token=Bearer&state=&code=",
];

const METHODS: &[&str] = &[
    "GET", "HEAD", "POST", "PUT", "OPTIONS", "DELETE", "PROPFIND", "get",
];

/// Bodies of requests and answers.
pub(super) const BODIES: &[&[u8]] = &[
    b"",
    b"{}",
    b"{\"a\":[1,{\"b\":null}],\"a\":2}",
    b"{\"a\":",
    b"a=1&b=%zz&&=\r\n",
    b"\x00\xff\xfe\xc3\x28\xed\xa0\x80",
    b"--x\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n--x--",
];

/// A request that is still to be made, as often as it is needed.
#[derive(Clone, Debug)]
pub(super) struct Case {
    method: &'static str,
    target: String,
    fields: Vec<(HeaderName, HeaderValue)>,
    client: IpAddr,
    now: Tick,
    wall: Wall,
    ends: u16,
}

impl Case {
    fn new(method: &'static str, target: &str) -> Self {
        Self {
            method,
            target: target.to_owned(),
            fields: Vec::new(),
            client: IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)),
            now: Tick(1_000_000_000_000),
            wall: Wall(1_800_000_000_000),
            ends: 200,
        }
    }

    fn with(mut self, name: &HeaderName, value: &HeaderValue) -> Self {
        self.fields.push((name.clone(), value.clone()));
        self
    }

    /// The request.
    pub(super) fn request(&self) -> Option<Request> {
        let method = Method::from_bytes(self.method.as_bytes()).ok()?;
        let request = Request::build(method, &self.target).ok()?;
        let mut request = request.from_client(self.client).at(self.now, self.wall);
        for (name, value) in &self.fields {
            request.append_header(name.clone(), value.clone());
        }
        Some(request)
    }

    /// With which status the exchange ends when nothing refuses it.
    pub(super) const fn ends(&self) -> u16 {
        self.ends
    }

    /// What the case is, for messages; a long value is cut.
    pub(super) fn told(&self) -> String {
        let mut told = format!("{:?}", (self.method, &self.target, &self.fields, self.client));
        if let Some((end, _)) = told.char_indices().nth(400) {
            told.truncate(end);
            told.push_str(" …");
        }
        told
    }
}

/// All cases against a filter with this configuration.
pub(super) fn cases(config: &Value) -> Vec<Case> {
    let names = names(config);
    let values = values(config);
    let mut cases: Vec<Case> = METHODS
        .iter()
        .flat_map(|method| TARGETS.iter().map(|target| Case::new(method, target)))
        .collect();
    cases.push(Case::new("GET", &format!("/{}", "a/".repeat(4_000))));
    cases.push(Case::new("GET", &format!("/?{}", "a&".repeat(4_000))));
    for name in &names {
        for value in &values {
            let once = Case::new("GET", "/").with(name, value);
            cases.push(once.clone().with(name, value));
            cases.push(once);
        }
    }
    let mut random = Random(1);
    cases.extend((0..500).map(|_| random.case(&names, &values)));
    for (wall, now) in [(0, 0), (253_402_300_799_999, u64::MAX / 4), (1, 1)] {
        let mut odd = Case::new("POST", "/");
        (odd.wall, odd.now) = (Wall(wall), Tick(now));
        cases.push(odd);
    }
    cases
}

/// A request unlike all others, by its number.
pub(super) fn distinct(config: &Value, number: u32) -> Case {
    let mut case = Case::new("GET", &format!("/{number}?n={number}"));
    case.client = IpAddr::V4(Ipv4Addr::from_bits(0x0a00_0000 + number));
    case.ends = if number.is_multiple_of(2) { 200 } else { 401 };
    case.now = Tick(case.now.0 + u64::from(number) * 1_000);
    let text = format!("Bearer {number:064}");
    // Digits are a value of a field.
    let value = HeaderValue::try_from(text).unwrap_or_else(|_| HeaderValue::from_static("x"));
    let known = ["authorization", "cookie", "x-api-key", "dpop"].map(HeaderName::from_static);
    for name in known.into_iter().chain(named(config).take(8)) {
        case.fields.push((name, value.clone()));
    }
    case
}

/// Names that filters read, and those that this configuration seems to name.
fn names(config: &Value) -> Vec<HeaderName> {
    let mut names: Vec<_> = NAMES.iter().map(|name| HeaderName::from_static(name)).collect();
    names.extend(named(config).take(16));
    names
}

/// What of a configuration can be the name of a field.
fn named(config: &Value) -> impl Iterator<Item = HeaderName> {
    let texts = strings(config).into_iter();
    texts.filter_map(|text| HeaderName::try_from(text.strip_prefix("header:").unwrap_or(text)).ok())
}

/// Hostile values, and those of the configuration, which a filter may compare with.
fn values(config: &Value) -> Vec<HeaderValue> {
    let configured = strings(config).into_iter().take(16).map(str::as_bytes);
    let long = vec![b'a'; LONG];
    let dots = b"Bearer a.".repeat(LONG / 9);
    let all = VALUES.iter().copied().chain([long.as_slice(), dots.as_slice()]);
    all.chain(configured)
        .filter_map(|value| HeaderValue::from_bytes(value).ok())
        .collect()
}

/// All texts of a configuration: its keys and its scalars.
fn strings(value: &Value) -> Vec<&str> {
    match value {
        Value::String(text) => vec![text],
        Value::Array(items) => items.iter().flat_map(strings).collect(),
        Value::Object(entries) => {
            let each = entries.iter();
            each.flat_map(|(key, value)| std::iter::once(key.as_str()).chain(strings(value)))
                .collect()
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => Vec::new(),
    }
}

/// Numbers without a pattern: SplitMix64, the same on each run.
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed >> 33) % (end.max(1) as u64)).unwrap_or(0)
    }

    fn of<'t, T>(&mut self, from: &'t [T]) -> Option<&'t T> {
        from.get(self.below(from.len()))
    }

    fn case(&mut self, names: &[HeaderName], values: &[HeaderValue]) -> Case {
        let method = self.of(METHODS).copied().unwrap_or("GET");
        let target = self.of(TARGETS).copied().unwrap_or("/");
        let mut case = Case::new(method, target);
        case.client = IpAddr::V6(Ipv6Addr::from_bits(self.below(usize::MAX) as u128));
        for _ in 0..self.below(8) {
            let Some(name) = self.of(names).cloned() else {
                continue;
            };
            let value = if self.below(2) == 0 {
                self.of(values).cloned()
            } else {
                let length = self.below(40);
                let bytes: Vec<u8> = (0..length).map(|_| self.byte()).collect();
                HeaderValue::from_bytes(&bytes).ok()
            };
            case.fields.extend(value.map(|value| (name, value)));
        }
        case
    }

    /// A byte that a value may have.
    fn byte(&mut self) -> u8 {
        let byte = u8::try_from(self.below(256)).unwrap_or(b'a');
        if byte < 32 || byte == 127 { b'.' } else { byte }
    }
}
