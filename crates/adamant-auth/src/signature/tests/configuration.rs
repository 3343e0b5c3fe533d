//! Files that do not load, with the key at fault.

use super::*;

fn problem(config: &Value, file: &Value) -> String {
    let mut host = TrialHost::new()
        .with_file("signers.yaml", file.to_string())
        .with_secret(SecretRef::Env("MAC".to_owned()), SECRET)
        .with_secret(SecretRef::Env("SHORT".to_owned()), b"short");
    match Trial::try_build::<Signature>(config, &mut host) {
        Ok(_) => "loads".to_owned(),
        Err(problems) => format!("{problems:?}"),
    }
}

#[test]
fn settings_that_cannot_be_meant_are_refused() {
    let cases = [
        ("replay", json!("maybe"), "replay"),
        ("cover", json!([]), "moved to another request"),
        ("cover", json!(["@method"]), "moved to another request"),
        ("cover", json!(["@path"]), "moved to another request"),
        ("cover", json!(["@method", "@path", "@status"]), "@status"),
        ("cover", json!(["@method", "@path", "X-Upper"]), "X-Upper"),
        (
            "cover",
            json!(["@method", "@path", "@query-param"]),
            "@query-param",
        ),
        ("body-at-most", json!("17MiB"), "cannot be held"),
        ("body-at-most", json!("0B"), "cannot be held"),
        ("remember", json!(5), "remembers nothing"),
        ("at-most", json!("0s"), "at-most"),
        ("at-most", json!("2h"), "at-most"),
        ("skew", json!("6m"), "skew"),
        ("tag", json!("ä"), "tag"),
        ("tag", json!(""), "tag"),
        ("label", json!("Sig"), "label"),
        ("label", json!(""), "label"),
        ("realm", json!("a\"b"), "realm"),
        ("require", json!(["created"]), "require"),
        ("keys", json!({"file": "none.yaml"}), "none.yaml"),
    ];
    assert_eq!(problem(&config(), &key_file()), "loads");
    for (key, value, expected) in cases {
        let told = problem(&with(config(), key, value.clone()), &key_file());
        assert!(told.contains(expected), "{key}: {value}: {told}");
    }
    let unchecked = with(config(), "body", "unchecked");
    for (key, value) in [
        ("body-at-most", json!("1KiB")),
        ("cover", json!(["@method", "@path", "content-digest"])),
    ] {
        let told = problem(&with(unchecked.clone(), key, value), &key_file());
        assert!(told.contains("body: unchecked"), "{key}: {told}");
    }
    let none = with(with(config(), "replay", "refuse"), "remember", 0);
    assert!(problem(&none, &key_file()).contains("without memory"));
    assert!(problem(&json!({"keys": {"file": "signers.yaml"}}), &key_file()).contains("replay"));
}

#[test]
fn a_key_file_says_what_each_key_is() {
    let entry = |value: Value| json!({"keys": [value]});
    let ed = || json!({"id": "a", "consumer": "c", "algorithm": "ed25519", "pem": ED25519_PUBLIC});
    let mac = || json!({"id": "a", "consumer": "c", "algorithm": "hmac-sha256", "secret": {"env": "MAC"}});
    let rsa = json!({"kty": "RSA", "n": "AQAB", "e": "AQAB"});
    let cases = [
        (entry(ed()), "loads"),
        (entry(mac()), "loads"),
        (json!({"keys": []}), "without a key"),
        (json!({"keys": [ed(), ed()]}), "two keys are named `a`"),
        (entry(with(ed(), "algorithm", "hmac-sha256")), "has `secret`"),
        (
            entry(with(mac(), "algorithm", "ed25519")),
            "has one of `pem` and `jwk`",
        ),
        (entry(with(ed(), "algorithm", "none")), "algorithm"),
        (entry(with(ed(), "algorithm", "ecdsa-p256-sha256")), "fits none"),
        (entry(with(ed(), "algorithm", "rsa-pss-sha512")), "fits none"),
        (entry(with(ed(), "pem", P256_KEY)), "PRIVATE KEY"),
        (entry(with(ed(), "pem", "x")), "not a PEM file"),
        (entry(with(ed(), "jwk", json!({"kty": "OKP"}))), "nothing else"),
        (
            entry(with(mac(), "secret", json!({"env": "SHORT"}))),
            "shorter than 32",
        ),
        (entry(with(mac(), "secret", "plain")), "secret"),
        (entry(with(ed(), "id", "")), "id"),
        (entry(with(ed(), "id", "ä")), "no signature can name"),
        (entry(with(ed(), "consumer", "")), "consumer"),
        (entry(with(ed(), "scopes", json!(["a b"]))), "scope"),
        (entry(with(ed(), "unknown", 1)), "unknown"),
        (
            entry(json!({"id": "a", "consumer": "c", "algorithm": "rsa-pss-sha512", "jwk": rsa})),
            "17 bits",
        ),
        (
            entry(
                json!({"id": "a", "consumer": "c", "algorithm": "ed25519", "jwk": {"kty": "OKP", "crv": "Ed25519", "x": "AQAB", "d": "AQAB"}}),
            ),
            "unknown",
        ),
    ];
    for (file, expected) in cases {
        let told = problem(&config(), &file);
        assert!(told.contains(expected), "{file}: {told}");
        assert!(
            !told.contains("BEGIN PRIVATE") && !told.contains("MIGH"),
            "{told}"
        );
    }
}

#[test]
fn equal_meaning_is_written_equally() {
    let text = |config: &Value| {
        let config: SignatureConfig = serde_json::from_value(config.clone()).unwrap();
        serde_json::to_string(&config).unwrap()
    };
    let base = with(config(), "replay", "refuse");
    for (key, value) in [
        ("remember", json!(100_000)),
        ("body-at-most", json!("64KiB")),
        ("cover", json!(["@query", "@path", "@method", "@authority"])),
    ] {
        assert_eq!(
            text(&with(base.clone(), key, value.clone())),
            text(&base),
            "{key}: {value}"
        );
    }
}
