//! Whatever is called unreachable is unreachable.

use proptest::prelude::*;

use super::*;

/// A request as far as routes look at it.
#[derive(Clone, Debug)]
struct Asked {
    host: String,
    segments: Vec<String>,
    method: Method,
    header: Option<String>,
    listener: usize,
}

/// The meaning of a match, written down once more and as simply as possible.
fn takes(matches: &Match, asked: &Asked) -> bool {
    let host = matches.hosts.is_empty()
        || matches.hosts.iter().any(|pattern| match pattern {
            HostPattern::Exact(name) => asked.host == **name,
            HostPattern::Suffix(name) => asked.host.ends_with(&format!(".{name}")),
        });
    let path = matches.path.as_ref().is_some_and(|path| {
        let enough = asked.segments.len() >= path.segments.len();
        let length = if path.open {
            enough
        } else {
            asked.segments.len() == path.segments.len()
        };
        length
            && path
                .segments
                .iter()
                .zip(&asked.segments)
                .all(|(pattern, segment)| match pattern {
                    Segment::Literal(text) => **text == **segment,
                    Segment::Capture(_) => !segment.is_empty(),
                })
    });
    let method = matches.methods.is_empty() || matches.methods.contains(&asked.method);
    let header = matches.headers.iter().all(|field| match &field.value {
        FieldValue::Present => asked.header.is_some(),
        FieldValue::Absent => asked.header.is_none(),
        FieldValue::Exact(value) => asked.header.as_deref() == Some(value),
    });
    let listener = matches.listeners.is_empty() || matches.listeners.contains(&ListenerId(asked.listener));
    host && path && method && header && listener
}

fn host_pattern() -> impl Strategy<Value = HostPattern> {
    prop_oneof![
        prop::sample::select(vec!["a.b", "b", "c.a.b", "x"]).prop_map(|name| HostPattern::Exact(name.into())),
        prop::sample::select(vec!["b", "a.b", "x"]).prop_map(|name| HostPattern::Suffix(name.into())),
    ]
}

fn segment() -> impl Strategy<Value = Segment> {
    prop_oneof![
        prop::sample::select(vec!["p", "q", ""]).prop_map(|text| Segment::Literal(text.into())),
        Just(Segment::Capture("id".into())),
    ]
}

fn path() -> impl Strategy<Value = PathPattern> {
    (prop::collection::vec(segment(), 0..4), any::<bool>()).prop_map(|(segments, open)| PathPattern {
        text: "".into(),
        segments,
        open,
    })
}

fn field() -> impl Strategy<Value = FieldMatch> {
    let value = prop_oneof![
        Just(FieldValue::Present),
        Just(FieldValue::Absent),
        prop::sample::select(vec!["1", "2"]).prop_map(|text| FieldValue::Exact(text.into())),
    ];
    value.prop_map(|value| FieldMatch {
        name: "h".into(),
        value,
    })
}

fn matches() -> impl Strategy<Value = Match> {
    let methods = prop::sample::subsequence(vec![Method::GET, Method::PUT, Method::POST], 0..3);
    let listeners = prop::sample::subsequence(vec![ListenerId(0), ListenerId(1)], 0..2);
    let hosts = prop::collection::vec(host_pattern(), 0..3);
    let headers = prop::collection::vec(field(), 0..2);
    (hosts, path(), methods, headers, listeners).prop_map(|(hosts, path, methods, headers, listeners)| {
        Match {
            hosts,
            path: Some(path),
            methods,
            headers,
            query: Vec::new(),
            listeners,
        }
    })
}

fn asked() -> impl Strategy<Value = Asked> {
    let host = prop::sample::select(vec!["a.b", "b", "c.a.b", "d.b", "x", "y.x"]);
    let segment = prop::sample::select(vec!["p", "q", "r", ""]);
    let method = prop::sample::select(vec![Method::GET, Method::PUT, Method::POST]);
    let header = prop::option::of(prop::sample::select(vec!["1", "2", "3"]));
    (
        host,
        prop::collection::vec(segment, 1..5),
        method,
        header,
        0..2_usize,
    )
        .prop_map(|(host, segments, method, header, listener)| Asked {
            host: host.to_owned(),
            segments: segments.into_iter().map(str::to_owned).collect(),
            method,
            header: header.map(str::to_owned),
            listener,
        })
}

/// The earlier matches that together stand before `later`, as the check finds them.
fn covered(earlier: &[Match], later: &Match) -> bool {
    let mut known = Earlier::default();
    for (at, matches) in earlier.iter().enumerate() {
        known.insert(at, matches);
    }
    known.cover(later, &|at| earlier.get(at)).is_some()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn what_is_called_unreachable_is_never_reached(
        earlier in prop::collection::vec(matches(), 1..4),
        later in matches(),
        asked in prop::collection::vec(asked(), 40),
    ) {
        if covered(&earlier, &later) {
            for asked in asked.iter().filter(|asked| takes(&later, asked)) {
                prop_assert!(earlier.iter().any(|earlier| takes(earlier, asked)), "{asked:?}");
            }
        }
    }

    #[test]
    fn the_same_again_is_never_reached(matches in matches()) {
        prop_assert!(covered(std::slice::from_ref(&matches), &matches));
    }
}

#[test]
fn narrower_routes_behind_wider_ones_are_found() {
    let of = |text: &str| {
        let (text, open) = text
            .strip_suffix("/**")
            .map_or((text, false), |text| (text, true));
        let segments = text.split('/').skip(1).map(|part| match part.strip_prefix('{') {
            Some(_) => Segment::Capture("id".into()),
            None => Segment::Literal(part.into()),
        });
        Match {
            path: Some(PathPattern {
                text: "".into(),
                segments: segments.collect(),
                open,
            }),
            ..Match::default()
        }
    };
    for (wide, narrow, expected) in [
        ("/**", "/", true),
        ("/**", "/a/b", true),
        ("/a/**", "/a", true),
        ("/a/**", "/a/", true),
        ("/a/**", "/a/b/**", true),
        ("/a/**", "/ab", false),
        ("/{id}", "/a", true),
        ("/{id}", "/", false),
        ("/{id}", "/{id}/", false),
        ("/{id}/**", "/a/b/c", true),
        ("/{id}/**", "/**", false),
        ("/a", "/{id}", false),
        ("/a", "/a/", false),
        ("/a/b", "/a/**", false),
    ] {
        assert_eq!(
            covered(&[of(wide)], &of(narrow)),
            expected,
            "{wide} before {narrow}"
        );
    }
}
