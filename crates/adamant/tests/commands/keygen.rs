//! `adamant keygen`.

use std::io::Write as _;
use std::process::Stdio;

use super::binary::{Ended, Folder, POLICY, small};

#[test]
fn a_made_key_opens_the_policy_that_lists_its_entry() {
    let folder = small();
    let made = folder
        .run(&["keygen", "--consumer", "new one", "--scope", "a:b", "--days", "2"])
        .exits(0)
        .stdout;
    let (key, entry) = made.split_once('\n').unwrap();
    assert!(key.starts_with("adm_") && !entry.contains(key), "{made}");
    let folder = folder
        .file("keys.yaml", &format!("keys:\n{entry}"))
        .file("gateway.yaml", POLICY);
    let field = format!("x-api-key: {key}");
    let told = folder.run(&[
        "explain",
        "--json",
        "--url",
        "http://api.example.com/orders/1",
        "-H",
        &field,
    ]);
    assert_eq!(told.exits(0).json()["consumer"], "new one");
}

#[test]
fn what_a_key_file_would_refuse_is_refused_before_a_key_is_made() {
    let folder = small();
    let cases: [&[&str]; 5] = [
        &["--consumer", ""],
        &["--consumer", "a\nb"],
        &["--consumer", "a", "--scope", ""],
        &["--consumer", "a", "--scope", "two words"],
        &["--consumer", "a", "--scope", "ok", "--scope", "quo\"te"],
    ];
    for case in cases {
        let told = folder.run(&[&["keygen"], case].concat()).exits(2);
        assert_eq!(told.stdout, "", "{case:?}");
    }
}

#[test]
fn two_keys_are_never_the_same() {
    let folder = small();
    let made = || folder.run(&["keygen", "--consumer", "a"]).exits(0).stdout;
    assert_ne!(made(), made());
    folder.run(&["keygen"]).exits(2);
    folder
        .run(&[
            "keygen",
            "--consumer",
            "a",
            "--days",
            "1",
            "--not-after",
            "2027-01-01T00:00:00Z",
        ])
        .exits(2);
}

/// Runs `keygen` with this on its standard input.
fn keygen(folder: &Folder, arguments: &[&str], input: &[u8]) -> Ended {
    let mut command = folder.command(&[&["keygen"], arguments].concat());
    let streams = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = streams.spawn().expect("the binary runs");
    // A command that refuses its arguments does not read.
    let _ = child.stdin.take().expect("a pipe").write_all(input);
    Ended::from(child.wait_with_output().expect("our own child"))
}

const USERS: &str = "\
adamant: 1
listeners: { public: { bind: \"127.0.0.1:0\" } }
upstreams: { origin: { built-in: echo } }
routes:
  - name: all
    match: { path: /** }
    to: origin
    filters: [{ basic: { users: { file: users.yaml } } }]
";

#[test]
fn a_hashed_password_opens_the_policy_that_lists_its_entry() {
    let folder = Folder::with(USERS);
    let made = keygen(
        &folder,
        &["--user", "alice", "--scope", "a:b", "--days", "2"],
        b"open sesame\n",
    );
    let entry = made.exits(0).stdout;
    assert!(
        entry.contains("$argon2id$v=19$m=19456,t=2,p=1$") && !entry.contains("sesame"),
        "{entry}"
    );
    let folder = folder.file("users.yaml", &format!("users:\n{entry}"));
    // `alice:open sesame` and `alice:open sesame!`.
    for (field, consumer) in [
        ("YWxpY2U6b3BlbiBzZXNhbWU=", "alice"),
        ("YWxpY2U6b3BlbiBzZXNhbWUh", ""),
    ] {
        let field = format!("authorization: Basic {field}");
        let told = folder.run(&[
            "explain",
            "--json",
            "--url",
            "http://api.example.com/",
            "-H",
            &field,
        ]);
        assert_eq!(
            told.json()["consumer"].as_str().unwrap_or_default(),
            consumer,
            "{}",
            told.stdout
        );
    }
}

#[test]
fn a_password_that_no_client_could_send_is_not_hashed() {
    let folder = Folder::new();
    let long = [b'x'; 768];
    let cases: [(&str, &[u8]); 7] = [
        ("alice", b""),
        ("alice", b"short\n"),
        ("alice", b"two\nlines of it\n"),
        ("alice", b"not \xff UTF-8"),
        ("alice", &long),
        ("a:b", b"open sesame"),
        ("", b"open sesame"),
    ];
    for (user, password) in cases {
        let told = keygen(&folder, &["--user", user], password).exits(2);
        assert_eq!(told.stdout, "", "{user}");
        assert!(
            !told.stderr.contains("sesame") && !told.stderr.contains("short"),
            "{}",
            told.stderr
        );
    }
    keygen(&folder, &["--user", "a", "--consumer", "a"], b"open sesame").exits(2);
}
