//! `tenant-header`: asks a service whose host this is, and tells the upstream.

use std::sync::Arc;

use adamant_filter::offline::NO_ANSWER;
use adamant_filter::prelude::*;
use adamant_filter::unanswered::{BROKEN, LATE, LONG, UNREACHABLE, UNSENDABLE};
use adamant_filter::{Answer, Call, Target, Transport};

use crate::Tenant;
use crate::directory::{Directory, Known, Listed};

/// Longest name of a tenant, and so the longest answer.
const NAME_MAX: usize = 64;

/// Most hosts that can be remembered.
const REMEMBER_MAX: u32 = 1_000_000;

/// Finds out whose host a request asks for, and tells the upstream in a header field.
///
/// The service is asked `GET /tenants/HOST` and answers 200 with the tenant's name as text, or 404. What it has said
/// is remembered; whatever a client writes into the field is thrown away.
///
/// Example: `tenant-header: { service: "https://tenants.internal", field: x-tenant, remember-for: 5m }`
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct TenantHeaderConfig {
    /// Scheme, host and port of the service. Example: `https://tenants.internal`
    service: String,
    /// The field that tells the upstream. Default: `x-tenant`. Example: `x-customer`
    #[serde(default = "default_field")]
    field: String,
    /// Longest time for an answer. Default: `2s`. Example: `500ms`
    #[serde(default = "default_timeout")]
    timeout: Period,
    /// How many hosts are remembered, 768 bytes each. Default: 10000. Example: `1000`
    #[serde(default = "default_remember")]
    remember: u32,
    /// How long an answer is believed. Default: `5m`. Example: `30s`
    #[serde(default = "default_remember_for")]
    remember_for: Period,
}

fn default_field() -> String {
    "x-tenant".to_owned()
}

const fn default_timeout() -> Period {
    Period::from_secs(2)
}

const fn default_remember() -> u32 {
    10_000
}

const fn default_remember_for() -> Period {
    Period::from_secs(300)
}

/// The filter.
pub struct TenantHeader {
    service: Arc<dyn Transport>,
    field: HeaderName,
    directory: Directory,
    tenant: Writes<Tenant>,
}

impl std::fmt::Debug for TenantHeader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TenantHeader")
            .field("field", &self.field)
            .finish_non_exhaustive()
    }
}

impl Filter for TenantHeader {
    const NAME: &'static str = "tenant-header";
    const ROLE: Role = Role::Guard;
    const REASONS: &'static [&'static Reason] = &[
        &Self::UNKNOWN,
        &Self::BAD_ANSWER,
        &UNREACHABLE,
        &LATE,
        &LONG,
        &BROKEN,
        &UNSENDABLE,
        &NO_ANSWER,
    ];
    type Config = TenantHeaderConfig;

    fn build(config: TenantHeaderConfig, boot: &mut Boot<'_>) -> Result<Self, Problem> {
        if !(1..=REMEMBER_MAX).contains(&config.remember) {
            let problem = Problem::at("remember", format!("it is a number from 1 to {REMEMBER_MAX}"));
            return Err(problem);
        }
        if config.timeout.is_zero() || config.remember_for.is_zero() {
            let path = if config.timeout.is_zero() {
                "timeout"
            } else {
                "remember-for"
            };
            return Err(Problem::at(path, "no answer would ever be good"));
        }
        let field = HeaderName::try_from(config.field.as_str())
            .map_err(|_| Problem::at("field", "it is no name of a header field"))?;
        let target = Target {
            origin: config.service,
            timeout: config.timeout.duration(),
            answer_max: NAME_MAX as u64,
            authorities: None,
        };
        let service = boot
            .outbound(&target)
            .map_err(|problem| problem.with_path("service"))?;
        boot.reserve("hosts", Directory::bound(config.remember));
        Ok(Self {
            service,
            field,
            directory: Directory::new(config.remember, config.remember_for),
            tenant: boot.writes(),
        })
    }

    fn hooks(&self, hooks: Hooks<Self>) -> Hooks<Self> {
        hooks.request_or_async(Self::remembered, Self::ask)
    }
}

impl TenantHeader {
    const UNKNOWN: Reason = Reason::new("unknown", 404, "this host is nobody's");
    const BAD_ANSWER: Reason = Reason::new(
        "bad-answer",
        503,
        "the service that knows the tenants gave no clear answer",
    );

    /// Answers from memory, or not at all.
    fn remembered(&self, request: &mut Request) -> Option<Verdict> {
        // Whatever becomes of the request, what a client claims must not reach the upstream.
        request.discard_header(&self.field);
        let known = self.directory.look_up(request.host(), request.now())?;
        Some(self.settle(request, known))
    }

    /// Asks the service.
    async fn ask(&self, request: &mut Request) -> Verdict {
        let host = request.host();
        if !is_host(host) {
            return Self::UNKNOWN.deny();
        }
        let call = Call {
            method: Method::GET,
            target: format!("/tenants/{host}"),
            fields: Vec::new(),
            body: <_>::default(),
        };
        let tenant = match self.service.call(call).await {
            Ok(answer) => read(&answer),
            Err(fault) => return Verdict::Fault(fault),
        };
        match tenant {
            Ok(tenant) => {
                let known = self.directory.keep(request.host(), tenant, request.now());
                self.settle(request, known)
            }
            // What is no answer is not remembered: the next request asks again.
            Err(Unclear) => Self::BAD_ANSWER.fault(),
        }
    }

    fn settle(&self, request: &mut Request, known: Known) -> Verdict {
        let Some(listed) = known.tenant else {
            return Self::UNKNOWN.deny();
        };
        request.set_header(self.field.clone(), listed.value);
        request.put(&self.tenant, listed.tenant);
        Verdict::Pass
    }
}

/// An answer that says nothing.
struct Unclear;

/// What the service says: a tenant, or that the host is nobody's.
fn read(answer: &Answer) -> Result<Option<Listed>, Unclear> {
    match answer.status.as_u16() {
        404 => Ok(None),
        200 => {
            let name = str::from_utf8(&answer.body).map_err(|_| Unclear)?.trim();
            let is_name = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
            if name.is_empty() || name.len() > NAME_MAX || !name.bytes().all(is_name) {
                return Err(Unclear);
            }
            Ok(Some(Listed {
                tenant: Arc::new(Tenant(name.into())),
                value: HeaderValue::try_from(name).map_err(|_| Unclear)?,
            }))
        }
        _ => Err(Unclear),
    }
}

/// Whether a host can stand in the path of a call as it is.
fn is_host(host: &str) -> bool {
    let of = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.');
    !host.is_empty() && host.bytes().all(of)
}

#[cfg(test)]
mod tests {
    use adamant_filter::serde_json::{Value, json};
    use adamant_filter::trial::{Trial, TrialHost, conformance};

    use super::*;

    const SERVICE: &str = "https://tenants.test";
    const FIELD: HeaderName = HeaderName::from_static("x-tenant");

    fn config() -> Value {
        json!({ "service": SERVICE, "remember": 100, "remember-for": "10s" })
    }

    fn answer(status: u16, body: &'static str) -> Answer {
        Answer {
            status: StatusCode::from_u16(status).unwrap(),
            fields: Vec::new(),
            body: body.into(),
        }
    }

    fn at(second: u64) -> Request {
        let request = Request::build(Method::GET, "/").unwrap();
        request
            .at(Tick(second * 1_000_000_000), Wall(0))
            .with_header("x-tenant", "forged")
    }

    conformance!(conformance: TenantHeader, [config()], TrialHost::new().with_answer(SERVICE, answer(200, "acme")));

    #[test]
    fn the_upstream_learns_the_tenant_and_nothing_that_a_client_claims() {
        let mut host = TrialHost::new().with_answer(SERVICE, answer(200, "acme\n"));
        let trial = Trial::with_host::<TenantHeader>(&config(), &mut host);
        for second in [0, 9] {
            let mut request = trial.prepare(at(second));
            assert!(matches!(trial.ask(&mut request), Verdict::Pass));
            let told: Vec<_> = request.headers().filter(|(name, _)| **name == FIELD).collect();
            assert_eq!(told, [(&FIELD, &HeaderValue::from_static("acme"))]);
        }
        assert_eq!(host.calls(SERVICE), 1, "it is remembered");
        trial.request(at(10)).passes();
        assert_eq!(host.calls(SERVICE), 2, "but not for ever");
    }

    #[test]
    fn a_host_that_is_nobodys_is_remembered_as_such() {
        let mut host = TrialHost::new().with_answer(SERVICE, answer(404, ""));
        let trial = Trial::with_host::<TenantHeader>(&config(), &mut host);
        for _ in 0..2 {
            trial.request(at(0)).denied("tenant-header.unknown");
        }
        assert_eq!(host.calls(SERVICE), 1);
    }

    #[test]
    fn what_is_no_answer_is_a_fault_and_is_not_remembered() {
        for (status, body) in [(500, "acme"), (200, ""), (200, "a b"), (200, "\u{e9}")] {
            let mut host = TrialHost::new().with_answer(SERVICE, answer(status, body));
            let trial = Trial::with_host::<TenantHeader>(&config(), &mut host);
            let told = trial.request(at(0)).verdict;
            assert!(
                matches!(told, Verdict::Fault(fault) if fault.reason.code() == "bad-answer"),
                "{status} {body:?}: {told:?}"
            );
            host.answer(SERVICE, Some(answer(200, "acme")));
            trial.request(at(0)).passes();
        }
    }

    #[test]
    fn values_that_cannot_be_meant_are_refused() {
        for (key, value) in [
            ("remember", json!(0)),
            ("remember-for", json!("0s")),
            ("timeout", json!("0s")),
            ("field", json!("a b")),
        ] {
            let mut config = config();
            config[key] = value;
            let problems = Trial::try_build::<TenantHeader>(&config, &mut TrialHost::new()).unwrap_err();
            assert_eq!(problems.iter().next().unwrap().path(), Some(key));
        }
    }
}
