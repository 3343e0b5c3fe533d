//! Tables of what transformations make of texts. Knows no rule.

use proptest::prelude::*;

use super::*;

fn after(transform: Transform, text: &[u8]) -> Vec<u8> {
    let mut made = b"kept".to_vec();
    transform.write(text, &mut made);
    made.strip_prefix(b"kept").unwrap().to_vec()
}

fn check(transform: Transform, cases: &[(&str, &str)]) {
    for (text, expected) in cases {
        let made = after(transform, text.as_bytes());
        assert_eq!(
            String::from_utf8_lossy(&made),
            *expected,
            "{transform:?} of {text}"
        );
    }
}

#[test]
fn escapes_are_undone() {
    check(
        Transform::UrlDecode,
        &[
            ("%41%2541%252541", "AAA"),
            ("%u003cscript%U003e", "<script>"),
            ("100%", "100%"),
            ("%zz%4", "%zz%4"),
            ("%uff1cb", "<b"),
            ("%c0%ae%c0%ae%c0%af", "../"),
        ],
    );
    check(
        Transform::HtmlEntityDecode,
        &[
            ("&lt;b&GT;&#60;&#x3C;&#0000060", "<b><<<"),
            ("a&b=c&lt", "a&b=c&lt"),
            ("java&Tab;script&colon;", "java\tscript:"),
        ],
    );
    check(
        Transform::Unescape,
        &[
            ("\\u003cb\\x3e\\u{3c}", "<b><"),
            ("C:\\users\\new", "C:\\users\\new"),
        ],
    );
    check(
        Transform::CssUnescape,
        &[("\\6a avascript", "javascript"), ("e\\xpression", "expression")],
    );
    check(
        Transform::Base64Decode,
        &[
            ("JyBvciAxPTEgLS0gLSBmb28=", "' or 1=1 -- - foo"),
            ("JyBvciAxPTEgLS0gLSBmb28", "' or 1=1 -- - foo"),
            (
                "d41d8cd98f00b204e9800998ecf8427e",
                "d41d8cd98f00b204e9800998ecf8427e",
            ),
            ("short", "short"),
        ],
    );
}

#[test]
fn texts_are_simplified() {
    check(Transform::RemoveNulls, &[("a\0b\0", "ab")]);
    check(Transform::LowerCase, &[("UniON É", "union É")]);
    check(Transform::CompressWhitespace, &[("a \t\n b", "a b")]);
    check(
        Transform::RemoveComments,
        &[
            ("un/**/ion", "un ion"),
            ("a -- b\nc", "a  c"),
            ("x<!-- y -->z", "x z"),
            ("a/*", "a "),
            ("/*/ a", " "),
        ],
    );
    check(
        Transform::NormalisePath,
        &[
            ("/a/../../etc//passwd", "/../etc/passwd"),
            ("a\\..\\b", "b"),
            ("../../x", "../../x"),
            ("./a/./b/", "a/b/"),
            ("/", "/"),
        ],
    );
}

const ALL: [Transform; 10] = [
    Transform::Base64Decode,
    Transform::UrlDecode,
    Transform::HtmlEntityDecode,
    Transform::Unescape,
    Transform::CssUnescape,
    Transform::RemoveNulls,
    Transform::LowerCase,
    Transform::CompressWhitespace,
    Transform::RemoveComments,
    Transform::NormalisePath,
];

proptest! {
    #[test]
    fn nothing_grows_and_nothing_changes_without_a_trigger(
        transform in prop::sample::select(&ALL[..]),
        text in prop::collection::vec(prop::sample::select(&b"ab1%2fu0\\x&#;lt/.*-<!> \0A"[..]), 0..60),
    ) {
        let made = after(transform, &text);
        // A wide character is at least six bytes as an escape, and at most four as UTF-8.
        prop_assert!(made.len() <= text.len() + 1, "{made:?}");
        if transform != Transform::Base64Decode && !Marks::of(&text).meets(transform.triggers()) {
            prop_assert_eq!(made, text);
        }
    }
}
