//! People who sign in at an issuer: the whole way of a browser, and everything that others would try on it.

use adamant_tests::issuer::{CLIENT, SECRET};
use adamant_tests::login::{COOKIES, Keys, USUAL, serving, told};
use adamant_tests::script::{Gate, Step};
use adamant_tests::{Answer, Browser, Issuer, Origin, Response, covers, wait};
use jsonwebtoken::Algorithm;
use serde_json::{Value, json};

#[tokio::test]
async fn a_browser_signs_in_and_comes_back_to_its_page() {
    covers(&[
        "policies.*[].oidc-login.issuer",
        "policies.*[].oidc-login.endpoints.authorization",
        "policies.*[].oidc-login.endpoints.token",
        "policies.*[].oidc-login.client",
        "policies.*[].oidc-login.secret.file",
        "policies.*[].oidc-login.keys.file",
        "policies.*[].oidc-login.origin",
        "policies.*[].oidc-login.session.secret.file",
    ]);
    let (issuer, origin) = (Issuer::start(&[Algorithm::ES256]).await, Origin::hello().await);
    let gateway = serving(&issuer, &origin, USUAL).await;
    let mut browser = Browser::new(&gateway);
    let answer = browser.open("/orders?page=2").await;
    assert_eq!(answer.status, 302, "{}", answer.text());
    assert_eq!(answer.field("cache-control"), Some("no-store"));
    let location = sent_to_sign_in(&answer);
    let back = issuer.sign_in(&location).await;
    let answer = browser.open(&back).await;
    assert_eq!(
        (answer.status, answer.field("location")),
        (302, Some("/orders?page=2")),
        "{}",
        answer.text()
    );
    assert_eq!(browser.names(), ["__Host-session"], "the login is over");
    let answer = browser.open("/orders?page=2").await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    // Requests that are no pages have the session, too.
    assert_eq!(
        browser
            .send("POST", "/orders", &["Cookie: theme=dark"])
            .await
            .status,
        200
    );
    let seen = origin.last();
    assert_eq!(
        seen.fields.all("cookie"),
        ["theme=dark"],
        "the upstream sees no session"
    );
    gateway.logged(4).await;
    let logged = gateway.stdout() + &gateway.stderr();
    let (code, session) = (issuer.last_code(), browser.value("__Host-session"));
    let code = code.rsplit('/').next().unwrap_or_default();
    for secret in [SECRET, COOKIES, "eyJ", code, &session] {
        assert!(!logged.contains(secret), "{secret} was logged");
    }
}

/// Where a browser is sent, with all that a login needs.
fn sent_to_sign_in(answer: &Response) -> String {
    let location = answer.field("location").expect("a browser is sent somewhere");
    for part in [
        "response_type=code",
        "client_id=app",
        "redirect_uri=https%3A%2F%2Fapp.test%2Fcallback",
        "scope=openid&",
        "code_challenge_method=S256",
    ] {
        assert!(location.contains(part), "{part}: {location}");
    }
    let cookie = answer.fields.all("set-cookie").join("\n");
    for part in [
        "__Host-session-login=",
        "; Path=/;",
        "; Secure",
        "; HttpOnly",
        "; SameSite=Lax",
    ] {
        assert!(cookie.contains(part), "{part}: {cookie}");
    }
    location.to_owned()
}

#[tokio::test]
async fn whoever_is_no_page_is_told_to_sign_in() {
    let (issuer, origin) = (Issuer::start(&[Algorithm::ES256]).await, Origin::hello().await);
    let gateway = serving(&issuer, &origin, USUAL).await;
    let browser = Browser::new(&gateway);
    let html = "Accept: text/html";
    let cases: [(&str, &[&str]); 6] = [
        ("GET", &[]),
        ("GET", &["Accept: application/json"]),
        ("GET", &[html, "Sec-Fetch-Mode: cors"]),
        ("GET", &[html, "Sec-Fetch-Dest: iframe"]),
        ("POST", &[html]),
        ("DELETE", &[html]),
    ];
    for (method, lines) in cases {
        let answer = browser.send(method, "/", lines).await;
        assert_eq!(answer.refused(401), "oidc-login.missing", "{method} {lines:?}");
        assert!(answer.field("www-authenticate").is_some() && answer.field("location").is_none());
    }
    let elsewhere = browser.send("GET", "/", &[html, "Host: other.test"]).await;
    assert_eq!(elsewhere.refused(421), "oidc-login.other-host");
    assert_eq!(origin.count(), 0);
}

#[tokio::test]
async fn a_login_belongs_to_the_browser_that_began_it_and_is_completed_once() {
    covers(&["policies.*[].oidc-login.remember"]);
    let (issuer, origin) = (Issuer::start(&[Algorithm::ES256]).await, Origin::hello().await);
    let more = Keys {
        more: ", remember: 1",
        ..USUAL
    };
    let gateway = serving(&issuer, &origin, more).await;
    let mut browser = Browser::new(&gateway);
    let back = issuer.sign_in(&browser.begin("/").await).await;
    // Another browser, with and without a login of its own.
    let mut victim = Browser::new(&gateway);
    assert_eq!(told(&victim.open(&back).await), "oidc-login.login-missing");
    victim.begin("/").await;
    assert_eq!(told(&victim.open(&back).await), "oidc-login.state");
    let forged = back.replace("state=", "state=x");
    assert_eq!(told(&browser.open(&forged).await), "oidc-login.state");
    let before = browser.clone();
    assert_eq!(told(&browser.open(&back).await), "302");
    // The same answer again, by somebody who has kept the cookie: the issuer is not asked, and were it careless.
    let mut again = before.clone();
    assert_eq!(told(&again.open(&back).await), "oidc-login.state-used");
    issuer.be_careless();
    let mut again = before.clone();
    assert_eq!(told(&again.open(&back).await), "oidc-login.state-used");
    let mut next = Browser::new(&gateway);
    let back = issuer.sign_in(&next.begin("/").await).await;
    assert_eq!(told(&next.open(&back).await), "oidc-login.memory-full");
    assert_eq!(origin.count(), 0);
}

#[tokio::test]
async fn the_answer_of_the_issuer_is_not_believed_without_proof() {
    covers(&["policies.*[].oidc-login.algorithms"]);
    let (issuer, origin) = (
        Issuer::start(&[Algorithm::ES256, Algorithm::RS256]).await,
        Origin::hello().await,
    );
    let gateway = serving(&issuer, &origin, USUAL).await;
    let cases = [
        ("nonce", json!("other"), "oidc-login.nonce"),
        ("nonce", Value::Null, "oidc-login.nonce"),
        ("iss", json!("https://evil.test/"), "oidc-login.issuer"),
        ("aud", json!("another"), "oidc-login.audience"),
        ("aud", json!([CLIENT, "another"]), "oidc-login.party"),
        ("azp", json!("another"), "oidc-login.party"),
        ("exp", json!(1), "oidc-login.expired"),
        ("sub", Value::Null, "oidc-login.claims"),
        ("alg", json!("RS256"), "oidc-login.algorithm-refused"),
        ("signature", json!("none"), "oidc-login.malformed"),
        ("signature", json!("other"), "oidc-login.signature"),
        ("email", json!("a@b.test"), "302"),
    ];
    for (claim, value, expected) in cases {
        issuer.twist(claim, value.clone());
        let mut browser = Browser::new(&gateway);
        let back = issuer.sign_in(&browser.begin("/").await).await;
        assert_eq!(told(&browser.open(&back).await), expected, "{claim} {value}");
        let signed_in = browser.names().contains(&"__Host-session".to_owned());
        assert_eq!(signed_in, expected == "302", "{claim} {value}");
        assert!(
            !browser.names().contains(&"__Host-session-login".to_owned()),
            "a failed login is over"
        );
    }
    issuer.twist("email", Value::Null);
    let cases = [
        ("error=access_denied", "oidc-login.refused"),
        ("code=stolen", "oidc-login.code-refused"),
        ("code=a&code=b", "oidc-login.callback"),
        ("x=1", "oidc-login.callback"),
        ("code=a&iss=https%3A%2F%2Fevil.test%2F", "oidc-login.other-issuer"),
    ];
    for (query, expected) in cases {
        let mut browser = Browser::new(&gateway);
        let location = browser.begin("/").await;
        let state = location
            .split("state=")
            .nth(1)
            .and_then(|rest| rest.split('&').next());
        let back = format!("/callback?{query}&state={}", state.expect("a login has a state"));
        assert_eq!(told(&browser.open(&back).await), expected, "{query}");
    }
}

#[tokio::test]
async fn a_code_is_good_for_whoever_knows_the_verifier() {
    let (issuer, origin) = (Issuer::start(&[Algorithm::ES256]).await, Origin::hello().await);
    let gateway = serving(&issuer, &origin, USUAL).await;
    // A code of one login is put into another: state fits, the verifier does not.
    let (mut browser, mut attacker) = (Browser::new(&gateway), Browser::new(&gateway));
    let theirs = issuer.sign_in(&attacker.begin("/").await).await;
    let own = issuer.sign_in(&browser.begin("/").await).await;
    let part = |back: &str, name: &str| {
        let rest = back.split(&format!("{name}=")).nth(1).expect("a part");
        rest.split('&').next().unwrap_or_default().to_owned()
    };
    let mixed = format!(
        "/callback?code={}&state={}",
        part(&theirs, "code"),
        part(&own, "state")
    );
    assert_eq!(told(&browser.open(&mixed).await), "oidc-login.code-refused");
}

#[tokio::test]
async fn a_browser_is_sent_to_paths_of_its_own_host_only() {
    let (issuer, origin) = (Issuer::start(&[Algorithm::ES256]).await, Origin::hello().await);
    let gateway = serving(&issuer, &origin, USUAL).await;
    let asked = [
        "//evil.test",
        "//evil.test/%2e%2e",
        "/%5Cevil.test",
        "/\\evil.test",
        "/%2F/evil.test",
        "https://evil.test/",
        "/a?return=https://evil.test",
        "/?next=//evil.test",
        "/.//evil.test",
        "/@evil.test",
    ];
    for target in asked {
        let mut browser = Browser::new(&gateway);
        let answer = browser.open(target).await;
        if answer.status >= 400 {
            continue;
        }
        let location = answer.field("location").expect("a redirect").to_owned();
        assert!(location.starts_with(issuer.address()), "{target}: {location}");
        let back = issuer.sign_in(&location).await;
        let answer = browser.open(&back).await;
        let location = answer.field("location").expect("a redirect");
        let is_local = location.starts_with('/') && !location.starts_with("//") && !location.contains('\\');
        assert!(is_local, "{target}: {location}");
    }
}

#[tokio::test]
async fn clocks_may_differ_as_far_as_the_file_says() {
    covers(&["policies.*[].oidc-login.skew"]);
    let (issuer, origin) = (Issuer::start(&[Algorithm::ES256]).await, Origin::hello().await);
    issuer.twist("exp", json!(adamant_tests::idp::now() - 20));
    for (more, expected) in [("", "302"), (", skew: 1s", "oidc-login.expired")] {
        let gateway = serving(&issuer, &origin, Keys { more, ..USUAL }).await;
        let mut browser = Browser::new(&gateway);
        let back = issuer.sign_in(&browser.begin("/").await).await;
        assert_eq!(told(&browser.open(&back).await), expected, "{more}");
    }
}

#[tokio::test]
async fn the_gateway_proves_itself_to_the_issuer() {
    covers(&[
        "policies.*[].oidc-login.client-authentication",
        "policies.*[].oidc-login.secret.env",
    ]);
    let (issuer, origin) = (Issuer::start(&[Algorithm::ES256]).await, Origin::hello().await);
    let cases = [
        (", secret: { env: CLIENT_SECRET }", true, "302"),
        (", client-authentication: post", false, "302"),
        (", client-authentication: basic", true, "302"),
        (", secret: { env: COOKIES }", true, "oidc-login.issuer-failed"),
    ];
    for (more, basic, expected) in cases {
        let gateway = serving(&issuer, &origin, Keys { more, ..USUAL }).await;
        let mut browser = Browser::new(&gateway);
        let back = issuer.sign_in(&browser.begin("/").await).await;
        assert_eq!(told(&browser.open(&back).await), expected, "{more}");
        assert_eq!(issuer.last_was_basic(), basic, "{more}");
    }
}

#[tokio::test]
async fn an_issuer_that_is_down_is_a_fault() {
    covers(&["policies.*[].oidc-login.timeout"]);
    let (issuer, origin) = (Issuer::start(&[Algorithm::ES256]).await, Origin::hello().await);
    let silent = Origin::start(|_| Answer::silence()).await;
    let gone = "endpoints: { authorization: \"https://id.test/\", token: \"http://127.0.0.1:1/token\" },";
    let slow = format!(
        "endpoints: {{ authorization: \"https://id.test/\", token: \"http://{}/token\" }},",
        silent.address()
    );
    for (endpoints, expected) in [(gone, "service-unreachable"), (slow.as_str(), "service-late")] {
        let keys = Keys {
            endpoints,
            more: ", timeout: 200ms",
            ..USUAL
        };
        let gateway = serving(&issuer, &origin, keys).await;
        let mut browser = Browser::new(&gateway);
        let location = browser.begin("/").await;
        let state = location
            .split("state=")
            .nth(1)
            .and_then(|rest| rest.split('&').next());
        let back = format!("/callback?code=a&state={}", state.expect("a login has a state"));
        let answer = browser.open(&back).await;
        assert_eq!(answer.refused(503), format!("oidc-login.{expected}"));
    }
}

#[tokio::test]
async fn codes_are_exchanged_for_so_many_logins_at_once_and_once_for_each() {
    covers(&["policies.*[].oidc-login.at-once"]);
    let (issuer, origin) = (Issuer::start(&[Algorithm::ES256]).await, Origin::hello().await);
    let gate = Gate::new();
    let held = gate.clone();
    let tokens = Origin::start(move |_| Answer::stream(vec![Step::Gate(held.clone())])).await;
    let endpoints = format!(
        "endpoints: {{ authorization: \"{}/authorize\", token: \"http://{}/token\" }},",
        issuer.address(),
        tokens.address()
    );
    let keys = Keys {
        endpoints: &endpoints,
        more: ", timeout: 30s, at-once: 1",
        ..USUAL
    };
    let gateway = serving(&issuer, &origin, keys).await;
    let mut first = Browser::new(&gateway);
    let back = issuer.sign_in(&first.begin("/").await).await;
    let mut twin = first.clone();
    let mut other = Browser::new(&gateway);
    let elsewhere = issuer.sign_in(&other.begin("/").await).await;
    let same = back.clone();
    let waiting = tokio::spawn(async move { first.open(&same).await });
    tokens.received(1).await;
    let answer = twin.open(&back).await;
    assert_eq!(answer.refused(409), "oidc-login.under-way");
    assert!(answer.field("set-cookie").is_none(), "the login is not over");
    assert_eq!(other.open(&elsewhere).await.refused(503), "oidc-login.busy");
    assert_eq!(tokens.count(), 1);
    gate.open();
    // Without a token nothing has come of it, and the login may be tried again.
    let failed = waiting.await.expect("a browser does not panic");
    assert_eq!(told(&failed), "oidc-login.issuer-failed");
    assert_eq!(told(&twin.open(&back).await), "oidc-login.issuer-failed");
    assert_eq!(tokens.count(), 2);
}

#[tokio::test]
async fn endpoints_and_keys_may_be_asked_for() {
    covers(&["policies.*[].oidc-login.keys.url"]);
    let (issuer, origin) = (Issuer::start(&[Algorithm::ES256]).await, Origin::hello().await);
    issuer.hide(true);
    let more = format!(", keys: {{ url: \"{}/jwks\" }}", issuer.address());
    let keys = Keys {
        endpoints: "",
        more: &more,
        ..USUAL
    };
    let gateway = serving(&issuer, &origin, keys).await;
    let ready = || adamant_tests::client::get(gateway.admin(), "/readyz", &["Host: localhost"]);
    assert_eq!(ready().await.status, 503, "nobody knows the endpoints");
    let answer = Browser::new(&gateway).open("/").await;
    assert_eq!(answer.refused(503), "oidc-login.undiscovered");
    issuer.hide(false);
    wait::polled("the endpoints are discovered", || async {
        (ready().await.status == 200).then_some(())
    })
    .await;
    let mut browser = Browser::new(&gateway);
    browser.sign_in(&issuer).await;
    assert_eq!(browser.send("GET", "/", &[]).await.status, 200);
}
