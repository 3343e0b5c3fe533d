//! Services that are asked about requests: whatever they answer, nobody is told what they were asked or what they
//! know.

use std::time::Duration;

use adamant_tests::gateway::Setup;
use adamant_tests::idp::now;
use adamant_tests::policy::to;
use adamant_tests::script::Step;
use adamant_tests::{Answer, Origin, Policy, Seen};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use crate::story::Story;

const TOKEN: &str = "opaque-token-T0PS3CRET-0123456789";
const COOKIE: &str = "cookie-of-a-client-T0PS3CRET";
const CLIENT_ENV: &str = "client secret of the environment: T0PS3CRET%/+";
const CLIENT_FILE: &str = "client-secret-of-a-file-T0PS3CRET";
const GRANT: &str = "grant-of-a-service-T0PS3CRET";
const PRIVATE: &str = "private-words-of-a-service-T0PS3CRET";

/// Everything that a service was sent, and what only it knows.
fn echo(seen: &Seen) -> String {
    let head = String::from_utf8_lossy(&seen.head);
    let body = String::from_utf8_lossy(&seen.body);
    format!("{head} {body} {PRIVATE} {GRANT}")
}

/// The same in one line.
fn line(seen: &Seen) -> String {
    echo(seen).replace(['\r', '\n'], " ")
}

fn json_of(text: String) -> Answer {
    Answer::stream(vec![Step::Data(text.into())]).with("content-type", "application/json")
}

/// How a service fails, and the status that comes of it.
const FAILURES: [&str; 8] = ["500", "400", "garbage", "raw", "half", "long", "reset", "silence"];

/// A service that fails in this way, and repeats what it was sent where it can.
fn failure(kind: &str, seen: &Seen) -> Answer {
    let text = echo(seen);
    match kind {
        "500" => Answer::ok(text).with_status(500).with("x-grant", GRANT),
        "400" => Answer::ok(text).with_status(400).with("x-grant", GRANT),
        "garbage" => json_of(format!("{{\"active\": true, \"{}", line(seen))),
        "raw" => Answer::raw(format!("{} is no HTTP\r\n\r\n", line(seen))),
        "half" => Answer::raw(format!(
            "HTTP/1.1 200 OK\r\nX-User: {}\r\nContent-Length: 100000\r\n\r\n{text}",
            line(seen)
        )),
        "long" => Answer::stream(vec![Step::Data(text.into()), Step::Fill(4 * 1024 * 1024)])
            .with("content-type", "application/json"),
        "reset" => Answer::reset(),
        _ => Answer::silence(),
    }
}

async fn failing() -> Vec<(&'static str, Origin)> {
    let mut all = Vec::new();
    for kind in FAILURES {
        all.push((kind, Origin::start(move |seen| failure(kind, seen)).await));
    }
    all
}

/// A gateway with a route for each of these steps.
fn gateway(origin: &Origin, routes: &[(String, String)]) -> Setup {
    // An upstream may say anything, such as what it was sent.
    let policy = Policy::new()
        .listener("public", "protocols: [h1, h2]")
        .upstream("origin", &to(origin))
        .observe("access-log: { to: stdout }");
    let policy = routes.iter().fold(policy, |policy, (name, step)| {
        let is_public = step.contains("forward-check");
        policy.route(&format!(
            "name: {name}\nmatch: {{ path: /{name} }}\npublic: {is_public}\nto: origin\nfilters:\n  - {step}"
        ))
    });
    Setup::new(&policy)
}

fn lines() -> Vec<String> {
    vec![
        format!("Authorization: Bearer {TOKEN}"),
        format!("Cookie: a=1; session={COOKIE}"),
    ]
}

/// Asks everything about each route: of its kind depends what is answered.
async fn ask_all(story: &mut Story<'_>, routes: &[(String, String)], expected: impl Fn(&str) -> u16) {
    for (name, _) in routes {
        let target = format!("/{name}");
        let kind = name.rsplit('-').next().unwrap_or_default();
        for _ in 0..2 {
            let answer = story.ask("GET", &target, &lines(), "").await;
            assert_eq!(answer.status, expected(kind), "{name}: {}", answer.text());
        }
        let answer = story.ask_h2(&target, &lines()).await;
        assert_eq!(answer.status, expected(kind), "{name}: {}", answer.text());
        story.explains(&target, &lines());
    }
}

#[tokio::test]
async fn what_introspection_asks_and_hears_is_told_nobody() {
    let origin = Origin::hello().await;
    let good = json!({"active": true, "sub": "acme", "exp": now() + 300, "private": PRIVATE});
    let says = |answer: serde_json::Value| move |_: &Seen| json_of(answer.to_string());
    let mut services = failing().await;
    services.push(("good", Origin::start(says(good.clone())).await));
    services.push((
        "inactive",
        Origin::start(says(json!({"active": false, "private": PRIVATE}))).await,
    ));
    let mut routes = Vec::new();
    for (by, secret) in [
        ("basic", "{ env: CLIENT_SECRET }"),
        ("body", "{ file: client.secret }"),
    ] {
        let mut add = |kind: &str, address: String| {
            let client = format!("client: {{ id: gateway, secret: {secret}, by: {by} }}");
            routes.push((
                format!("{by}-{kind}"),
                format!("introspection: {{ url: \"http://{address}/i\", {client}, any-audience: true, active-for: 1m, inactive-for: 0s, timeout: 300ms }}"),
            ));
        };
        for (kind, service) in &services {
            add(kind, service.address().to_string());
        }
        add("down", "127.0.0.1:1".to_owned());
    }
    let setup = gateway(&origin, &routes).file("client.secret", CLIENT_FILE);
    let mut story = Story::begin(setup, &[("CLIENT_SECRET", CLIENT_ENV)]).await;
    story.hides([TOKEN, COOKIE, CLIENT_FILE, PRIVATE, GRANT]);
    ask_all(&mut story, &routes, |kind| match kind {
        "good" => 200,
        "inactive" => 401,
        _ => 503,
    })
    .await;
    story.misuse("/basic-good", &lines(), &[TOKEN.to_owned()]).await;
    story
        .misuse("/body-inactive", &lines(), &[TOKEN.to_owned()])
        .await;
    let asked = services.iter().flat_map(|(_, service)| service.seen());
    let asked: Vec<String> = asked.map(|seen| echo(&seen)).collect();
    let by_basic = STANDARD.encode(format!(
        "gateway:{}",
        "client+secret+of+the+environment%3A+T0PS3CRET%25%2F%2B"
    ));
    for part in [TOKEN, CLIENT_FILE, &by_basic] {
        assert!(
            asked.iter().any(|text| text.contains(part)),
            "the services see {part}"
        );
    }
    story.hides([by_basic]);
    let told = story.gateway().stderr();
    assert!(told.contains("the exchange broke"), "{told}");
    story.ends().await;
}

#[tokio::test]
async fn what_a_service_is_asked_about_a_request_is_told_nobody() {
    let origin = Origin::start(|seen| match seen.target.as_str() {
        // An upstream may say anything, such as what it was sent.
        "/forward-auth-broken" => Answer::raw(format!("{} is no HTTP\r\n\r\n", line(seen))),
        _ => Answer::ok("hello"),
    })
    .await;
    let mut services = failing().await;
    for (kind, status) in [
        ("good", 200),
        ("broken", 200),
        ("refused", 401),
        ("forbidden", 403),
    ] {
        let script = move |seen: &Seen| {
            let answer = Answer::ok(echo(seen)).with_status(status);
            answer
                .with("x-user", "acme")
                .with("x-grant", GRANT)
                .after(Duration::ZERO)
        };
        services.push((kind, Origin::start(script).await));
    }
    let mut routes = Vec::new();
    for (filter, own) in [("forward-auth", ", consumer: x-user"), ("forward-check", "")] {
        let mut add = |kind: &str, address: String| {
            routes.push((
                format!("{filter}-{kind}"),
                format!("{filter}: {{ url: \"http://{address}/v\"{own}, send: [authorization, cookie], take: [x-grant], timeout: 300ms }}"),
            ));
        };
        for (kind, service) in &services {
            // A service that only says yes may say whatever else it likes.
            if !(filter == "forward-check" && ["garbage", "broken"].contains(kind)) {
                add(kind, service.address().to_string());
            }
        }
        add("down", "127.0.0.1:1".to_owned());
    }
    let mut story = Story::begin(gateway(&origin, &routes), &[]).await;
    story.hides([TOKEN, COOKIE, PRIVATE, GRANT]);
    ask_all(&mut story, &routes, |kind| match kind {
        "good" => 200,
        "refused" => 401,
        "forbidden" => 403,
        "broken" => 502,
        _ => 503,
    })
    .await;
    story
        .misuse(
            "/forward-auth-refused",
            &lines(),
            &[TOKEN.to_owned(), COOKIE.to_owned()],
        )
        .await;
    let seen = origin.seen();
    assert!(
        seen.iter().any(|seen| seen.field("x-grant") == Some(GRANT)),
        "the upstream sees what was taken"
    );
    assert!(story.gateway().stderr().contains("the exchange broke"));
    story.ends().await;
}
