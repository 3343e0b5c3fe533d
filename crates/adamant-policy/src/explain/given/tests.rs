//! Tests of given answers.

use adamant_filter::prelude::*;
use adamant_filter::trial::TrialHost;
use adamant_filter::{Catalogue, Reply};

use super::*;
use crate::explain::{Explanation, Moment, Question};
use crate::load;
use crate::text::{Color, Source, render};

#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct HideConfig {
    /// Whether longer bodies pass.
    pass: bool,
    /// Whether any body is held.
    hold: bool,
}

/// Hides digits in bodies of up to eight bytes, refuses answers with `x-odd`, and is sorry for what went wrong.
struct Hides(HideConfig);

const MOST: Size = Size::from_bytes(8);
const ODD: Reason = Reason::new("odd", 502, "the answer is odd");
const LONG: Reason = Reason::new("long", 502, "the answer is long");
const EVIL: Reason = Reason::new("evil", 502, "the answer is evil");

impl Filter for Hides {
    const NAME: &'static str = "hide";
    const ROLE: Role = Role::Shape;
    const REASONS: &'static [&'static Reason] = &[&ODD, &LONG, &EVIL];
    type Config = HideConfig;

    fn build(config: HideConfig, boot: &mut Boot<'_>) -> Result<Self, Problem> {
        boot.hold_response(MOST);
        Ok(Self(config))
    }

    fn hooks(&self, hooks: Hooks<Self>) -> Hooks<Self> {
        hooks.response(Self::head).response_body(Self::body)
    }
}

impl Hides {
    fn head(&self, response: &mut Response<'_>) -> Verdict {
        if response.header(&HeaderName::from_static("x-odd")).is_some() {
            return ODD.deny();
        }
        if response.status() == StatusCode::INTERNAL_SERVER_ERROR {
            return Verdict::Reply(Box::new(Reply {
                status: 503,
                fields: vec![(HeaderName::from_static("x-by"), HeaderValue::from_static("hide"))],
                body: Bytes::from_static(b"sorry"),
                refuses: false,
            }));
        }
        if self.0.hold {
            response.hold_body(
                MOST,
                if self.0.pass {
                    Over::Pass
                } else {
                    Over::Refuse(&LONG)
                },
            );
        }
        Verdict::Pass
    }

    #[expect(clippy::unused_self, reason = "hooks have it")]
    fn body(&self, _: &Request, chunk: &mut Chunk) -> Verdict {
        if chunk.data().starts_with(b"evil") {
            return EVIL.deny();
        }
        if chunk.is_whole() {
            let hidden = String::from_utf8_lossy(chunk.data()).replace(|c: char| c.is_ascii_digit(), "");
            chunk.replace(hidden.into());
        }
        Verdict::Pass
    }
}

fn plan(config: &str) -> Plan {
    let text = format!(
        r#"
adamant: 1
listeners: {{ public: {{ bind: "127.0.0.1:0" }} }}
upstreams: {{ echo: {{ built-in: echo }} }}
routes:
  - {{ name: all, match: {{ path: /** }}, public: true, to: echo, filters: [{{ hide: {config} }}] }}
"#
    );
    let catalogue = Catalogue::new().filter::<Hides>("1");
    let source = Source::new("gateway.yaml", text.as_bytes());
    let (config, canonical) = load(&source, &catalogue)
        .unwrap_or_else(|problems| panic!("{}", render(&source, &problems, Color::Off)));
    Plan::compile(config, &canonical, &catalogue, &mut TrialHost::new()).unwrap()
}

fn explained(config: &str, method: &str, given: &Given) -> Explanation {
    let question = Question {
        method: method.to_owned(),
        url: "http://x/a".to_owned(),
        headers: Vec::new(),
        client: None,
        listener: None,
        upstream: Some(given.clone()),
    };
    let at = Moment {
        tick: Tick(0),
        wall: Wall(0),
    };
    plan(config).explain(&question, at).unwrap()
}

fn given(status: u16, body: &str) -> Given {
    Given {
        status,
        headers: Vec::new(),
        body: body.to_owned(),
    }
}

#[test]
fn what_leaves_is_what_the_filters_make_of_it() {
    let holds = "{ pass: false, hold: true }";
    let cases = [
        // Held and changed.
        (
            holds,
            "GET",
            given(200, "id 123"),
            (Some(200), None, Some("id "), Some("3")),
        ),
        (
            holds,
            "GET",
            given(404, "id 123"),
            (Some(404), None, Some("id "), Some("3")),
        ),
        // Longer than what is held.
        (
            holds,
            "GET",
            given(200, "123456789"),
            (Some(502), Some("hide.long"), None, None),
        ),
        (
            "{ pass: true, hold: true }",
            "GET",
            given(200, "123456789"),
            (Some(200), None, Some("123456789"), Some("9")),
        ),
        // Refused by its body: in the place of the answer while it is held, too late for that otherwise.
        (
            holds,
            "GET",
            given(200, "evil"),
            (Some(502), Some("hide.evil"), None, None),
        ),
        (
            "{ pass: true, hold: false }",
            "GET",
            given(200, "evil"),
            (Some(200), Some("hide.evil"), Some(""), Some("4")),
        ),
        // Without a body.
        (
            holds,
            "HEAD",
            given(200, "id 123"),
            (Some(200), None, Some(""), None),
        ),
        (holds, "GET", given(204, ""), (Some(204), None, Some(""), None)),
        // Another answer in its place.
        (
            holds,
            "GET",
            given(500, "id 123"),
            (Some(503), None, Some("sorry"), None),
        ),
    ];
    for (config, method, given, expected) in cases {
        let told = explained(config, method, &given);
        let length = told.headers.get("content-length").map(String::as_str);
        let found = (told.status, told.reason.as_deref(), told.body.as_deref(), length);
        assert_eq!(found, expected, "{config} {method} {given:?}");
        assert_eq!(told.upstream.as_deref(), Some("echo"));
    }
}

#[test]
fn fields_leave_with_it_and_are_seen_by_the_filters() {
    let plain = Given {
        headers: vec![("X-Kind".to_owned(), "tea".to_owned())],
        ..given(200, "")
    };
    let told = explained("{ pass: false, hold: true }", "GET", &plain);
    assert_eq!(told.headers["x-kind"], "tea");
    assert!(
        told.text("f.yaml").contains("200 from echo"),
        "{}",
        told.text("f.yaml")
    );
    let odd = Given {
        headers: vec![("X-Odd".to_owned(), "yes".to_owned())],
        ..plain
    };
    let told = explained("{ pass: false, hold: true }", "GET", &odd);
    assert_eq!(
        (told.status, told.reason.as_deref()),
        (Some(502), Some("hide.odd"))
    );
}

#[test]
fn what_is_no_answer_is_told() {
    for status in [0, 101, 199, 600, 1000] {
        assert_eq!(
            given(status, "").head().err(),
            Some(QuestionError::Status(status))
        );
    }
    let wrong = Given {
        headers: vec![("no name".to_owned(), String::new())],
        ..given(200, "")
    };
    assert!(matches!(wrong.head(), Err(QuestionError::FieldName(_))));
}

#[test]
fn a_long_body_is_shown_in_part() {
    let body = "a\n".repeat(1_000);
    let text = explained("{ pass: true, hold: false }", "GET", &given(200, &body)).text("f.yaml");
    let line = text.lines().last().unwrap();
    assert!(
        line.starts_with("body      a\\na") && line.ends_with('…') && line.len() < 800,
        "{line}"
    );
}
