//! No key of the language is without effect: each has a test that shows it at work.
//!
//! The keys are those that the binary lists. A test claims them with `covers(&["…"])` and stands in a file
//! beside this one, where it starts the real binary and would fail if the key were ignored. A claim that names
//! no key is a mistake too. Whether a claim is honest is for the reader of the test.

use std::collections::BTreeSet;
use std::path::Path;

use adamant_tests::{Adamant, Folder};

/// The keys that the binary knows.
async fn known() -> BTreeSet<String> {
    let folder = Folder::new();
    let listed = Adamant::run(folder.path(), &["schema", "--leaves"])
        .await
        .exits(0);
    let listed = listed.json();
    let keys = listed.as_array().expect("a list of keys").iter();
    keys.map(|key| key.as_str().expect("a key is a text").to_owned())
        .collect()
}

/// The keys that tests claim, each with the file of one claim.
fn claimed() -> BTreeSet<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    let mut claims = BTreeSet::new();
    for entry in std::fs::read_dir(folder).expect("the folder of this test") {
        let path = entry.expect("an entry of it").path();
        if path.extension().is_none_or(|extension| extension != "rs") || path.ends_with("keys.rs") {
            continue;
        }
        let source = std::fs::read_to_string(&path).expect("a readable source");
        let file = path.file_name().unwrap_or_default().to_string_lossy();
        // Every other piece between quotation marks is a key: keys hold none.
        for claim in source.split("covers(&[").skip(1) {
            let keys = claim.split("]);").next().unwrap_or_default();
            for key in keys.split('"').skip(1).step_by(2) {
                claims.insert((key.to_owned(), file.clone().into_owned()));
            }
        }
    }
    claims
}

#[tokio::test]
async fn every_key_has_a_test_that_shows_its_effect() {
    let (known, claimed) = (known().await, claimed());
    let names: BTreeSet<&String> = claimed.iter().map(|(key, _)| key).collect();
    let unclaimed: Vec<&String> = known.iter().filter(|key| !names.contains(key)).collect();
    assert!(
        known.len() > 100,
        "the language has more keys than {}",
        known.len()
    );
    assert!(
        unclaimed.is_empty(),
        "no test shows these keys at work: {unclaimed:#?}"
    );
}

#[tokio::test]
async fn every_claim_names_a_key() {
    let known = known().await;
    let dead: Vec<_> = claimed()
        .into_iter()
        .filter(|(key, _)| !known.contains(key))
        .collect();
    assert!(dead.is_empty(), "these claims name no key: {dead:#?}");
}
