//! `adamant keygen`.

use super::binary::{POLICY, small};

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
