//! Sessions: when they are good, when they are written anew, and what of them goes further.

use adamant_filter::serde_json;
use pingora_http::ResponseHeader;

use super::*;

/// What a step with the usual claims takes them for.
const MEANING: &str = "sub\0scope\0";

fn sealer(host: &mut TrialHost) -> Sealer {
    let purpose = Purpose {
        word: "session",
        issuer: "https://id.test/",
        client: "app",
        meaning: MEANING,
    };
    let random = host.random();
    Sealer::new(&Secret::new(&[7; 32]), None, purpose, random).unwrap()
}

/// The cookie of a session that began and was last used at these times.
fn session(began: u64, used: u64) -> String {
    let session = Session {
        subject: "ann".to_owned(),
        scopes: "a b".to_owned(),
        claims: json!({"sub": "ann", "email": "ann@app.test"})
            .as_object()
            .unwrap()
            .clone(),
        began,
        used,
    };
    let plain = serde_json::to_vec(&session).unwrap();
    sealer(&mut TrialHost::new()).seal(&plain).unwrap()
}

fn carrying(cookie: &str) -> Request {
    get("/").with_header(
        "cookie",
        &format!("a=1; __Host-session={cookie}; __Host-session-login=x; b=2"),
    )
}

#[test]
fn a_session_lasts_as_long_as_the_file_says() {
    let trial = trial();
    let hour = 60 * MINUTE;
    let cases = [
        (NOW, NOW, "pass"),
        (NOW - 8 * hour + 1, NOW, "pass"),
        (NOW - 8 * hour, NOW, "oidc-login.session-expired"),
        (NOW - hour, NOW - 30 * MINUTE + 1, "pass"),
        (NOW - hour, NOW - 30 * MINUTE, "oidc-login.session-idle"),
    ];
    for (began, used, expected) in cases {
        let outcome = trial.request(carrying(&session(began, used)));
        if expected == "pass" {
            outcome.passes();
        } else {
            let denial = outcome.denied(expected);
            assert!(denial.fields.iter().any(|(name, _)| *name == "www-authenticate"));
            // Whoever waits for a page signs in again.
            let request = carrying(&session(began, used)).with_header("accept", "text/html");
            assert_eq!(reply(trial.request(request).verdict).status, 302);
        }
    }
}

#[test]
fn the_identity_is_that_of_the_issuer_and_the_cookies_end_here() {
    let trial = trial();
    let mut request = trial.prepare(carrying(&session(NOW, NOW)));
    assert!(matches!(trial.ask(&mut request), Verdict::Pass));
    // A trial lays the identity out first.
    let identity: &Identity = request.slot(0).unwrap();
    assert_eq!(
        (identity.method(), identity.issuer(), identity.consumer()),
        (NAME, "https://id.test/", "ann")
    );
    assert!(identity.has_scope("a") && identity.has_scope("b"));
    assert_eq!(identity.claim("email"), Some(&Value::from("ann@app.test")));
    assert_eq!(identity.claim("sub"), Some(&Value::from("ann")));
    let cookie = request.header(&HeaderName::from_static("cookie")).unwrap();
    assert_eq!(cookie, "a=1; b=2");
}

#[test]
fn a_session_is_written_anew_once_a_tenth_of_its_idle_time_is_over() {
    let trial = trial();
    for (used, expected) in [(NOW - 3 * MINUTE + 1, false), (NOW - 3 * MINUTE, true)] {
        let mut request = trial.prepare(carrying(&session(NOW - 10 * MINUTE, used)));
        assert!(matches!(trial.ask(&mut request), Verdict::Pass));
        let mut head = ResponseHeader::build(200, None).unwrap();
        assert!(matches!(
            trial.response(&request, &mut head, false),
            Verdict::Pass
        ));
        let renewed = head.headers.get("set-cookie").is_some();
        assert_eq!(head.headers.get("cache-control").is_some(), renewed);
        assert_eq!(renewed, expected, "{used}");
    }
}

#[test]
fn a_logout_forgets_both_cookies() {
    let trial = trial();
    let request = get("/logout").with_header("sec-fetch-site", "same-origin");
    let answer = reply(trial.request(request).verdict);
    let cookies: Vec<_> = answer
        .fields
        .iter()
        .filter(|(name, _)| *name == SET_COOKIE)
        .collect();
    assert_eq!((answer.status, cookies.len()), (200, 2));
    for (_, cookie) in cookies {
        assert!(
            cookie
                .to_str()
                .unwrap()
                .contains("=; Path=/; Max-Age=0; Secure; HttpOnly"),
            "{cookie:?}"
        );
    }
    trial.request(get("/logout")).denied("oidc-login.cross-site");
}
