//! Tokens that were tampered with: what an attacker would try, and the reason that stops it.

use proptest::prelude::*;

use super::*;

/// Two keys of different kinds under names, as issuers publish them while they move from one to the other.
fn jwks() -> Value {
    let der = pem_body(P256_PUBLIC);
    let point = &der[der.len() - 64..];
    let modulus = {
        let der = pem_body(RSA_PUBLIC);
        // SubjectPublicKeyInfo of a 2048 bit key: the modulus stands before the 5 bytes of the exponent.
        der[der.len() - 261..der.len() - 5].to_vec()
    };
    let base64 = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
    json!({"keys": [
        {"kty": "EC", "crv": "P-256", "kid": "ec", "x": base64(&point[..32]), "y": base64(&point[32..])},
        {"kty": "RSA", "kid": "rsa", "alg": "RS256", "use": "sig", "n": base64(&modulus), "e": "AQAB"},
        {"kty": "RSA", "kid": "enc", "use": "enc", "n": base64(&modulus), "e": "AQAB"},
        {"kty": "EC", "crv": "P-521", "kid": "odd"},
    ]})
}

fn pem_body(pem: &[u8]) -> Vec<u8> {
    let text = str::from_utf8(pem).unwrap();
    let body: String = text.lines().filter(|line| !line.starts_with('-')).collect();
    base64::engine::general_purpose::STANDARD.decode(body).unwrap()
}

fn issuer() -> Trial {
    let config = with(config(), "keys", json!({"file": "jwks.json"}));
    let config = with(config, "algorithms", json!(["ES256", "RS256", "PS256"]));
    Trial::with_host::<Jwt>(
        &config,
        &mut TrialHost::new().with_file("jwks.json", jwks().to_string()),
    )
}

fn ec(header: &Value) -> String {
    sign(header, &claims(), Algorithm::ES256, &signer(Algorithm::ES256))
}

fn rsa(header: &Value, algorithm: Algorithm) -> String {
    sign(header, &claims(), algorithm, &signer(algorithm))
}

#[test]
fn the_key_decides_about_the_algorithm() {
    let hmac = |secret: &[u8], header: &Value| {
        sign(
            header,
            &claims(),
            Algorithm::HS256,
            &EncodingKey::from_secret(secret),
        )
    };
    let none = |name: &str| format!("{}.{}.", part(&json!({ "alg": name })), part(&claims()));
    let cases = [
        (ec(&json!({"alg": "ES256", "kid": "ec"})), "ok"),
        (ec(&json!({"alg": "ES256"})), "ok"),
        (
            rsa(&json!({"alg": "RS256", "kid": "rsa"}), Algorithm::RS256),
            "ok",
        ),
        // Listed by the file, but not by the key.
        (
            rsa(&json!({"alg": "PS256", "kid": "rsa"}), Algorithm::PS256),
            "algorithm-refused",
        ),
        (
            rsa(&json!({"alg": "RS512", "kid": "rsa"}), Algorithm::RS512),
            "algorithm-refused",
        ),
        (ec(&json!({"alg": "ES256", "kid": "rsa"})), "algorithm-refused"),
        (ec(&json!({"alg": "RS256", "kid": "ec"})), "algorithm-refused"),
        (ec(&json!({"alg": "RS256", "kid": "rsa"})), "signature"),
        // The public key as a shared secret.
        (
            hmac(RSA_PUBLIC, &json!({"alg": "HS256", "kid": "rsa"})),
            "algorithm-refused",
        ),
        (hmac(P256_PUBLIC, &json!({"alg": "HS256"})), "algorithm-refused"),
        (
            hmac(RSA_PUBLIC, &json!({"alg": "RS256", "kid": "rsa"})),
            "signature",
        ),
        (none("none"), "algorithm-refused"),
        (none("None"), "algorithm-refused"),
        (none("nOnE"), "algorithm-refused"),
        (none(""), "algorithm-refused"),
        (none("ES256"), "signature"),
        (ec(&json!({"alg": "es256"})), "algorithm-refused"),
        (ec(&json!({"alg": "ES256 "})), "algorithm-refused"),
        (ec(&json!({"alg": "ES512"})), "algorithm-refused"),
        (ec(&json!({"alg": "ES256K"})), "algorithm-refused"),
    ];
    let trial = issuer();
    for (token, expected) in cases {
        assert_eq!(code(&trial, &token), expected, "{token:.60}");
    }
}

#[test]
fn a_name_of_a_key_is_a_name_and_nothing_else() {
    let own = json!({"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA"});
    let cases = [
        (json!({"alg": "ES256", "kid": "EC"}), "key-unknown"),
        (json!({"alg": "ES256", "kid": "ec\0"}), "key-unknown"),
        (json!({"alg": "ES256", "kid": "../../dev/null"}), "key-unknown"),
        (json!({"alg": "ES256", "kid": "' OR 1=1"}), "key-unknown"),
        (json!({"alg": "ES256", "kid": ""}), "key-unknown"),
        (json!({"alg": "RS256", "kid": "enc"}), "key-unknown"),
        (json!({"alg": "ES256", "kid": "odd"}), "key-unknown"),
        (json!({"alg": "ES256", "kid": ["ec"]}), "malformed"),
        (json!({"alg": "ES256", "kid": null}), "malformed"),
        // Whatever brings its own key is verified with ours.
        (json!({"alg": "ES256", "kid": "ec", "jwk": own}), "ok"),
        (
            json!({"alg": "ES256", "kid": "ec", "jku": "https://evil.example/", "x5u": "file:///x", "x5c": []}),
            "ok",
        ),
        // Extensions that must be understood, and are not.
        (json!({"alg": "ES256", "crit": ["exp"], "exp": 1}), "critical"),
        (json!({"alg": "ES256", "crit": ["b64"], "b64": false}), "critical"),
        (json!({"alg": "ES256", "crit": []}), "critical"),
        (json!({"alg": "ES256", "crit": null}), "critical"),
    ];
    let trial = issuer();
    for (header, expected) in cases {
        assert_eq!(code(&trial, &ec(&header)), expected, "{header}");
    }
}

#[test]
fn a_token_has_one_reading() {
    let trial = issuer();
    let key = signer(Algorithm::ES256);
    let claims = claims().to_string();
    let twice = claims.replacen('{', r#"{"sub":"admin","#, 1);
    let headers = [
        (r#"{"alg":"ES256","alg":"none"}"#, "malformed"),
        (r#"{"alg":"none","alg":"ES256"}"#, "malformed"),
        (r#"{"alg":"ES256","kid":"ec","k\u0069d":"rsa"}"#, "malformed"),
        (r#"{"alg":"ES256"} "#, "ok"),
        (r#"{"alg":"ES256"}{}"#, "malformed"),
        ("[]", "malformed"),
        ("null", "malformed"),
    ];
    for (header, expected) in headers {
        assert_eq!(
            code(&trial, &sign_text(header, &claims, Algorithm::ES256, &key)),
            expected,
            "{header}"
        );
    }
    for payload in [&*twice, "[]", "null", "7", "", "{", "\"text\""] {
        let token = sign_text(r#"{"alg":"ES256"}"#, payload, Algorithm::ES256, &key);
        assert_eq!(code(&trial, &token), "malformed", "{payload}");
    }
}

#[test]
fn each_part_has_one_spelling() {
    let trial = issuer();
    let token = good();
    assert_eq!(code(&trial, &token), "ok");
    let last = token.chars().last().unwrap();
    // A P-256 signature of 64 bytes leaves four bits over, so that 16 letters would decode alike.
    let letters: Vec<char> = ('A'..='Z')
        .chain('a'..='z')
        .chain('0'..='9')
        .chain(['-', '_'])
        .collect();
    let place = letters.iter().position(|letter| *letter == last).unwrap();
    for other in 1..16 {
        let spelled = format!(
            "{}{}",
            &token[..token.len() - 1],
            letters[(place & !15) | ((place + other) & 15)]
        );
        assert_eq!(code(&trial, &spelled), "malformed", "{other}");
    }
    for spelled in [
        format!("{token}=="),
        format!("{token}="),
        token.replace('.', ".="),
        format!("{token}\u{e9}"),
    ] {
        assert_ne!(code(&trial, &spelled), "ok");
    }
    let long = format!("{token}{}", "A".repeat(8 * 1024));
    assert_eq!(code(&trial, &long), "too-long");
}

#[test]
fn nothing_but_the_signature_is_looked_at_before_it_is_good() {
    let trial = issuer();
    let forge = |payload: &Value| {
        format!(
            "{}.{}.{}",
            part(&json!({"alg": "ES256"})),
            part(payload),
            "A".repeat(86)
        )
    };
    for payload in [
        json!({}),
        with(claims(), "exp", 1),
        with(claims(), "iss", 7),
        json!([]),
    ] {
        assert_eq!(code(&trial, &forge(&payload)), "signature", "{payload}");
    }
    // Whose it says to be only names the reason of its refusal.
    assert_eq!(code(&trial, &forge(&with(claims(), "iss", "x"))), "issuer");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn no_bytes_pass_or_panic(bytes in proptest::collection::vec(0x21..0x7f_u8, 0..200)) {
        let token = String::from_utf8(bytes).unwrap();
        prop_assert_ne!(code(&issuer(), &token), "ok");
    }

    #[test]
    fn no_change_of_one_byte_passes(place in any::<prop::sample::Index>(), to in 0x21..0x7f_u8) {
        let token = good();
        let mut changed = token.clone().into_bytes();
        let at = place.index(changed.len());
        changed[at] = to;
        let changed = String::from_utf8(changed).unwrap();
        prop_assert_eq!(code(&issuer(), &changed) == "ok", changed == token);
    }
}
