//! Tests of explanations.

use adamant_filter::prelude::*;
use adamant_filter::trial::TrialHost;
use adamant_filter::{Catalogue, SecretRef};

use super::*;
use crate::config::Config;
use crate::load;
use crate::text::{Color, Source, render};

/// Believes whoever names a user; waits for ever for `godot`.
pub(crate) struct Believe(Writes<Identity>);

#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Nothing {}

impl Filter for Believe {
    const NAME: &'static str = "believe";
    const ROLE: Role = Role::Authenticate;
    const REASONS: &'static [&'static Reason] = &[&Self::NOBODY];
    type Config = Nothing;

    fn build(_: Nothing, boot: &mut Boot<'_>) -> Result<Self, Problem> {
        Ok(Self(boot.writes::<Identity>()))
    }

    fn hooks(&self, hooks: Hooks<Self>) -> Hooks<Self> {
        hooks
            .request_or_async(Self::quick, Self::slow)
            .response(Self::stamp)
    }
}

impl Believe {
    const NOBODY: Reason = Reason::new("nobody", 401, "name a user");

    fn quick(&self, request: &mut Request) -> Option<Verdict> {
        let user = request
            .header(&HeaderName::from_static("x-user"))?
            .to_str()
            .ok()?
            .to_owned();
        if user == "godot" {
            return None;
        }
        request.put(&self.0, Identity::new("believe", "", &user));
        Some(Verdict::Pass)
    }

    async fn slow(&self, request: &mut Request) -> Verdict {
        if request.header(&HeaderName::from_static("x-user")).is_some() {
            std::future::pending::<()>().await;
        }
        Self::NOBODY.deny()
    }

    fn stamp(&self, response: &mut Response<'_>) -> Verdict {
        response.set_header(
            HeaderName::from_static("x-stamp"),
            HeaderValue::from_static("seen"),
        );
        Verdict::Pass
    }
}

/// Lets one pass in each second.
pub(crate) struct OneASecond(std::sync::Mutex<Option<Tick>>);

impl Filter for OneASecond {
    const NAME: &'static str = "one-a-second";
    const ROLE: Role = Role::Limit;
    const REASONS: &'static [&'static Reason] = &[&Self::LATER];
    type Config = Nothing;

    fn build(_: Nothing, _: &mut Boot<'_>) -> Result<Self, Problem> {
        Ok(Self(std::sync::Mutex::new(None)))
    }

    fn hooks(&self, hooks: Hooks<Self>) -> Hooks<Self> {
        hooks.request(Self::check)
    }
}

impl OneASecond {
    const LATER: Reason = Reason::new("later", 429, "one a second");

    fn check(&self, request: &mut Request) -> Verdict {
        let mut last = self.0.lock().unwrap();
        let now = request.now();
        if last.is_some_and(|last| now.since(last).as_secs() < 1) {
            return Self::LATER.deny();
        }
        *last = Some(now);
        Verdict::Pass
    }
}

pub(crate) const POLICY: &str = r#"
adamant: 1
listeners:
  secure: { bind: "127.0.0.1:8443", tls: { certificate: a.pem, key: { env: KEY } } }
  other: { bind: "127.0.0.1:9443", tls: { certificate: a.pem, key: { env: KEY } } }
  redirecting: { bind: "127.0.0.1:8080", redirect-to: secure }
  plain: { bind: "127.0.0.1:8081" }
upstreams:
  echo: { built-in: echo }
policies:
  known:
    - believe: {}
    - one-a-second: {}
routes:
  - name: fixed
    match: { path: /fixed }
    public: true
    respond: { status: 418, text: hello, headers: { x-kind: tea } }
  - name: all
    match: { path: /a/**, methods: [GET, PURGE] }
    filters: [{ use: known }]
    to: echo
"#;

fn loaded(text: &str) -> (Config, serde_json::Value, Catalogue) {
    let catalogue = Catalogue::new().filter::<Believe>("1").filter::<OneASecond>("1");
    let source = Source::new("gateway.yaml", text.as_bytes());
    match load(&source, &catalogue) {
        Ok((config, canonical)) => (config, canonical, catalogue),
        Err(problems) => panic!("{}", render(&source, &problems, Color::Off)),
    }
}

/// The plan of [`POLICY`].
pub(crate) fn plan() -> Plan {
    let (config, canonical, catalogue) = loaded(POLICY);
    let mut host = TrialHost::new().with_secret(SecretRef::Env("KEY".to_owned()), b"");
    Plan::compile(config, &canonical, &catalogue, &mut host).unwrap()
}

const NOW: Moment = Moment {
    tick: Tick(0),
    wall: Wall(0),
};

fn question(url: &str) -> Question {
    Question {
        method: "GET".to_owned(),
        url: url.to_owned(),
        headers: Vec::new(),
        client: None,
        listener: None,
        upstream: None,
    }
}

fn by(user: &str, url: &str) -> Question {
    Question {
        headers: vec![("x-user".to_owned(), user.to_owned())],
        ..question(url)
    }
}

fn explained(question: &Question) -> Explanation {
    plan().explain(question, NOW).unwrap()
}

#[test]
fn the_listener_follows_name_port_and_scheme() {
    let cases = [
        ("https://x/fixed", "secure"),
        ("https://x:9443/fixed", "other"),
        ("https://x:1/fixed", "secure"),
        ("http://x/fixed", "plain"),
        ("http://x:8080/fixed", "redirecting"),
        ("http://[::1]:8081/fixed", "plain"),
        ("HTTP://x:8443/fixed", "plain"),
    ];
    for (url, expected) in cases {
        assert_eq!(&*explained(&question(url)).listener, expected, "{url}");
    }
    let named = Question {
        listener: Some("other".to_owned()),
        ..question("http://x/fixed")
    };
    assert_eq!(&*explained(&named).listener, "other");
}

#[test]
fn the_target_is_what_is_written() {
    let cases = [
        (
            "http://X.example:8081/fixed",
            Some("x.example"),
            Some("/fixed"),
            Some(418),
        ),
        ("http://x/./fixed", Some("x"), Some("/fixed"), Some(418)),
        ("http://x/fixed?a=/b#", None, None, Some(400)),
        ("http://x/a/%2e%2e/fixed", None, None, Some(400)),
        ("http://x", Some("x"), Some("/"), Some(404)),
        ("http://x?a", Some("x"), Some("/"), Some(404)),
        ("http://x/a b", None, None, Some(400)),
    ];
    for (url, host, path, status) in cases {
        let told = explained(&question(url));
        let canonical = (told.canonical.host.as_deref(), told.canonical.path.as_deref());
        assert_eq!((canonical, told.status), ((host, path), status), "{url}");
    }
}

#[test]
fn a_host_field_wins_over_that_of_the_url() {
    let mut asked = question("http://x/fixed");
    asked.headers.push(("Host".to_owned(), "y".to_owned()));
    assert_eq!(explained(&asked).canonical.host.as_deref(), Some("y"));
    asked.headers.push(("host".to_owned(), "z".to_owned()));
    assert_eq!(explained(&asked).reason.as_deref(), Some("request.host-several"));
}

#[test]
fn what_describes_no_request_is_an_error() {
    let with = |change: fn(&mut Question)| {
        let mut asked = question("http://x/");
        change(&mut asked);
        plan().explain(&asked, NOW).unwrap_err()
    };
    assert!(matches!(with(|q| q.url = "/a".to_owned()), QuestionError::Url(_)));
    assert!(matches!(
        with(|q| q.url = "ftp://x/".to_owned()),
        QuestionError::Url(_)
    ));
    assert!(matches!(
        with(|q| q.url = "http:///a".to_owned()),
        QuestionError::Url(_)
    ));
    assert!(matches!(
        with(|q| q.url = "http://u@x/a".to_owned()),
        QuestionError::Url(_)
    ));
    assert!(matches!(
        with(|q| q.method = "G T".to_owned()),
        QuestionError::Method(_)
    ));
    assert!(matches!(
        with(|q| q.listener = Some("no".to_owned())),
        QuestionError::Listener(_)
    ));
    assert!(matches!(
        with(|q| q.headers.push(("a b".to_owned(), String::new()))),
        QuestionError::FieldName(_)
    ));
    assert!(matches!(
        with(|q| q.headers.push(("a".to_owned(), "\n".to_owned()))),
        QuestionError::FieldValue(_)
    ));
}

#[test]
fn a_filter_that_must_wait_is_followed_as_far_as_it_goes() {
    let nobody = explained(&question("http://x/a/b"));
    assert_eq!(
        (nobody.status, nobody.reason.as_deref()),
        (Some(401), Some("believe.nobody"))
    );
    assert_eq!(
        plan().explain(&by("godot", "http://x/a/b"), NOW),
        Err(QuestionError::Waits)
    );
}

#[test]
fn filters_keep_their_state_from_question_to_question() {
    let plan = plan();
    let asked = by("acme", "http://x/a/b");
    let at = |millis: u64| Moment {
        tick: Tick(millis * 1_000_000),
        wall: Wall(millis),
    };
    let reason = |moment| plan.explain(&asked, moment).unwrap().reason;
    assert_eq!(reason(at(0)), None);
    assert_eq!(reason(at(999)).as_deref(), Some("one-a-second.later"));
    assert_eq!(reason(at(1000)), None);
}

#[test]
fn our_own_answers_pass_the_response_hooks_of_their_route() {
    let refused = explained(&question("http://x/a/b"));
    assert_eq!(refused.headers.get("x-stamp").map(String::as_str), Some("seen"));
    let fixed = explained(&question("http://x/fixed"));
    let fields: Vec<_> = fixed
        .headers
        .iter()
        .map(|(name, value)| format!("{name}: {value}"))
        .collect();
    assert_eq!(fields, ["content-type: text/plain; charset=utf-8", "x-kind: tea"]);
}

#[test]
fn a_redirecting_listener_answers_without_a_route() {
    let told = explained(&question("http://x.example:8080/a/b?c"));
    assert_eq!((told.status, told.route.as_deref()), (Some(308), None));
    assert_eq!(
        told.headers.get("location").map(String::as_str),
        Some("https://x.example:8443/a/b?c")
    );
}

#[test]
fn the_text_tells_the_way_with_lines() {
    let text = explained(&by("acme", "http://x/a/b")).text("g.yaml");
    let expected = "\
listener  plain
client    203.0.113.1
canonical x/a/b
route     all
filter    g.yaml:12 believe pass (policy known)
filter    g.yaml:13 one-a-second pass (policy known)
consumer  acme
outcome   forwarded to echo
";
    assert_eq!(text, expected);
}

#[test]
fn the_route_of_a_question_runs_no_filter() {
    let plan = plan();
    let asked = by("acme", "http://x/a/b");
    for _ in 0..3 {
        assert_eq!(plan.route_of_question(&asked, NOW), Ok(Some(1)));
    }
    assert_eq!(plan.explain(&asked, NOW).map(|told| told.reason), Ok(None));
    assert_eq!(
        plan.route_of_question(&question("http://x/nowhere"), NOW),
        Ok(None)
    );
}
