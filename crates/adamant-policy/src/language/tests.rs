//! Whatever the text is, loading it ends with a config or with problems that can be drawn.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use adamant_filter::{Node, Problems, Role, decode};
use proptest::prelude::*;
use serde_json::Value;

use super::*;
use crate::text::{Color, render};

/// One filter that takes anything.
struct One;

impl Words for One {
    fn names(&self) -> Vec<&str> {
        vec!["methods"]
    }

    fn schema(&self, name: &str) -> Option<schemars::Schema> {
        (name == "methods").then(schemars::Schema::default)
    }

    fn role(&self, name: &str) -> Option<Role> {
        (name == "methods").then_some(Role::Guard)
    }

    fn issuer(&self, _: &str, _: &Node) -> Option<String> {
        None
    }

    fn canonical(&self, _: &str, config: &Node) -> Result<Value, Problems> {
        decode(config)
    }
}

const WHOLE: &str = include_str!("../../../../tests/policies/accepted/everything.yaml");

/// Loads a text and draws what is wrong with it.
fn survive(text: &[u8]) {
    let source = Source::new("gateway.yaml", text);
    if let Err(problems) = load(&source, &One) {
        assert!(!problems.is_empty());
        assert!(!render(&source, &problems, Color::On).is_empty());
    }
}

proptest! {
    #[test]
    fn no_change_to_a_file_breaks_the_loader(at in 0..WHOLE.len(), cut in 0..40_usize, put in "[-:{}\\[\\]a-z0-9 \n\"'/*%.é]{0,12}") {
        let end = (at + cut).min(WHOLE.len());
        survive(&[&WHOLE.as_bytes()[..at], put.as_bytes(), &WHOLE.as_bytes()[end..]].concat());
    }

    #[test]
    fn no_swap_of_lines_breaks_the_loader(a in 0..WHOLE.lines().count(), b in 0..WHOLE.lines().count()) {
        let mut lines: Vec<&str> = WHOLE.lines().collect();
        lines.swap(a, b);
        survive(lines.join("\n").as_bytes());
    }
}

/// A file with so many routes, of which no two are alike.
fn large(routes: usize) -> String {
    let mut text = String::from("adamant: 1\nlisteners: { plain: { bind: '127.0.0.1:0' } }\nroutes:\n");
    for n in 0..routes {
        let _ = writeln!(
            text,
            "  - name: r{n}\n    match: {{ host: h{}.example.com, path: '/v{}/{{id}}/p{n}/**', methods: [GET] }}\n    public: true\n    filters: [{{ methods: {{ allow: [GET] }} }}]\n    respond: {{ status: 204 }}",
            n % 100,
            n % 7
        );
    }
    text
}

#[test]
fn many_routes_cost_like_few() {
    let time = |routes| {
        let text = large(routes);
        let source = Source::new("gateway.yaml", text.as_bytes());
        let runs = (0..3).map(|_| {
            let start = Instant::now();
            assert!(load(&source, &One).is_ok());
            start.elapsed()
        });
        runs.min().unwrap_or(Duration::MAX)
    };
    // A check that compared every route with every other would cost a hundred times as much.
    let (few, many) = (time(400), time(4000));
    println!("400 routes took {few:?}, 4000 took {many:?}");
    assert!(many < few * 40, "400 routes took {few:?}, 4000 took {many:?}");
}
