//! People who sign in: what issuer, gateway and browser share with each other is told nobody else.
//!
//! A browser is told its own cookies and where it is sent; everything else in answers to it is searched, too.

use adamant_tests::issuer::{OTHER_TOKENS, SECRET};
use adamant_tests::login::{COOKIES, Keys, OTHER_COOKIES, USUAL, policy};
use adamant_tests::{Answer, Browser, Issuer, Origin, Response, Seen};
use jsonwebtoken::Algorithm;
use serde_json::json;

use crate::broken::twisted;
use crate::story::Story;

const PRIVATE: &str = "private-words-of-an-issuer-T0PS3CRET";

/// A parameter of a query or of a form.
fn parameter(text: &str, name: &str) -> String {
    let query = text.split_once('?').map_or(text, |(_, query)| query);
    let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    pairs
        .find(|(known, _)| *known == name)
        .map_or_else(String::new, |(_, value)| value.to_owned())
}

/// Keeps an answer without what this browser has to be told.
fn keep(story: &mut Story<'_>, place: &str, answer: &Response) {
    let mut answer = answer.clone();
    answer.fields.0.retain(|(name, value)| {
        let is_sent_to_sign_in = name.eq_ignore_ascii_case("location") && value.contains("code_challenge=");
        !name.eq_ignore_ascii_case("set-cookie") && !is_sent_to_sign_in
    });
    story.said.response(place, &answer);
}

/// Begins a login: the browser that did, its state, and where the issuer sends it back to.
async fn begin(story: &mut Story<'_>, issuer: &Issuer) -> (Browser, String) {
    let mut browser = Browser::new(story.gateway());
    let answer = browser.open("/orders?page=2").await;
    keep(story, "a login begins", &answer);
    let location = answer.field("location").expect("a redirect").to_owned();
    story.hides(["state", "nonce", "code_challenge"].map(|name| parameter(&location, name)));
    story.hides([browser.value("__Host-session-login")]);
    let state = parameter(&location, "state");
    let back = if location.starts_with(issuer.address()) {
        issuer.sign_in(&location).await
    } else {
        format!("/callback?code=code-T0PS3CRET-0123456789&state={state}")
    };
    story.hides([parameter(&back, "code")]);
    (browser, back)
}

/// Signs in, uses the session, and does with it and with the login what must not be done.
async fn sign_in(story: &mut Story<'_>, issuer: &Issuer) {
    let (mut browser, back) = begin(story, issuer).await;
    let login = browser.clone();
    let code = issuer.last_code();
    story.hides([
        code.clone(),
        code.rsplit('/').next().unwrap_or_default().to_owned(),
    ]);
    // What comes back to another browser, twisted, doubled, and without its other half.
    let state = parameter(&back, "state");
    let spoilt = [
        back.replace(&state, &twisted(&state)),
        back.replace("code=", "code=x"),
        format!("{back}&{}", back.split_once('?').map_or("", |(_, query)| query)),
        format!("{back}&iss=https%3A%2F%2Fevil.test%2F"),
        format!("/callback?state={state}"),
        format!("/callback?code={}", parameter(&back, "code")),
        format!("/callback?error={state}&state={state}"),
    ];
    for target in &spoilt {
        for mut browser in [login.clone(), Browser::new(story.gateway())] {
            let answer = browser.open(target).await;
            assert!(answer.status >= 400, "{target}: {}", answer.text());
            keep(story, "a login that is refused", &answer);
        }
    }
    let answer = Browser::new(story.gateway()).open(&back).await;
    keep(story, "another browser", &answer);
    // Some of that has used up the code.
    let (next, back) = begin(story, issuer).await;
    browser = next;
    let mut again = browser.clone();
    let answer = browser.open(&back).await;
    assert_eq!(answer.status, 302, "{}", answer.text());
    keep(story, "a login ends", &answer);
    let answer = again.open(&back).await;
    assert!(answer.status >= 400, "{}", answer.text());
    keep(story, "a login comes back twice", &answer);
    let session = browser.value("__Host-session");
    story.hides([session.clone(), issuer.last_code()]);
    let answer = browser.open("/orders?page=2").await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    keep(story, "a page", &answer);
    let cookie = vec![
        "Host: app.test".to_owned(),
        format!("Cookie: a=1; __Host-session={session}"),
    ];
    story.misuse("/orders", &cookie, &[session]).await;
    story.explains("/orders", &cookie);
    story.explains(&back, &[]);
    let answer = browser
        .take("POST", "/logout", &["Origin: https://app.test"])
        .await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    keep(story, "a logout", &answer);
}

#[tokio::test]
async fn what_a_login_is_made_of_is_told_nobody() {
    let (issuer, origin) = (Issuer::start(&[Algorithm::ES256]).await, Origin::hello().await);
    issuer.twist("private", json!(PRIVATE));
    for more in [
        ", logout: /logout",
        ", logout: /logout, secret: { env: CLIENT_SECRET }, client-authentication: post",
    ] {
        let setup = policy(&issuer, &origin, Keys { more, ..USUAL });
        let mut story = Story::begin(setup, &[("CLIENT_SECRET", SECRET)]).await;
        story.hides([SECRET, COOKIES, OTHER_COOKIES, PRIVATE]);
        story.hides(OTHER_TOKENS);
        sign_in(&mut story, &issuer).await;
        let token = issuer.last_token();
        story.hides(token.split('.').map(str::to_owned).collect::<Vec<_>>());
        story.hides([token]);
        let asked = issuer.seen();
        let verifiers = asked.iter().filter(|seen| seen.method == "POST").map(|seen| {
            let form = String::from_utf8_lossy(&seen.body).into_owned();
            parameter(&form, "code_verifier")
        });
        let verifiers: Vec<String> = verifiers.collect();
        assert!(
            verifiers.iter().all(|verifier| verifier.len() >= 43),
            "{verifiers:?}"
        );
        story.hides(verifiers);
        story.ends().await;
    }
}

/// An issuer whose token end repeats what it was sent.
fn failure(kind: &str, seen: &Seen) -> Answer {
    let form = String::from_utf8_lossy(&seen.body);
    let credential = seen.field("authorization").unwrap_or_default();
    let text = format!("{form} {credential} {PRIVATE}");
    let [access, refresh] = OTHER_TOKENS;
    let json =
        |value: serde_json::Value| Answer::ok(value.to_string()).with("content-type", "application/json");
    match kind {
        "500" => Answer::ok(text).with_status(500),
        "400" => json(json!({ "error": text, "error_description": text })).with_status(400),
        "401" => json(json!({ "error": "invalid_client", "error_description": text })).with_status(401),
        "302" => Answer::status(302).with("location", &format!("http://127.0.0.1:1/?{form}")),
        "text" => Answer::ok(text),
        "no-token" => json(json!({ "access_token": access, "refresh_token": refresh, "echo": text })),
        "no-jwt" => json(json!({ "access_token": access, "refresh_token": refresh, "id_token": text })),
        "number" => json(json!({ "id_token": 7, "access_token": access, "echo": text })),
        "raw" => Answer::raw(format!("{text} is no HTTP\r\n\r\n")),
        _ => Answer::reset(),
    }
}

#[tokio::test]
async fn an_issuer_that_fails_is_quoted_nowhere() {
    let (issuer, origin) = (Issuer::start(&[Algorithm::ES256]).await, Origin::hello().await);
    for kind in [
        "500", "400", "401", "302", "text", "no-token", "no-jwt", "number", "raw", "reset", "down",
    ] {
        let broken = Origin::start(move |seen| failure(kind, seen)).await;
        let address = if kind == "down" {
            "127.0.0.1:1".to_owned()
        } else {
            broken.address().to_string()
        };
        let endpoints = format!(
            "endpoints: {{ authorization: \"https://id.test/authorize\", token: \"http://{address}/token\" }},"
        );
        let keys = Keys {
            endpoints: &endpoints,
            ..USUAL
        };
        let mut story = Story::begin(policy(&issuer, &origin, keys), &[]).await;
        story.hides([SECRET, COOKIES, OTHER_COOKIES, PRIVATE]);
        story.hides(OTHER_TOKENS);
        for _ in 0..2 {
            let (mut browser, back) = begin(&mut story, &issuer).await;
            let answer = browser.open(&back).await;
            assert!(answer.status >= 400, "{kind}: {answer:?}");
            keep(&mut story, kind, &answer);
        }
        for seen in broken.seen() {
            let form = String::from_utf8_lossy(&seen.body).into_owned();
            story.hides([parameter(&form, "code_verifier")]);
            story.hides(
                seen.field("authorization")
                    .map(|line| line.trim_start_matches("Basic ").to_owned()),
            );
        }
        story.ends().await;
    }
}
