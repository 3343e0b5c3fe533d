//! Where a body is taken apart and where it cannot be. Looks at no field of a part.

use proptest::prelude::*;

use super::*;

fn taken_apart<'b>(body: &'b [u8], boundary: &'b str) -> Result<Vec<Part<'b>>, (&'static str, usize)> {
    let told = |(reason, at): Wrong| (reason.code(), at);
    let mut parts = Parts::of(body, boundary).map_err(told)?;
    let mut all = Vec::new();
    while let Some(part) = parts.next().map_err(told)? {
        all.push(part);
    }
    Ok(all)
}

#[test]
fn parts_stand_between_boundaries() {
    let body = b"--b\r\nA: 1\r\n\r\nx\r\n--b\r\nB: 2\r\nC: 3\r\n\r\n\r\n--b--\r\n";
    let parts = taken_apart(body, "b").unwrap();
    let texts: Vec<_> = parts.iter().map(|part| (part.fields, part.content)).collect();
    assert_eq!(texts, [(&b"A: 1\r\n"[..], &b"x"[..]), (b"B: 2\r\nC: 3\r\n", b"")]);
    let texts = |body| -> Vec<Vec<u8>> {
        taken_apart(body, "b")
            .unwrap()
            .iter()
            .map(|part| part.content.to_vec())
            .collect()
    };
    assert_eq!(
        texts(b"--b\r\n\r\n--x\r\n--\r\n-b\n-b\r\n--b--"),
        [b"--x\r\n--\r\n-b\n-b"]
    );
}

#[test]
fn whatever_can_be_taken_apart_differently_is_refused() {
    let table: [(&[u8], &str, usize); 18] = [
        (b"", "outside", 0),
        (b"preamble\r\n--b\r\n\r\nx\r\n--b--", "outside", 0),
        (b"\r\n--b\r\n\r\nx\r\n--b--", "outside", 0),
        (b"--b\r\n\r\nx\r\n--b--epilogue", "outside", 15),
        (b"--b\r\n\r\nx\r\n--b--\r\n\r\n", "outside", 15),
        (b"--b--\r\n", "ambiguous", 0),
        (b"--b\r\n\r\nx\n--b--", "ambiguous", 8),
        (b"--b\r\n\r\nx\r--b--", "ambiguous", 8),
        (b"--b\r\n\r\n--b--", "ambiguous", 7),
        (b"--b\r\n\r\nx\r\n--bc\r\n--b--", "ambiguous", 13),
        (b"--b\r\n\r\nx\r\n--b \r\n\r\ny\r\n--b--", "ambiguous", 13),
        (b"--b\n\r\nx\r\n--b--", "ambiguous", 3),
        (b"--b\r\nA: 1\n\r\nx\r\n--b--", "ambiguous", 5),
        (b"--b\r\nA: 1\r\n B\r\n\r\nx\r\n--b--", "ambiguous", 11),
        (b"--b\r\nA: 1\r2\r\n\r\nx\r\n--b--", "ambiguous", 5),
        (b"--b\r\nA: 1\r\n", "truncated", 11),
        (b"--b\r\n\r\nx", "truncated", 8),
        (b"--b\r\n\r\nx\r\n--b", "truncated", 13),
    ];
    for (body, reason, at) in table {
        assert_eq!(
            taken_apart(body, "b"),
            Err((reason, at)),
            "{}",
            String::from_utf8_lossy(body)
        );
    }
    let long = format!("--b\r\nA: {}\r\n\r\nx\r\n--b--", "x".repeat(HEADER_MAX));
    assert_eq!(taken_apart(long.as_bytes(), "b"), Err(("header-too-long", 5)));
}

#[test]
fn a_boundary_is_one_of_rfc_2046() {
    let of = |text: &'static str| boundary(&Media::parse(text).unwrap());
    assert_eq!(of("multipart/form-data; boundary=abc"), Some("abc"));
    assert_eq!(of("multipart/form-data; boundary=\"a b?\""), Some("a b?"));
    for text in [
        "multipart/form-data",
        "multipart/form-data; boundary=\"\"",
        "multipart/form-data; boundary=\"a \"",
        "multipart/form-data; boundary=a%b",
    ] {
        assert_eq!(of(text), None, "{text}");
    }
    let long = format!("a/b; boundary={}", "x".repeat(71));
    assert_eq!(boundary(&Media::parse(&long).unwrap()), None);
}

proptest! {
    #[test]
    fn what_was_put_together_comes_apart(contents in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..60), 1..6)) {
        let body: Vec<u8> = contents
            .iter()
            .flat_map(|content| [&b"--edge\r\nA: 1\r\n\r\n"[..], content, b"\r\n"].concat())
            .chain(*b"--edge--\r\n")
            .collect();
        let parts = taken_apart(&body, "edge");
        let read: Vec<_> = parts.unwrap().iter().map(|part| part.content.to_vec()).collect();
        prop_assert_eq!(read, contents);
    }

    #[test]
    fn any_bytes_are_taken_apart_in_linear_time(
        pieces in prop::collection::vec(prop::sample::select(vec!["--", "--bb", "b", "\r\n", "\r", "\n", "A: 1", " ", "--bb--", "\r\n--bb", "x"]), 0..120),
    ) {
        let body = format!("--bb\r\n{}", pieces.concat());
        if let Ok(mut parts) = Parts::of(body.as_bytes(), "bb") {
            while let Ok(Some(_)) = parts.next() {}
            prop_assert!(parts.work() <= 4 * body.len() + 16, "{} steps for {} bytes", parts.work(), body.len());
        }
    }
}
