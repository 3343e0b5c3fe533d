//! Which texts become a tree, and what is said about the others.

use std::fmt::Write as _;

use proptest::prelude::*;

use super::*;

/// The tree as one line, with the place of every value.
fn show(node: &Node) -> String {
    let at = node.span();
    let text = match node.content() {
        Content::Scalar { text, plain } => format!("{}{text}", if *plain { "" } else { "'" }),
        Content::Sequence(items) => {
            let items: Vec<String> = items.iter().map(show).collect();
            format!("[{}]", items.join(" "))
        }
        Content::Mapping(entries) => {
            let entries: Vec<String> = entries
                .iter()
                .map(|e| {
                    format!(
                        "{}@{}:{} {}",
                        e.key,
                        e.key_span.line(),
                        e.key_span.column(),
                        show(&e.value)
                    )
                })
                .collect();
            format!("{{{}}}", entries.join(" "))
        }
    };
    format!("{text}@{}:{}", at.line(), at.column())
}

fn parsed(text: &str) -> String {
    let parsed = parse(&Source::new("x", text.as_bytes()));
    assert!(parsed.problems.is_empty(), "{text}: {}", parsed.problems);
    show(&parsed.node.unwrap())
}

/// `code line:column` of every problem.
fn refused(text: &str) -> String {
    let mut told = String::new();
    for problem in &parse(&Source::new("x", text.as_bytes())).problems {
        let at = problem
            .span()
            .map_or_else(String::new, |at| format!(" {}:{}", at.line(), at.column()));
        let _ = write!(
            told,
            "{}{}{at}",
            if told.is_empty() { "" } else { ", " },
            problem.code()
        );
    }
    told
}

#[test]
fn every_value_knows_its_place() {
    assert_eq!(
        parsed("a: 1\nb:\n  - x\n  - 'y'\n"),
        "{a@1:1 1@1:4 b@2:1 [x@3:5 'y@4:5]@3:3}@1:1"
    );
    assert_eq!(
        parsed("{a: [1, 2], b: {c: d}}"),
        "{a@1:2 [1@1:6 2@1:9]@1:5 b@1:13 {c@1:17 d@1:20}@1:16}@1:1"
    );
    assert_eq!(parsed("a:\nb: ~\n"), "{a@1:1 @1:1 b@2:1 ~@2:4}@1:1");
}

#[test]
fn places_survive_other_scripts_line_ends_and_byte_order_marks() {
    assert_eq!(
        parsed("ü: {é: x}\r\nb: y\r\n"),
        "{ü@1:1 {é@1:5 x@1:8}@1:4 b@2:1 y@2:4}@1:1"
    );
    assert_eq!(parsed("\u{feff}a: x\n"), "{a@1:1 x@1:4}@1:1");
}

#[test]
fn one_document_may_have_its_marks() {
    assert_eq!(parsed("---\na: x\n...\n"), "{a@2:1 x@2:4}@2:1");
}

#[test]
fn values_end_where_their_text_ends() {
    let source = Source::new("x", b"a: some text   # note\nb: 'q' # n\nc: |\n  block\n");
    let node = parse(&source).node.unwrap();
    let cut = |key: &str| {
        let span = node.get(key).unwrap().span();
        &source.text()[span.start() as usize..span.end() as usize]
    };
    assert_eq!((cut("a"), cut("b"), cut("c")), ("some text", "'q'", "block"));
}

#[test]
fn what_two_readers_would_read_differently_is_refused() {
    let cases = [
        ("a: &x 1\nb: 2\n", "yaml.anchor 1:4"),
        ("a: &x [1]\nb: *x\n", "yaml.anchor 1:4, yaml.anchor 2:4"),
        ("a: &x {k: v}\n", "yaml.anchor 1:4"),
        ("a: &x\n  k: v\n", "yaml.anchor 1:4"),
        ("a: *nowhere\n", "yaml.anchor 1:4"),
        ("<<: {a: 1}\n", "yaml.merge 1:1"),
        ("a: !!str 1\n", "yaml.tag 1:4"),
        ("a: !mine {b: c}\n", "yaml.tag 1:4"),
        ("%YAML 1.2\n---\na: b\n", "yaml.directive 1:1"),
        ("a: 1\n---\nb: 2\n", "yaml.documents 2:1"),
        ("a:\n\tb: 1\n\tc: 1\n", "yaml.tab 2:1, yaml.tab 3:1"),
        ("a: 1\na: 2\n", "keys.duplicate 2:1"),
        (
            "a: {b: {c: 1, c: 2}, d: 1, d: 3}\n",
            "keys.duplicate 1:15, keys.duplicate 1:28",
        ),
        ("a: 1\n'a': 2\n", "keys.duplicate 2:1"),
        ("[a]: 1\n", "yaml.key 1:1"),
        ("'': 1\n", "yaml.key 1:1"),
        ("a: b\u{202e}c\n", "yaml.character 1:5"),
        ("a: b\0c\n", "yaml.character 1:5"),
        ("a: b\rc: d\n", "yaml.character 1:5"),
        ("", "yaml.empty"),
        ("# nothing\n", "yaml.empty"),
        ("---\n", "yaml.empty"),
        ("a: [1\n", "yaml.syntax 2:1"),
        ("a: 'x\n", "yaml.syntax 1:4"),
    ];
    for (text, expected) in cases {
        assert_eq!(refused(text), expected, "{text:?}");
    }
}

#[test]
fn a_broken_byte_is_pointed_at() {
    let problems = parse(&Source::new("x", b"a: b\nc: \xff\n")).problems;
    let problem = problems.iter().next().unwrap();
    assert_eq!(
        (problem.code(), problem.span().map(|s| s.line())),
        ("yaml.encoding", Some(2))
    );
}

#[test]
fn what_has_no_end_is_bounded() {
    assert_eq!(refused(&"[".repeat(100_000)), "yaml.depth 1:256");
    assert!(refused(&"- ".repeat(100_000)).starts_with("yaml.depth"));
    assert!(refused(&"{a: ".repeat(100_000)).starts_with("yaml.depth"));
    assert_eq!(refused(&"a".repeat(BYTES_MAX + 1)), "yaml.size");
    assert_eq!(
        refused(&"\t\n".repeat(100_000)).matches("yaml.tab").count(),
        PROBLEMS_MAX
    );
    assert!(
        refused(&"a: 1\n".repeat(10_000))
            .matches("keys.duplicate")
            .count()
            <= PROBLEMS_MAX
    );
}

proptest! {
    #[test]
    fn no_bytes_break_the_parser(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = parse(&Source::new("x", &bytes));
    }

    #[test]
    fn no_text_breaks_the_parser(text in "[-:?\\[\\]{}#&*!|>'\"%@` a-c\n,ü<~0]{0,60}") {
        let source = Source::new("x", text.as_bytes());
        let parsed = parse(&source);
        prop_assert!(parsed.node.is_some() || !parsed.problems.is_empty());
        for problem in &parsed.problems {
            if let Some(at) = problem.span() {
                prop_assert!(source.text().get(at.start() as usize..at.end() as usize).is_some());
            }
        }
    }
}
