//! Bodies: those that were signed, those that were changed, and those that nobody signed.

use adamant_filter::Chunk;

use super::*;

const BODY: &str = "{\"hello\": \"world\"}";

fn digest(body: &str) -> String {
    format!("sha-256=:{}:", STANDARD.encode(Sha256::digest(body)))
}

fn posted() -> Request {
    request(Method::POST, "/orders")
}

/// A signed POST whose signature covers the digest of `body`.
fn covering(request: Request, body: &str) -> Request {
    let digest = digest(body);
    let components = [
        ("\"@method\"", "POST"),
        ("\"@authority\"", "api.test"),
        ("\"@path\"", "/orders"),
        ("\"@query\"", "?"),
        ("\"content-digest\"", digest.as_str()),
    ];
    signed(
        request.with_header("content-digest", &digest),
        &components,
        &fresh("ed"),
    )
}

/// A signed POST whose signature leaves the digest out.
fn uncovering(request: Request) -> Request {
    let components = [
        ("\"@method\"", "POST"),
        ("\"@authority\"", "api.test"),
        ("\"@path\"", "/orders"),
        ("\"@query\"", "?"),
    ];
    signed(request, &components, &fresh("ed"))
}

/// The outcome of the request hooks, then of each piece, then of a try.
fn outcomes(config: &Value, request: Request, pieces: &[(&str, bool)]) -> Vec<String> {
    let trial = trial(config);
    let mut request = trial.prepare(request);
    let mut outcomes = vec![told(&trial.ask(&mut request))];
    for (piece, last) in pieces {
        let mut chunk = Chunk::new(piece.as_bytes().to_vec().into(), *last);
        outcomes.push(told(&trial.body(&mut request, &mut chunk)));
    }
    let mut head = Request::build(Method::POST, "/orders").unwrap();
    let attempt = trial.attempt(&request, head.head_mut(), 1, "origin");
    outcomes.push(attempt.map_or_else(|fault| fault.reason.code().to_owned(), |()| "sent".to_owned()));
    outcomes
}

#[test]
fn a_signed_body_is_compared_before_it_leaves() {
    let length = BODY.len().to_string();
    let request = || posted().with_header("content-length", &length);
    let good = outcomes(&config(), covering(request(), BODY), &[(BODY, true)]);
    assert_eq!(good, ["pass", "pass", "sent"]);
    let changed = outcomes(
        &config(),
        covering(request(), BODY),
        &[("{\"hello\": \"World\"}", true)],
    );
    assert_eq!(changed[..2], ["pass", "digest-mismatch"]);
    let cut = outcomes(&config(), covering(request(), BODY), &[("", true)]);
    assert_eq!(cut[..2], ["pass", "digest-mismatch"]);
    let pieces = outcomes(&config(), covering(request(), BODY), &[("{\"hello\"", false)]);
    assert_eq!(pieces[..2], ["pass", "body-in-pieces"]);
    let more = outcomes(&config(), covering(request(), BODY), &[(BODY, true), ("x", true)]);
    assert_eq!(more[..3], ["pass", "pass", "body-in-pieces"]);
}

#[test]
fn a_body_that_was_taken_away_is_noticed() {
    // HTTP/2 need not say that there is no body, and then there is no body moment either.
    assert_eq!(
        outcomes(&config(), covering(posted(), BODY), &[]),
        ["pass", "digest-mismatch"]
    );
    let empty = covering(posted().with_header("content-length", "0"), BODY);
    assert_eq!(outcomes(&config(), empty, &[])[0], "digest-mismatch");
    assert_eq!(outcomes(&config(), covering(posted(), ""), &[]), ["pass", "sent"]);
}

#[test]
fn a_body_that_nobody_signed_is_refused_unless_the_file_lets_it_pass() {
    let signed = config();
    let covered = with(config(), "body", "when-covered");
    let unchecked = with(config(), "body", "unchecked");
    let framed = [("content-length", "5"), ("transfer-encoding", "chunked")];
    for (name, value) in framed {
        let request = || uncovering(posted().with_header(name, value));
        assert_eq!(outcomes(&signed, request(), &[])[0], "body-unsigned", "{name}");
        assert_eq!(
            outcomes(&covered, request(), &[("hello", true)]),
            ["pass", "pass", "sent"]
        );
        assert_eq!(
            outcomes(&unchecked, request(), &[("hello", true)]),
            ["pass", "pass", "sent"]
        );
    }
    assert_eq!(
        outcomes(&signed, uncovering(posted()), &[("hello", true)])[1],
        "body-unsigned"
    );
    assert_eq!(
        outcomes(&signed, uncovering(posted()), &[("", true)]),
        ["pass", "pass", "sent"]
    );
    let changed = covering(posted().with_header("content-length", "5"), BODY);
    assert_eq!(
        outcomes(&covered, changed, &[("hello", true)])[1],
        "digest-mismatch"
    );
}

#[test]
fn a_digest_that_cannot_be_compared_is_refused() {
    for (value, expected) in [
        ("md5=:AAAA:", "digest-unsupported"),
        ("sha-256=x", "digest-malformed"),
    ] {
        let components = [
            ("\"@method\"", "POST"),
            ("\"@target-uri\"", "http://api.test/orders"),
            ("\"content-digest\"", value),
        ];
        let request = signed(
            posted().with_header("content-digest", value),
            &components,
            &fresh("ed"),
        );
        assert_eq!(outcome(&trial(&config()), request), expected);
    }
}

#[test]
fn bodies_are_held_only_where_they_are_compared() {
    let held = |config: &Value| trial(config).built().needs.buffer_request;
    assert_eq!(held(&config()), Some(Size::from_kib(64)));
    assert_eq!(
        held(&with(config(), "body-at-most", "1KiB")),
        Some(Size::from_kib(1))
    );
    assert_eq!(held(&with(config(), "body", "unchecked")), None);
}

#[test]
fn a_body_of_a_request_that_another_branch_proved_is_left_alone() {
    let trial = trial(&config());
    let mut request = trial.prepare(posted());
    assert_eq!(told(&trial.ask(&mut request)), "missing");
    let mut chunk = Chunk::new("hello".into(), true);
    assert_eq!(told(&trial.body(&mut request, &mut chunk)), "pass");
}
