//! Where credentials are found, how they are taken away, and what stands beside them.

use super::*;

/// Header fields of a request.
type Fields<'f> = &'f [(&'static str, &'f str)];

fn request(target: &str, fields: Fields<'_>) -> Request {
    let request = Request::build(Method::GET, target).unwrap();
    fields
        .iter()
        .fold(request, |request, (name, value)| request.with_header(name, value))
}

#[test]
fn a_bearer_token_has_one_place() {
    let cases: [(&str, Fields<'_>, Found<'_>); 16] = [
        ("/", &[], Found::Absent),
        ("/", &[("authorization", "Bearer abc")], Found::One(b"abc")),
        ("/", &[("authorization", "bEARER abc")], Found::One(b"abc")),
        ("/", &[("authorization", "Bearer   abc")], Found::One(b"abc")),
        ("/", &[("authorization", "Bearer a b")], Found::One(b"a b")),
        ("/", &[("authorization", "Bearer")], Found::Unreadable),
        ("/", &[("authorization", "Bearer ")], Found::Unreadable),
        ("/", &[("authorization", "Bearerabc")], Found::Absent),
        ("/", &[("authorization", "Basic abc")], Found::Absent),
        ("/", &[("authorization", "")], Found::Absent),
        (
            "/",
            &[("authorization", "Bearer a"), ("authorization", "Bearer a")],
            Found::Several,
        ),
        (
            "/",
            &[("authorization", "Bearer a"), ("authorization", "Basic a")],
            Found::Several,
        ),
        ("/?access_token=a", &[], Found::Absent),
        (
            "/?access_token=a",
            &[("authorization", "Bearer a")],
            Found::Several,
        ),
        (
            "/?my_access_token=a",
            &[("authorization", "Bearer a")],
            Found::One(b"a"),
        ),
        (
            "/",
            &[("cookie", "token=a"), ("authorization", "Bearer b")],
            Found::One(b"b"),
        ),
    ];
    for (target, fields, expected) in cases {
        let request = request(target, fields);
        assert_eq!(Source::Bearer.find(&request), expected, "{target} {fields:?}");
    }
}

#[test]
fn other_places_hold_the_credential_alone() {
    let header = Source::header("X-Api-Key").unwrap();
    let cookie = Source::cookie("token").unwrap();
    let query = Source::query("token").unwrap();
    let cases: [(&Source, &str, Fields<'_>, Found<'_>); 15] = [
        (&header, "/", &[("x-api-key", "abc")], Found::One(b"abc")),
        (&header, "/", &[("x-api-key", "")], Found::Unreadable),
        (
            &header,
            "/",
            &[("x-api-key", "a"), ("x-api-key", "a")],
            Found::Several,
        ),
        (
            &header,
            "/",
            &[("x-api-key", "a"), ("authorization", "Bearer b")],
            Found::One(b"a"),
        ),
        (
            &cookie,
            "/",
            &[("cookie", "a=1; token=abc; b=2")],
            Found::One(b"abc"),
        ),
        (
            &cookie,
            "/",
            &[("cookie", "a=1"), ("cookie", "token=abc")],
            Found::One(b"abc"),
        ),
        (&cookie, "/", &[("cookie", "token=a; token=a")], Found::Several),
        (
            &cookie,
            "/",
            &[("cookie", "token=a"), ("authorization", "Bearer b")],
            Found::Several,
        ),
        (&cookie, "/", &[("cookie", "tokens=a; atoken=b")], Found::Absent),
        (&cookie, "/", &[("cookie", "token")], Found::Unreadable),
        (&query, "/?token=abc&x=1", &[], Found::One(b"abc")),
        (&query, "/?token=a&token=b", &[], Found::Several),
        (&query, "/?token", &[], Found::Unreadable),
        (
            &query,
            "/?token=a",
            &[("authorization", "Bearer b")],
            Found::Several,
        ),
        (
            &query,
            "/?token=a",
            &[("authorization", "Basic b")],
            Found::One(b"a"),
        ),
    ];
    for (source, target, fields, expected) in cases {
        let request = request(target, fields);
        assert_eq!(source.find(&request), expected, "{source:?} {target} {fields:?}");
    }
}

#[test]
fn no_token_stands_beside_another_in_whatever_spelling() {
    let token = Source::token_header("X-Token").unwrap();
    let cookie = Source::cookie("token").unwrap();
    let query = Source::query("token").unwrap();
    let cases: [(&Source, &str, Fields<'_>, Found<'_>); 6] = [
        (&token, "/", &[("x-token", "abc")], Found::One(b"abc")),
        (
            &token,
            "/",
            &[("x-token", "a"), ("authorization", "Bearer b")],
            Found::Several,
        ),
        (
            &token,
            "/",
            &[("x-token", "a"), ("authorization", "DPoP b")],
            Found::Several,
        ),
        (
            &cookie,
            "/",
            &[("cookie", "token=a"), ("authorization", "DPoP b")],
            Found::Several,
        ),
        (&query, "/?%74oken=a&token=b", &[], Found::Several),
        (&query, "/?tok%65n=a", &[], Found::One(b"a")),
    ];
    for (source, target, fields, expected) in cases {
        let request = request(target, fields);
        assert_eq!(source.find(&request), expected, "{source:?} {target} {fields:?}");
    }
}

#[test]
fn a_stripped_credential_leaves_the_rest_alone() {
    let source = Source::cookie("token").unwrap();
    let mut request = request("/", &[("cookie", "a=1; token=abc"), ("cookie", "b=2")]);
    source.strip(&mut request);
    assert_eq!(request.header(&COOKIE).unwrap(), "a=1; b=2");
    let mut request = self::request("/", &[("cookie", "token=abc")]);
    source.strip(&mut request);
    assert_eq!(request.header(&COOKIE), None);
    let mut request = self::request("/?token=abc&x=1", &[]);
    Source::query("token").unwrap().strip(&mut request);
    assert_eq!(request.query(), Some("x=1"));
    let mut request = self::request("/?token=abc&x=1&%74oken=def", &[]);
    Source::query("token").unwrap().strip(&mut request);
    assert_eq!(request.query(), Some("x=1"));
}

#[test]
fn a_credential_that_nobody_checked_is_taken_away_and_no_other() {
    let header = Source::header("x-api-key").unwrap();
    let cases: [(&Source, (&'static str, &str), bool); 9] = [
        (&Source::Bearer, ("authorization", "Bearer a"), true),
        (&Source::Bearer, ("authorization", "Bearer"), true),
        (&Source::Bearer, ("authorization", "DPoP a"), true),
        (&Source::Bearer, ("authorization", "Basic a"), false),
        (&Source::BearerOrProof, ("authorization", "dpop a"), true),
        (&Source::BearerOrProof, ("authorization", "bearer a"), true),
        (&header, ("x-api-key", "a"), true),
        (&header, ("x-api-key", ""), true),
        (&header, ("authorization", "Bearer a"), false),
    ];
    for (source, (name, value), is_taken) in cases {
        let mut request = request("/", &[(name, value)]);
        source.conceal(&mut request);
        let left = request.header(&HeaderName::from_static(name));
        assert_eq!(left.is_none(), is_taken, "{source:?} {value}");
    }
}

#[test]
fn names_that_no_request_can_carry_are_problems() {
    assert_eq!(Source::header("Authorization").unwrap(), Source::Bearer);
    assert!(Source::header("x y").is_err() && Source::header("cookie").is_err());
    assert!(Source::cookie("").is_err() && Source::cookie("a;b").is_err());
    assert!(Source::query("").is_err() && Source::query("a&b").is_err());
}
