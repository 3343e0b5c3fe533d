//! Sessions of people who have signed in: what they say, how long they last, and how they end.

use adamant_tests::client::exchange;
use adamant_tests::login::{Keys, USUAL, serving, told};
use adamant_tests::{Browser, Issuer, Origin, covers, wait};
use jsonwebtoken::Algorithm;
use serde_json::json;

#[tokio::test]
async fn a_cookie_that_was_changed_is_no_session() {
    covers(&["policies.*[].oidc-login.session.cookie"]);
    let (issuer, origin) = (Issuer::start(&[Algorithm::ES256]).await, Origin::hello().await);
    let keys = Keys {
        session: ", cookie: __Host-app",
        ..USUAL
    };
    let gateway = serving(&issuer, &origin, keys).await;
    let mut browser = Browser::new(&gateway);
    browser.sign_in(&issuer).await;
    assert_eq!(browser.names(), ["__Host-app"]);
    assert_eq!(browser.send("GET", "/", &[]).await.status, 200);
    let good = browser.value("__Host-app");
    let middle = good.len() / 2;
    let flipped = if &good[middle..=middle] == "A" { "B" } else { "A" };
    let login = {
        let mut other = Browser::new(&gateway);
        other.begin("/").await;
        other.value("__Host-app-login")
    };
    let cases = [
        format!("{}{flipped}{}", &good[..middle], &good[middle + 1..]),
        good[..good.len() - 2].to_owned(),
        format!("{good}AA"),
        // What was sealed for another purpose.
        login,
        "x".to_owned(),
        String::new(),
    ];
    for value in cases {
        let line = format!("Cookie: __Host-app={value}");
        let answer = exchange(
            gateway.address(),
            format!("GET / HTTP/1.1\r\nHost: app.test\r\n{line}\r\n\r\n"),
        )
        .await;
        assert_eq!(answer.refused(401), "oidc-login.session-invalid", "{value}");
    }
    let twice =
        format!("GET / HTTP/1.1\r\nHost: app.test\r\nCookie: __Host-app={good}; __Host-app={good}\r\n\r\n");
    assert!(
        exchange(gateway.address(), twice)
            .await
            .reason()
            .ends_with("oidc-login.several")
    );
}

#[tokio::test]
async fn sessions_end() {
    covers(&[
        "policies.*[].oidc-login.session.absolute",
        "policies.*[].oidc-login.session.idle",
    ]);
    let (issuer, origin) = (Issuer::start(&[Algorithm::ES256]).await, Origin::hello().await);
    let short = serving(
        &issuer,
        &origin,
        Keys {
            session: ", absolute: 1s, idle: 1s",
            ..USUAL
        },
    )
    .await;
    let idle = serving(
        &issuer,
        &origin,
        Keys {
            session: ", absolute: 1h, idle: 1s",
            ..USUAL
        },
    )
    .await;
    let mut used = Browser::new(&short);
    used.sign_in(&issuer).await;
    wait::polled("the session ends although it is used", || async {
        let answer = used.send("GET", "/", &[]).await;
        (answer.status == 401).then(|| assert_eq!(answer.reason(), "oidc-login.session-expired"))
    })
    .await;
    let mut browser = Browser::new(&idle);
    browser.sign_in(&issuer).await;
    let unused = browser.clone();
    // A session that is used is written anew, for this browser alone.
    let renewed = wait::polled("the session is renewed", || async {
        let answer = browser.send("GET", "/", &[]).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        let is_new = answer
            .fields
            .all("set-cookie")
            .iter()
            .any(|cookie| cookie.starts_with("__Host-session="));
        is_new.then_some(answer)
    })
    .await;
    assert!(renewed.fields.all("cache-control").contains(&"private"));
    wait::polled("the session that nobody used ends", || async {
        let answer = unused.send("GET", "/", &[]).await;
        (answer.status == 401).then(|| assert_eq!(answer.reason(), "oidc-login.session-idle"))
    })
    .await;
}

#[tokio::test]
async fn the_secret_of_cookies_is_replaced_in_two_steps() {
    covers(&[
        "policies.*[].oidc-login.session.secret.env",
        "policies.*[].oidc-login.session.previous.env",
        "policies.*[].oidc-login.session.previous.file",
    ]);
    let (issuer, origin) = (Issuer::start(&[Algorithm::ES256]).await, Origin::hello().await);
    let with = |session: &'static str| Keys { session, ..USUAL };
    let old = serving(&issuer, &origin, with("secret: { env: COOKIES }")).await;
    let mut browser = Browser::new(&old);
    browser.sign_in(&issuer).await;
    let cases = [
        ("secret: { env: COOKIES }", 200),
        ("secret: { env: OTHER_COOKIES }, previous: { env: COOKIES }", 200),
        (
            "secret: { env: OTHER_COOKIES }, previous: { file: cookies.secret }",
            200,
        ),
        ("secret: { env: OTHER_COOKIES }", 401),
    ];
    for (session, expected) in cases {
        let gateway = serving(&issuer, &origin, with(session)).await;
        let answer = browser.at(&gateway).send("GET", "/", &[]).await;
        assert_eq!(answer.status, expected, "{session}");
    }
}

#[tokio::test]
async fn a_logout_is_asked_for_by_the_site_itself() {
    covers(&[
        "policies.*[].oidc-login.logout",
        "policies.*[].oidc-login.callback",
    ]);
    let (issuer, origin) = (Issuer::start(&[Algorithm::ES256]).await, Origin::hello().await);
    let keys = Keys {
        more: ", logout: /logout, callback: /back",
        ..USUAL
    };
    let gateway = serving(&issuer, &origin, keys).await;
    let mut browser = Browser::new(&gateway);
    assert!(
        browser
            .begin("/")
            .await
            .contains("redirect_uri=https%3A%2F%2Fapp.test%2Fback&")
    );
    browser.sign_in(&issuer).await;
    let foreign: [&[&str]; 4] = [
        &[],
        &["Sec-Fetch-Site: cross-site"],
        &["Sec-Fetch-Site: same-site", "Origin: https://app.test"],
        &["Origin: https://evil.test"],
    ];
    for lines in foreign {
        for method in ["GET", "POST"] {
            let answer = browser.send(method, "/logout", lines).await;
            assert_eq!(answer.refused(403), "oidc-login.cross-site", "{method} {lines:?}");
        }
    }
    let answer = browser
        .send("PUT", "/logout", &["Sec-Fetch-Site: same-origin"])
        .await;
    assert_eq!(
        (answer.refused(405).as_str(), answer.field("allow")),
        ("oidc-login.method", Some("GET, POST"))
    );
    let answer = browser.send("POST", "/back", &[]).await;
    assert_eq!(
        (answer.refused(405).as_str(), answer.field("allow")),
        ("oidc-login.method", Some("GET"))
    );
    assert_eq!(browser.send("GET", "/", &[]).await.status, 200);
    for lines in [["Origin: https://app.test"], ["Sec-Fetch-Site: same-origin"]] {
        let mut leaving = browser.clone();
        assert_eq!(leaving.take("POST", "/logout", &lines).await.status, 200);
        assert!(leaving.names().is_empty(), "{:?}", leaving.names());
        assert_eq!(leaving.send("GET", "/", &[]).await.status, 401);
    }
    assert_eq!(origin.count(), 1);
}

#[tokio::test]
async fn claims_of_the_token_become_the_identity() {
    covers(&[
        "policies.*[].oidc-login.consumer",
        "policies.*[].oidc-login.scopes",
        "policies.*[].oidc-login.claims",
        "policies.*[].oidc-login.ask",
    ]);
    let (issuer, origin) = (Issuer::start(&[Algorithm::ES256]).await, Origin::hello().await);
    issuer.twist("email", json!("ann@app.test"));
    let by_claim = "\n  - rate: { by: \"claim:email\", allow: 100/s, missing: deny }";
    let by_scope = "\n  - scopes: { all: [staff] }";
    let cases = [
        ("", by_claim, false),
        (", claims: [email]", by_claim, true),
        ("", by_scope, false),
        (", scopes: groups", by_scope, true),
        (", consumer: name", "", false),
        (", consumer: email", "", true),
    ];
    for (more, steps, expected) in cases {
        let gateway = serving(&issuer, &origin, Keys { more, steps, ..USUAL }).await;
        let mut browser = Browser::new(&gateway);
        let back = issuer.sign_in(&browser.begin("/").await).await;
        browser.open(&back).await;
        let passes = browser.send("GET", "/", &[]).await.status == 200;
        assert_eq!(passes, expected, "{more} {steps}");
    }
    let more = Keys {
        more: ", ask: [openid, email]",
        ..USUAL
    };
    let gateway = serving(&issuer, &origin, more).await;
    assert!(
        Browser::new(&gateway)
            .begin("/")
            .await
            .contains("scope=email%20openid&")
    );
    // What does not fit into a cookie is told, not cut.
    issuer.twist("email", json!("a".repeat(4000)));
    let more = Keys {
        more: ", claims: [email]",
        ..USUAL
    };
    let gateway = serving(&issuer, &origin, more).await;
    let mut browser = Browser::new(&gateway);
    let back = issuer.sign_in(&browser.begin("/").await).await;
    assert_eq!(
        browser.open(&back).await.refused(500),
        "oidc-login.session-too-large"
    );
}

#[tokio::test]
async fn a_session_is_good_for_the_step_that_began_it_alone() {
    let (issuer, others) = (
        Issuer::start(&[Algorithm::ES256]).await,
        Issuer::start(&[Algorithm::ES256]).await,
    );
    let origin = Origin::hello().await;
    issuer.twist("email", json!("ann@app.test"));
    others.twist("email", json!("ann@app.test"));
    let with = |more: &'static str| Keys { more, ..USUAL };
    let ours = serving(&issuer, &origin, USUAL).await;
    let mut browser = Browser::new(&ours);
    browser.sign_in(&issuer).await;
    assert_eq!(
        browser
            .at(&serving(&issuer, &origin, USUAL).await)
            .send("GET", "/", &[])
            .await
            .status,
        200,
        "another instance of the same step"
    );
    // What was taken for the name of the consumer, for a scope or for a claim there stands for something else here.
    let steps = [", consumer: email", ", scopes: groups", ", claims: [email]"];
    for more in steps {
        let other = serving(&issuer, &origin, with(more)).await;
        let answer = browser.at(&other).send("GET", "/", &[]).await;
        assert_eq!(answer.refused(401), "oidc-login.session-invalid", "{more}");
        let mut theirs = Browser::new(&other);
        theirs.sign_in(&issuer).await;
        assert_eq!(theirs.send("GET", "/", &[]).await.status, 200, "{more}");
        let answer = theirs.at(&ours).send("GET", "/", &[]).await;
        assert_eq!(answer.refused(401), "oidc-login.session-invalid", "{more}");
    }
    // The same people at another issuer are others.
    let other = serving(&others, &origin, USUAL).await;
    let answer = browser.at(&other).send("GET", "/", &[]).await;
    assert_eq!(answer.refused(401), "oidc-login.session-invalid");
}

#[tokio::test]
async fn a_session_always_says_whose_it_is() {
    let (issuer, origin) = (Issuer::start(&[Algorithm::ES256]).await, Origin::hello().await);
    let by_subject = "\n  - authorize: { claims: { sub: ann } }";
    let keys = Keys {
        more: ", consumer: preferred",
        steps: by_subject,
        ..USUAL
    };
    let gateway = serving(&issuer, &origin, keys).await;
    for (sub, expected) in [
        (json!("ann"), "200"),
        (json!("bob"), "authorize.claim"),
        (serde_json::Value::Null, "oidc-login.subject"),
        (json!(7), "oidc-login.subject"),
        (json!(["ann"]), "oidc-login.subject"),
    ] {
        issuer.twist_all(json!({ "preferred": "ann", "sub": sub }));
        let mut browser = Browser::new(&gateway);
        let back = issuer.sign_in(&browser.begin("/").await).await;
        let mut answer = browser.open(&back).await;
        if answer.status == 302 {
            answer = browser.send("GET", "/", &[]).await;
        }
        assert_eq!(told(&answer), expected, "{sub}");
    }
}
