//! What may be written in a `*.test.yaml` file, with a place for everything that is wrong with it.
//!
//! Knows nothing of a policy: names of routes and upstreams are only compared with what was found.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use adamant_filter::{Period, Problem, Problems, Spanned, Wall, decode};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::{Expectation, Trial, Trials};
use crate::explain::{Given, Question};
use crate::text::{Source, parse};

/// When tests begin that do not say: 2026-01-01T00:00:00Z.
const NOW: Wall = Wall(1_767_225_600_000);

/// Requests that one test may send.
const REPEAT_MAX: u32 = 1_000_000;

/// A file of policy tests.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct File {
    /// Version of this language.
    #[serde(rename = "adamant-test")]
    #[expect(dead_code, reason = "read for its check alone: there is one version")]
    version: Version,
    /// What is given in every test.
    #[serde(default)]
    with: With,
    /// The tests. Each begins anew: they share neither time nor limits.
    #[schemars(length(min = 1))]
    tests: Vec<Spanned<Entry>>,
}

/// Version of the language.
#[derive(Debug, Deserialize, JsonSchema)]
enum Version {
    /// The first one.
    #[serde(rename = "1")]
    One,
}

/// What is given in every test.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct With {
    /// The issuer's key file, for which keys made for the run stand. The file need not exist.
    #[serde(default)]
    jwks: Option<Spanned<PathBuf>>,
    /// When every test begins, such as `2026-11-23T12:00:00Z`.
    #[serde(default)]
    now: Option<Spanned<String>>,
}

/// A test.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Entry {
    /// What it shows, as a sentence.
    name: Spanned<String>,
    /// The request.
    request: Spanned<Request>,
    /// What the upstream answers when the request is forwarded, so that what leaves can be expected.
    #[serde(default)]
    upstream: Option<Upstream>,
    /// How often the request is sent. Default: once.
    #[serde(default)]
    repeat: Option<Spanned<u32>>,
    /// Time that passes before the last request is sent; tokens are made before that.
    #[serde(default)]
    after: Option<Period>,
    /// What is expected of every request; of all but the last when `expect-last` is there.
    #[serde(default)]
    expect: Option<Spanned<Expect>>,
    /// What is expected of the last request.
    #[serde(default)]
    expect_last: Option<Spanned<Expect>>,
}

/// A request: one method with its URL, such as `get: https://api.example.com/v1/orders`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Request {
    /// URL of a GET request.
    #[serde(default)]
    get: Option<Spanned<String>>,
    /// URL of a HEAD request.
    #[serde(default)]
    head: Option<Spanned<String>>,
    /// URL of a POST request.
    #[serde(default)]
    post: Option<Spanned<String>>,
    /// URL of a PUT request.
    #[serde(default)]
    put: Option<Spanned<String>>,
    /// URL of a PATCH request.
    #[serde(default)]
    patch: Option<Spanned<String>>,
    /// URL of a DELETE request.
    #[serde(default)]
    delete: Option<Spanned<String>>,
    /// URL of an OPTIONS request.
    #[serde(default)]
    options: Option<Spanned<String>>,
    /// Any other method, with `url` beside it.
    #[serde(default)]
    method: Option<Spanned<String>>,
    /// URL of a request with `method`.
    #[serde(default)]
    url: Option<Spanned<String>>,
    /// Header fields.
    #[serde(default)]
    headers: BTreeMap<String, String>,
    /// The client's address.
    #[serde(default)]
    client: Option<Spanned<String>>,
    /// Name of the listener. Default: by the URL.
    #[serde(default)]
    listener: Option<String>,
    /// Claims of a token made for the test, with `alg`, `typ` and `kid` for its header. What the policy asks
    /// for is filled in; a claim that is `null` is left out.
    #[serde(default)]
    jwt: Option<Spanned<Map<String, Value>>>,
}

/// An answer of an upstream, such as `{ headers: { content-type: application/json }, body: '{"id":7}' }`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Upstream {
    /// Its status, 200 to 599. Default: 200.
    #[serde(default)]
    status: Option<Spanned<u16>>,
    /// Header fields. `content-length` is that of the body unless it stands here.
    #[serde(default)]
    headers: BTreeMap<String, String>,
    /// Its body. Default: empty.
    #[serde(default)]
    body: String,
}

/// What is expected. What is not written may be anything.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Expect {
    /// Status of the gateway's own answer, or of what leaves of the upstream's where `upstream` says it.
    #[serde(default)]
    status: Option<Spanned<u16>>,
    /// Why it is refused, such as `jwt.expired`.
    #[serde(default)]
    reason: Option<Spanned<String>>,
    /// Name of the route.
    #[serde(default)]
    route: Option<Spanned<String>>,
    /// Name of the upstream to which it is forwarded.
    #[serde(default)]
    to: Option<Spanned<String>>,
    /// Who the client proved to be.
    #[serde(default)]
    consumer: Option<Spanned<String>>,
    /// Header fields of that answer.
    #[serde(default)]
    header: BTreeMap<String, Spanned<String>>,
    /// The body of that answer, to the last byte. It needs `upstream`.
    #[serde(default)]
    body: Option<Spanned<String>>,
}

impl Trials {
    /// Reads a file of tests.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn read(source: &Source) -> Result<Self, Problems> {
        let parsed = parse(source);
        let mut problems = parsed.problems;
        let Some(root) = parsed.node else {
            return Err(problems);
        };
        let Some(file) = problems.take(decode::<File>(&root)) else {
            problems.sort();
            return Err(problems);
        };
        let now = file.with.now.as_ref().map_or(Ok(NOW), moment);
        let now = problems.take(now).unwrap_or(NOW);
        let mut names = BTreeSet::new();
        let mut trials = Vec::new();
        for entry in file.tests {
            if !names.insert(entry.value.name.value.clone()) {
                let text = format!("two tests are named `{}`", entry.name.value);
                problems.push(Problem::new("names.duplicate", text).with_span(entry.name.span));
            }
            trials.extend(problems.take(entry.value.into_trial()));
        }
        problems.or(Self {
            keys: file.with.jwks,
            now,
            trials,
        })
    }
}

impl Entry {
    fn into_trial(self) -> Result<Trial, Problems> {
        let mut problems = Problems::new();
        let request_span = self.request.span;
        let repeat = self.repeat.unwrap_or(Spanned::from(1));
        if !(1..=REPEAT_MAX).contains(&repeat.value) {
            let text = format!("a test sends 1 to {REPEAT_MAX} requests, not {}", repeat.value);
            problems.push(Problem::new("values.range", text).with_span(repeat.span));
        }
        if self.expect.is_none() && self.expect_last.is_none() {
            let text = format!("the test `{}` expects nothing", self.name.value);
            let problem = Problem::new("tests.vain", text).with_span(self.name.span);
            problems
                .push(problem.with_help("add `expect` with status, reason, route, to, consumer or header"));
        }
        let bodies = [&self.expect, &self.expect_last].map(|expect| expect.as_ref()?.value.body.as_ref());
        if let Some(body) = bodies.into_iter().flatten().next()
            && self.upstream.is_none()
        {
            let text = "no body is known without what the upstream answers";
            let problem = Problem::new("keys.missing", text).with_span(body.span);
            problems.push(problem.with_help("say it by `upstream: { body: '...' }` beside `request`"));
        }
        let expect = self.expect.and_then(|expect| problems.take(expectation(expect)));
        let expect_last = self
            .expect_last
            .and_then(|expect| problems.take(expectation(expect)));
        let token = self.request.value.jwt.clone();
        let upstream = self.upstream.map(given).transpose();
        let upstream = problems.take(upstream).flatten();
        let question = problems.take(question(self.request));
        let question = question.map(|question| Question { upstream, ..question });
        let after = self.after.map_or(Duration::ZERO, Period::duration);
        let Some(question) = question else {
            return Err(problems);
        };
        let repeat = repeat.value;
        problems.or(Trial {
            name: self.name,
            question,
            request_span,
            token,
            repeat,
            after,
            expect,
            expect_last,
        })
    }
}

fn question(request: Spanned<Request>) -> Result<Question, Problem> {
    let span = request.span;
    let request = request.value;
    let named = [
        ("GET", request.get),
        ("HEAD", request.head),
        ("POST", request.post),
        ("PUT", request.put),
        ("PATCH", request.patch),
        ("DELETE", request.delete),
        ("OPTIONS", request.options),
    ];
    let mut written: Vec<(String, Spanned<String>)> = named
        .into_iter()
        .filter_map(|(method, url)| Some((method.to_owned(), url?)))
        .collect();
    match (request.method, request.url) {
        (Some(method), Some(url)) => written.push((method.value, url)),
        (None, None) => {}
        (Some(alone), None) | (None, Some(alone)) => {
            let text = "`method` and `url` stand together";
            return Err(Problem::new("keys.missing", text).with_span(alone.span));
        }
    }
    let Ok([(method, url)]) = <[_; 1]>::try_from(written) else {
        let problem =
            Problem::new("keys.choice", "a request has exactly one method with its URL").with_span(span);
        return Err(problem.with_help("write `get: https://HOST/PATH`, or another method"));
    };
    let client = request.client.as_ref().map(address).transpose()?;
    Ok(Question {
        method,
        url: url.value,
        headers: request.headers.into_iter().collect(),
        client,
        listener: request.listener,
        upstream: None,
    })
}

fn given(upstream: Upstream) -> Result<Given, Problem> {
    let status = upstream.status.unwrap_or(Spanned::from(200));
    if !(200..600).contains(&status.value) {
        let text = format!(
            "an upstream answers by a status from 200 to 599, not {}",
            status.value
        );
        return Err(Problem::new("values.range", text).with_span(status.span));
    }
    Ok(Given {
        status: status.value,
        headers: upstream.headers.into_iter().collect(),
        body: upstream.body,
    })
}

fn address(text: &Spanned<String>) -> Result<IpAddr, Problem> {
    text.value.parse().map_err(|_| {
        Problem::new("values.invalid", format!("`{}` is not an address", text.value)).with_span(text.span)
    })
}

fn moment(text: &Spanned<String>) -> Result<Wall, Problem> {
    let time = text.value.parse::<jiff::Timestamp>().ok();
    let wall = time
        .and_then(|time| u64::try_from(time.as_millisecond()).ok())
        .map(Wall);
    wall.ok_or_else(|| {
        let problem = Problem::new(
            "values.invalid",
            format!("`{}` is not a point in time", text.value),
        );
        problem
            .with_span(text.span)
            .with_help("write a timestamp with its zone, such as `2026-11-23T12:00:00Z`")
    })
}

fn expectation(expect: Spanned<Expect>) -> Result<Expectation, Problem> {
    let Expect {
        status,
        reason,
        route,
        to,
        consumer,
        header,
        body,
    } = expect.value;
    let is_vain =
        status.is_none() && reason.is_none() && route.is_none() && to.is_none() && consumer.is_none();
    if is_vain && header.is_empty() && body.is_none() {
        return Err(Problem::new("tests.vain", "nothing is expected here").with_span(expect.span));
    }
    let header = header
        .into_iter()
        .map(|(name, value)| (name.to_ascii_lowercase(), value))
        .collect();
    Ok(Expectation {
        status,
        reason,
        route,
        to,
        consumer,
        header,
        body,
    })
}
