//! The router against the plain definition: go through the list and take the first that fits.

use adamant_filter::Size;
use proptest::prelude::*;
use std::sync::Arc;

use super::*;
use crate::config::{Action, Match, Respond, Rewrite};
use crate::plan::pattern;

fn path(text: &str) -> PathPattern {
    let (body, open) = match text.strip_suffix("/**") {
        Some(body) => (body, true),
        None => (text, false),
    };
    let segments =
        body.split('/').skip(1).map(
            |part| match part.strip_prefix('{').and_then(|p| p.strip_suffix('}')) {
                Some(name) => Segment::Capture(name.into()),
                None => Segment::Literal(part.into()),
            },
        );
    PathPattern {
        text: text.into(),
        segments: segments.collect(),
        open,
    }
}

fn host(text: &str) -> HostPattern {
    match text.strip_prefix("*.") {
        Some(suffix) => HostPattern::Suffix(suffix.into()),
        None => HostPattern::Exact(text.into()),
    }
}

fn route(hosts: &[&str], pattern: &str, methods: &[Method]) -> Route {
    Route {
        name: pattern.into(),
        matches: Match {
            hosts: hosts.iter().map(|text| host(text)).collect(),
            path: Some(path(pattern)),
            methods: methods.to_vec(),
            ..Match::default()
        },
        priority: crate::config::Priority::Normal,
        public: true,
        filters: Vec::new(),
        action: Action::Respond(Respond {
            status: 200,
            content_type: None,
            body: Arc::default(),
            headers: Vec::new(),
        }),
        rewrite: Rewrite::default(),
        websocket: false,
        stream: false,
        body_max: Size::from_bytes(0),
        span: adamant_filter::Span::default(),
    }
}

fn request(method: Method, host: &str, target: &str) -> Request {
    let mut request = Request::build(method, target).unwrap();
    assert!(request.set_host(host.as_bytes()));
    request
}

fn naive(routes: &[Route], request: &Request) -> Option<usize> {
    routes.iter().position(|route| {
        let matches = &route.matches;
        (matches.hosts.is_empty()
            || matches
                .hosts
                .iter()
                .any(|host| pattern::host_fits(host, request.host())))
            && matches
                .path
                .as_ref()
                .is_some_and(|path| pattern::path_fits(path, request.path()))
            && (matches.methods.is_empty() || matches.methods.contains(request.method()))
    })
}

#[test]
fn the_table_of_path_patterns_holds() {
    let cases: &[(&str, &str, bool)] = &[
        ("/", "/", true),
        ("/a", "/a", true),
        ("/a", "/a/", false),
        ("/a/", "/a", false),
        ("/a/**", "/a", true),
        ("/a/**", "/a/", true),
        ("/a/**", "/a/b/c", true),
        ("/a/**", "/ab", false),
        ("/**", "/", true),
        ("/**", "/x/y", true),
        ("/u/{id}", "/u/7", true),
        ("/u/{id}", "/u/", false),
        ("/u/{id}", "/u", false),
        ("/u/{id}", "/u/7/", false),
        ("/u/{id}/x", "/u/7/x", true),
        ("/u/{id}/**", "/u/7", true),
        ("/A", "/a", false),
    ];
    for (pattern, target, fits) in cases {
        let router = Router::new(&[route(&[], pattern, &[])]);
        let found = router.find(&request(Method::GET, "h", target), ListenerId(0));
        assert_eq!(found == Found::Route(0), *fits, "{pattern} against {target}");
        assert_eq!(
            pattern::path_fits(&path(pattern), target),
            *fits,
            "{pattern} against {target}"
        );
    }
}

#[test]
fn the_first_route_that_fits_wins_whatever_is_more_specific() {
    let routes = [
        route(&["*.a.test"], "/x/**", &[]),
        route(&["b.a.test"], "/x/y", &[]),
        route(&[], "/x/y", &[]),
    ];
    let router = Router::new(&routes);
    assert_eq!(
        router.find(&request(Method::GET, "b.a.test", "/x/y"), ListenerId(0)),
        Found::Route(0)
    );
    assert_eq!(
        router.find(&request(Method::GET, "a.test", "/x/y"), ListenerId(0)),
        Found::Route(2)
    );
}

#[test]
fn a_path_known_under_other_methods_lists_them() {
    let routes = [
        route(&[], "/x", &[Method::GET, Method::HEAD]),
        route(&[], "/{any}", &[Method::PUT]),
    ];
    let found = Router::new(&routes).find(&request(Method::POST, "h", "/x"), ListenerId(0));
    assert_eq!(
        found,
        Found::OtherMethods(vec![Method::GET, Method::HEAD, Method::PUT])
    );
}

proptest! {
    #[test]
    fn the_router_agrees_with_going_through_the_list(
        patterns in prop::collection::vec(("(/(a|b|\\{x\\}|))(/(a|b|c|\\{y\\})){0,2}(/\\*\\*)?", 0usize..5, prop::bool::ANY), 1..30),
        requests in prop::collection::vec(("(/[abc]{0,1}){1,4}", 0usize..4), 1..30),
    ) {
        let hosts: [&[&str]; 5] = [&[], &["a.test"], &["*.a.test"], &["b.a.test", "a.test"], &["*.test"]];
        let routes: Vec<Route> = patterns
            .iter()
            .map(|(pattern, host, get)| route(hosts[*host], pattern, if *get { &[Method::GET] } else { &[] }))
            .collect();
        let router = Router::new(&routes);
        for (target, host) in requests {
            let request = request(Method::POST, ["a.test", "b.a.test", "test", "c.b.a.test"][host], &target);
            let found = match router.find(&request, ListenerId(0)) {
                Found::Route(position) => Some(position),
                Found::OtherMethods(_) | Found::Nothing => None,
            };
            prop_assert_eq!(found, naive(&routes, &request), "{} on {}", target, host);
        }
    }
}
