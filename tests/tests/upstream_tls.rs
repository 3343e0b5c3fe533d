//! TLS towards upstreams: always verified, and never a request to somebody who did not prove the name.

use adamant_tests::client::get;
use adamant_tests::gateway::Setup;
use adamant_tests::policy::{ALL, to};
use adamant_tests::{Answer, Authority, Origin, Policy, Response, covers};

/// The public route `all` to an upstream with these keys.
fn policy(keys: &str) -> Policy {
    Policy::new()
        .listener("public", "")
        .upstream("origin", keys)
        .route(ALL)
}

/// What a GET is answered with when the endpoint shows a certificate for `upstream.test` by `authority`.
async fn through_tls(
    authority: &Authority,
    trusted: &Authority,
    name: &str,
    more: &str,
) -> (Response, usize) {
    let alpn: &[&str] = if more.contains("h2") { &["h2"] } else { &[] };
    let server = authority.site(&["upstream.test"]).server(alpn);
    let origin = Origin::start_tls(server, |_| Answer::ok("secret")).await;
    let keys = format!(
        "{}\ntls: {{ server-name: {name}, ca: ca.pem }}\n{more}",
        to(&origin)
    );
    let gateway = Setup::new(&policy(&keys))
        .file("ca.pem", trusted.pem())
        .start()
        .await;
    let answer = get(gateway.address(), "/", &[]).await;
    (answer, origin.count())
}

#[tokio::test]
async fn a_certificate_of_the_trusted_authority_with_the_name_is_accepted() {
    covers(&[
        "upstreams.*.tls.server-name",
        "upstreams.*.tls.ca",
        "upstreams.*.protocol",
    ]);
    let authority = Authority::new("ours");
    for more in ["", "protocol: h2"] {
        let (answer, count) = through_tls(&authority, &authority, "upstream.test", more).await;
        assert_eq!(
            (answer.status, answer.text().as_str(), count),
            (200, "secret", 1),
            "{more}"
        );
    }
}

#[tokio::test]
async fn any_other_certificate_is_502_and_sees_no_request() {
    let (ours, theirs) = (Authority::new("ours"), Authority::new("theirs"));
    for more in ["", "protocol: h2"] {
        let (answer, count) = through_tls(&theirs, &ours, "upstream.test", more).await;
        assert_eq!(
            (answer.refused(502).as_str(), count),
            ("upstream.tls", 0),
            "authority {more}"
        );
        let (answer, count) = through_tls(&ours, &ours, "another.test", more).await;
        assert_eq!(
            (answer.refused(502).as_str(), count),
            ("upstream.tls", 0),
            "name {more}"
        );
    }
}
