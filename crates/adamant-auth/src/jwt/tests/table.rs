//! Every reason of the filter by requests that meet it: attacks of RFC 8725, forms that only look right, keys
//! that come and go, proofs that were stolen. One row is one request to a fresh step.

use std::collections::BTreeSet;

use adamant_filter::Answer;
use sha2::{Digest as _, Sha256};

use super::pair::Pair;
use super::sender::{ProofDraft, bound, by_dpop, code_of, over_tls, proving, step, to_certificate};
use super::*;

/// What is sent to which step, and the reason of the verdict, or `ok`.
struct Row {
    told: String,
    found: &'static str,
    expected: &'static str,
}

fn row(told: impl Into<String>, found: &'static str, expected: &'static str) -> Row {
    Row {
        told: told.into(),
        found,
        expected,
    }
}

fn es256(header: &Value, claims: &Value) -> String {
    sign(header, claims, Algorithm::ES256, &signer(Algorithm::ES256))
}

/// Tokens that differ from a good one in their header, for a step that knows one key on P-256.
fn headers() -> Vec<Row> {
    let jwk = Pair::new("own").public();
    let cases = [
        (json!({"alg": "ES256"}), "ok"),
        (json!({"alg": "ES256", "typ": "JWT"}), "ok"),
        (json!({"alg": "ES256", "typ": "anything"}), "ok"),
        (json!({"alg": "ES256", "kid": "any name means the one key"}), "ok"),
        (
            json!({"alg": "ES256", "jku": "https://evil.test/jwks.json"}),
            "ok",
        ),
        (json!({"alg": "ES256", "x5u": "https://evil.test/a.pem"}), "ok"),
        (json!({"alg": "ES256", "jwk": jwk}), "ok"),
        (json!({"alg": "none"}), "algorithm-refused"),
        (json!({"alg": "None"}), "algorithm-refused"),
        (json!({"alg": "NONE"}), "algorithm-refused"),
        (json!({"alg": ""}), "algorithm-refused"),
        (json!({"alg": "es256"}), "algorithm-refused"),
        (json!({"alg": "ES256\u{0}"}), "algorithm-refused"),
        (json!({"alg": "HS256"}), "algorithm-refused"),
        (json!({"alg": "RS256"}), "algorithm-refused"),
        (json!({"alg": "ES384"}), "algorithm-refused"),
        (json!({"alg": "ECDH-ES", "enc": "A128GCM"}), "algorithm-refused"),
        (json!({"alg": null}), "malformed"),
        (json!({"alg": 256}), "malformed"),
        (json!({"alg": ["ES256"]}), "malformed"),
        (json!({"typ": "JWT"}), "malformed"),
        (json!({"alg": "ES256", "kid": 1}), "malformed"),
        (json!({"alg": "ES256", "typ": {}}), "malformed"),
        (json!({"alg": "ES256", "crit": ["b64"], "b64": false}), "critical"),
        (
            json!({"alg": "ES256", "crit": ["exp"], "exp": NOW + 9}),
            "critical",
        ),
        (json!({"alg": "ES256", "crit": []}), "critical"),
    ];
    let trial = trial();
    let rows = cases.into_iter();
    rows.map(|(header, expected)| {
        row(
            header.to_string(),
            code(&trial, &es256(&header, &claims())),
            expected,
        )
    })
    .collect()
}

/// Tokens that differ from a good one in their claims.
fn claims_of_tokens() -> Vec<Row> {
    let cases = [
        ("iss", json!("https://id.example.com"), "issuer"),
        ("iss", json!("https://ID.example.com/"), "issuer"),
        ("iss", json!(null), "issuer"),
        ("iss", json!(["https://id.example.com/"]), "issuer"),
        ("aud", json!(null), "audience"),
        ("aud", json!("order"), "audience"),
        ("aud", json!("orders "), "audience"),
        ("aud", json!([]), "audience"),
        ("aud", json!(["billing"]), "audience"),
        ("aud", json!([["orders"]]), "audience"),
        ("aud", json!({"orders": true}), "audience"),
        ("aud", json!(["billing", "orders"]), "ok"),
        ("exp", json!(null), "claims"),
        ("exp", json!("9999999999"), "claims"),
        ("exp", json!(-1), "claims"),
        ("exp", json!(0), "expired"),
        ("exp", json!(NOW - 60), "expired"),
        ("exp", json!(NOW - 59), "ok"),
        ("exp", json!((NOW - 59) as f64 + 0.5), "ok"),
        ("exp", json!(u64::MAX), "ok"),
        ("exp", json!(1e300), "ok"),
        ("nbf", json!(NOW + 61), "not-yet-valid"),
        ("nbf", json!(NOW + 60), "ok"),
        ("nbf", json!("now"), "claims"),
        ("iat", json!(NOW + 61), "not-yet-valid"),
        ("iat", json!(NOW + 3600), "not-yet-valid"),
        ("iat", json!({}), "claims"),
        ("sub", json!(null), "claims"),
        ("sub", json!(7), "claims"),
        ("sub", json!(""), "claims"),
        ("sub", json!("a\nb"), "claims"),
        ("sub", json!("x".repeat(1025)), "claims"),
        ("scope", json!(7), "claims"),
        ("scope", json!([7]), "claims"),
        ("scope", json!(["a", "b"]), "ok"),
        ("cnf", json!({"jkt": "x"}), "binding-unchecked"),
        ("cnf", json!("x"), "claims"),
    ];
    let trial = trial();
    let rows = cases.into_iter();
    rows.map(|(name, value, expected)| {
        let told = format!("{name}: {value:.40}");
        let token = es256(&json!({"alg": "ES256"}), &with(claims(), name, value));
        row(told, code(&trial, &token), expected)
    })
    .collect()
}

/// Bytes that are not a token, or not that one.
fn forms() -> Vec<Row> {
    let (trial, token) = (trial(), good());
    let parts: Vec<&str> = token.split('.').collect();
    let (header, payload, signature) = (parts[0], parts[1], parts[2]);
    let admin = part(&with(claims(), "sub", "admin"));
    let other = es256(&json!({"alg": "ES256"}), &with(claims(), "sub", "other"));
    let swapped = other.split('.').nth(2).unwrap();
    // A signature of zeros was good for everything in some libraries (CVE-2022-21449).
    let zeros = URL_SAFE_NO_PAD.encode([0; 64]);
    let der = URL_SAFE_NO_PAD.encode([[0x30, 0x44].as_slice(), &[2; 68]].concat());
    let cases = [
        (token.clone(), "ok"),
        (format!("{header}.{admin}.{signature}"), "signature"),
        (format!("{header}.{payload}.{swapped}"), "signature"),
        (format!("{header}.{payload}.{zeros}"), "signature"),
        (format!("{header}.{payload}.{der}"), "signature"),
        (format!("{header}.{payload}."), "signature"),
        (format!("{header}.{payload}.AA"), "signature"),
        (format!("{header}.{payload}"), "malformed"),
        (format!("{token}."), "malformed"),
        (format!("{token}.{signature}"), "malformed"),
        (format!(".{payload}.{signature}"), "malformed"),
        (format!("{header}..{signature}"), "signature"),
        (format!("{token}="), "malformed"),
        (format!("{token}%3D"), "malformed"),
        (format!("{header}.{payload}.+{}", &signature[1..]), "malformed"),
        ("..".to_owned(), "malformed"),
        ("null".to_owned(), "malformed"),
        ("{}".to_owned(), "malformed"),
        (format!("{token} {token}"), "unreadable"),
        (format!("{token},{token}"), "unreadable"),
        (String::new(), "unreadable"),
        ("A".repeat(8 * 1024 + 1), "too-long"),
    ];
    let rows = cases.into_iter();
    let mut rows: Vec<Row> = rows
        .map(|(token, expected)| row(format!("{token:.90}"), code(&trial, &token), expected))
        .collect();
    let twice = bearing(&token).with_header("authorization", "Bearer x");
    rows.push(row("nothing", code_of(&trial, get("/")), "missing"));
    rows.push(row("two fields", code_of(&trial, twice), "several"));
    rows
}

/// Steps that ask for more than most.
fn steps() -> Vec<Row> {
    let access = Trial::with_host::<Jwt>(&with(config(), "type", "at+jwt"), &mut host());
    let plain = Trial::with_host::<Jwt>(&with(config(), "type", "jwt"), &mut host());
    let short = Trial::with_host::<Jwt>(&with(config(), "lifetime", "5m"), &mut host());
    let secret = json!({"secret": {"env": "KEY"}});
    let shared = with(with(config(), "keys", secret), "algorithms", json!(["HS256"]));
    let blind = Trial::with_host::<Jwt>(&shared, &mut TrialHost::new());
    let key = EncodingKey::from_secret(&[7; 32]);
    let mac = sign(&json!({"alg": "HS256"}), &claims(), Algorithm::HS256, &key);
    let full = ["client_id", "jti"]
        .into_iter()
        .fold(claims(), |all, name| with(all, name, "x"));
    let full = with(full, "iat", NOW);
    let typed = |kind: &str, claims: &Value| es256(&json!({"alg": "ES256", "typ": kind}), claims);
    let long = with(with(claims(), "iat", NOW), "exp", NOW + 301);
    let lived = |claims: &Value| es256(&json!({"alg": "ES256"}), claims);
    vec![
        row("at+jwt", code(&access, &typed("at+jwt", &full)), "ok"),
        row("AT+JWT", code(&access, &typed("AT+JWT", &full)), "ok"),
        row(
            "application/at+jwt",
            code(&access, &typed("application/at+jwt", &full)),
            "ok",
        ),
        row("an identity token", code(&access, &typed("JWT", &full)), "type"),
        row(
            "a logout token",
            code(&access, &typed("logout+jwt", &full)),
            "type",
        ),
        row(
            "without client_id",
            code(&access, &typed("at+jwt", &claims())),
            "claims",
        ),
        row("an access token", code(&plain, &typed("at+jwt", &full)), "type"),
        row("lives 301 s", code(&short, &lived(&long)), "lifetime"),
        row(
            "lives 300 s",
            code(&short, &lived(&with(long, "exp", NOW + 300))),
            "ok",
        ),
        row("without iat", code(&short, &lived(&claims())), "claims"),
        row("by a secret that is withheld", code(&blind, &mac), "key-withheld"),
    ]
}

/// A step that fetches its keys, in all its conditions.
fn fetched() -> Vec<Row> {
    let (known, new) = (Pair::new("known"), Pair::new("new"));
    let keys = json!({"url": "https://id.test/keys", "stale-for": "1h", "refresh": "10m"});
    let config = with(config(), "keys", keys);
    let set = |keys: &[&Value]| Answer {
        status: StatusCode::OK,
        fields: Vec::new(),
        body: json!({ "keys": keys }).to_string().into(),
    };
    let long = with(claims(), "exp", NOW + 100_000);
    let (mut host, by) = (TrialHost::new(), |pair: &Pair| pair.token(&long));
    let trial = Trial::with_host::<Jwt>(&config, &mut host);
    let at = |pair: &Pair, second: u64| {
        let now = (Tick(second * 1_000_000_000), Wall((NOW + second) * 1000));
        code_of(&trial, bearing(&by(pair)).at(now.0, now.1))
    };
    let mut rows = vec![row("before there are keys", at(&known, 0), "keys-absent")];
    host.answer("https://id.test", Some(set(&[&known.jwk])));
    host.tick(Tick(10_000_000_000));
    rows.push(row("a key of the set", at(&known, 11), "ok"));
    rows.push(row("a key that is not in it", at(&new, 31), "key-unknown"));
    rows.push(row(
        "another key by its name",
        at(&Pair::new("known"), 31),
        "signature",
    ));
    host.answer("https://id.test", Some(set(&[&new.jwk])));
    host.tick(Tick(611_000_000_000));
    rows.push(row("a key that came", at(&new, 612), "ok"));
    rows.push(row("a key that went", at(&known, 612), "key-unknown"));
    host.answer("https://id.test", None);
    host.tick(Tick(1_300_000_000_000));
    rows.push(row("the issuer is silent", at(&new, 1301), "ok"));
    rows.push(row(
        "it cannot be asked",
        at(&Pair::new("x"), 1301),
        "key-pending",
    ));
    rows.push(row("its keys are too old", at(&new, 5000), "keys-stale"));
    rows
}

/// Proofs and certificates of senders.
#[expect(clippy::too_many_lines, reason = "a table of cases")]
fn senders() -> Vec<Row> {
    let (pair, thief) = (Pair::new("client"), Pair::new("thief"));
    let token = bound(json!({"jkt": pair.thumbprint()}));
    let draft = || ProofDraft::new(&pair, &token, "name");
    let other = Pair::new("other");
    let foreign = bound(json!({"jkt": other.thumbprint()}));
    let theirs = ProofDraft::new(&other, &foreign, "name").sign();
    let private = with(pair.public(), "d", "AQAB");
    let other_hash = URL_SAFE_NO_PAD.encode(Sha256::digest("another token"));
    let cases: Vec<(&str, ProofDraft<'_>, &'static str)> = vec![
        ("good", draft(), "ok"),
        (
            "with a fragment",
            draft().claim("htu", "https://example.test/orders/1#a"),
            "ok",
        ),
        (
            "with a query",
            draft().claim("htu", "https://EXAMPLE.test:443/orders/%31?a"),
            "ok",
        ),
        ("59 s old", draft().claim("iat", NOW - 59), "ok"),
        ("61 s old", draft().claim("iat", NOW - 61), "proof-time"),
        ("61 s too early", draft().claim("iat", NOW + 61), "proof-time"),
        ("time as text", draft().claim("iat", "now"), "proof-claims"),
        ("without iat", draft().without("iat"), "proof-claims"),
        ("without jti", draft().without("jti"), "proof-claims"),
        ("empty jti", draft().claim("jti", ""), "proof-claims"),
        ("long jti", draft().claim("jti", "x".repeat(257)), "proof-claims"),
        ("without htm", draft().without("htm"), "proof-claims"),
        ("without htu", draft().without("htu"), "proof-claims"),
        ("without ath", draft().without("ath"), "proof-claims"),
        ("for POST", draft().claim("htm", "POST"), "proof-method"),
        ("for get", draft().claim("htm", "get"), "proof-method"),
        (
            "for http",
            draft().claim("htu", "http://example.test/orders/1"),
            "proof-target",
        ),
        (
            "for a port",
            draft().claim("htu", "https://example.test:8443/orders/1"),
            "proof-target",
        ),
        (
            "for a host",
            draft().claim("htu", "https://evil.test/orders/1"),
            "proof-target",
        ),
        (
            "for another host of ours",
            draft().claim("htu", "https://api.example.test:8443/orders/1"),
            "proof-target",
        ),
        (
            "for a path",
            draft().claim("htu", "https://example.test/orders/2"),
            "proof-target",
        ),
        (
            "for a way round",
            draft().claim("htu", "https://example.test/x/../orders/1"),
            "proof-target",
        ),
        ("for no URL", draft().claim("htu", "/orders/1"), "proof-target"),
        (
            "with a user",
            draft().claim("htu", "https://a@example.test/orders/1"),
            "proof-target",
        ),
        (
            "for another token",
            draft().claim("ath", other_hash),
            "proof-token",
        ),
        ("type JWT", draft().header("typ", "JWT"), "proof-type"),
        ("without type", draft().without("typ"), "proof-type"),
        ("none", draft().header("alg", "none"), "proof-algorithm"),
        (
            "a shared secret",
            draft().header("alg", "HS256"),
            "proof-algorithm",
        ),
        ("not listed", draft().header("alg", "RS256"), "proof-algorithm"),
        ("another kind of key", draft().header("alg", "EdDSA"), "proof-key"),
        ("a private key", draft().header("jwk", private), "proof-key"),
        ("without a key", draft().without("jwk"), "proof-key"),
        (
            "a key that is none",
            draft().header("jwk", json!({"kty": "EC"})),
            "proof-key",
        ),
        (
            "an extension",
            draft().header("crit", json!(["a"])),
            "proof-malformed",
        ),
        (
            "a stolen token",
            ProofDraft::new(&thief, &token, "name"),
            "proof-stranger",
        ),
        ("a borrowed key", draft_signed(draft(), &thief), "proof-signature"),
    ];
    let mut rows = Vec::new();
    for (told, draft, expected) in cases {
        let found = code_of(&by_dpop(), proving(&token, &[&draft.sign()]));
        rows.push(row(format!("proof: {told}"), found, expected));
    }
    let dpop = by_dpop();
    let (one, two) = (draft().sign(), draft().claim("jti", "two").sign());
    let bearer = bearing(&token).with_header("dpop", &one);
    let remember = json!({"origins": ["https://example.test"], "algorithms": ["ES256"], "remember": 1});
    let forgetful = step(json!({ "dpop": remember }));
    let tls = step(json!({"certificate": true}));
    let held = to_certificate(b"certificate");
    rows.extend([
        row("no proof", code_of(&dpop, proving(&token, &[])), "proof-missing"),
        row(
            "two proofs",
            code_of(&dpop, proving(&token, &[&one, &two])),
            "proof-several",
        ),
        row(
            "not a proof",
            code_of(&dpop, proving(&token, &["x"])),
            "proof-malformed",
        ),
        row("as bearer token", code_of(&dpop, bearer), "scheme"),
        row("used", code_of(&dpop, proving(&token, &[&one])), "ok"),
        row(
            "used again",
            code_of(&dpop, proving(&token, &[&one])),
            "proof-replayed",
        ),
        row(
            "the last one",
            code_of(&forgetful, proving(&token, &[&one])),
            "ok",
        ),
        row(
            "one more",
            code_of(&forgetful, proving(&token, &[&two])),
            "proofs-exceeded",
        ),
        row(
            "one of another client",
            code_of(&forgetful, proving(&foreign, &[&theirs])),
            "proofs-full",
        ),
        row("not bound", code_of(&dpop, proving(&good(), &[&one])), "unbound"),
        row("no certificate", code(&tls, &held), "certificate-missing"),
        row(
            "another certificate",
            code_of(&tls, over_tls(bearing(&held), &[b"other"])),
            "certificate-other",
        ),
    ]);
    rows
}

fn draft_signed<'p>(mut draft: ProofDraft<'p>, pair: &'p Pair) -> ProofDraft<'p> {
    draft.signer = &pair.signer;
    draft
}

#[test]
fn every_reason_is_met_by_a_request_and_every_request_by_its_reason() {
    let tables = [
        headers(),
        claims_of_tokens(),
        forms(),
        steps(),
        fetched(),
        senders(),
    ];
    let rows: Vec<Row> = tables.into_iter().flatten().collect();
    let wrong: Vec<String> = rows
        .iter()
        .filter(|row| row.found != row.expected)
        .map(|row| format!("{}: {} instead of {}", row.told, row.found, row.expected))
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(rows.len() >= 130, "{} rows", rows.len());
    let met: BTreeSet<&str> = rows
        .iter()
        .map(|row| row.expected)
        .filter(|code| *code != "ok")
        .collect();
    let known: BTreeSet<&str> = reason::ALL.iter().map(|reason| reason.code()).collect();
    assert_eq!(met, known);
    assert_eq!(
        known.len(),
        reason::ALL.len(),
        "each reason has a code of its own"
    );
}
