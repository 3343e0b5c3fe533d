//! The test cases of RFC 9421, appendix B.2 and §4.3: requests that others have signed.

use super::*;

const RSA_PSS: &str = "-----BEGIN PUBLIC KEY-----
MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAr4tmm3r20Wd/PbqvP1s2
+QEtvpuRaV8Yq40gjUR8y2Rjxa6dpG2GXHbPfvMs8ct+Lh1GH45x28Rw3Ry53mm+
oAXjyQ86OnDkZ5N8lYbggD4O3w6M6pAvLkhk95AndTrifbIFPNU8PPMO7OyrFAHq
gDsznjPFmTOtCEcN2Z1FpWgchwuYLPL+Wokqltd11nqqzi+bJ9cvSKADYdUAAN5W
Utzdpiy6LbTgSxP7ociU4Tn0g5I6aDZJ7A8Lzo0KSyZYoA485mqcO0GVAdVw9lq4
aOT9v6d+nb4bnNkQVklLQ3fVAvJm+xdDOp9LCNCN48V2pnDOkFV6+U9nV5oyc6XI
2wIDAQAB
-----END PUBLIC KEY-----
";
const P256: &str = "-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEqIVYZVLCrPZHGHjP17CTW0/+D9Lf
w0EkjqF7xB4FivAxzic30tMM4GF+hR6Dxh71Z50VGGdldkkDXZCnTNnoXQ==
-----END PUBLIC KEY-----
";
const SHARED: &str =
    "uzvJfB4u3N0Jy4T7NZ75MDVcr8zSTInedJtkgcu46YW4XByzNJjxBdtjUkdJPBtbmHhIDi6pcl8jsasjlTMtDQ==";

/// When the signatures were created.
const CREATED: u64 = 1_618_884_473;

/// Label, input and signature.
const CASES: [(&str, &str, &str); 7] = [
    (
        "sig-b21",
        "();created=1618884473;keyid=\"test-key-rsa-pss\";nonce=\"b3k2pp5k7z-50gnwp.yemd\"",
        "d2pmTvmbncD3xQm8E9ZV2828BjQWGgiwAaw5bAkgibUopemLJcWDy/lkbbHAve4cRAtx31Iq786U7it++wgGxbtRxf8Udx7zFZsckzXaJMkA7ChG52eSkFxykJeNqsrWH5S+oxNFlD4dzVuwe8DhTSja8xxbR/Z2cOGdCbzR72rgFWhzx2VjBqJzsPLMIQKhO4DGezXehhWwE56YCE+O6c0mKZsfxVrogUvA4HELjVKWmAvtl6UnCh8jYzuVG5WSb/QEVPnP5TmcAnLH1g+s++v6d4s8m0gCw1fV5/SITLq9mhho8K3+7EPYTU8IU1bLhdxO5Nyt8C8ssinQ98Xw9Q==",
    ),
    (
        "sig-b22",
        "(\"@authority\" \"content-digest\" \"@query-param\";name=\"Pet\");created=1618884473;keyid=\"test-key-rsa-pss\";tag=\"header-example\"",
        "LjbtqUbfmvjj5C5kr1Ugj4PmLYvx9wVjZvD9GsTT4F7GrcQEdJzgI9qHxICagShLRiLMlAJjtq6N4CDfKtjvuJyE5qH7KT8UCMkSowOB4+ECxCmT8rtAmj/0PIXxi0A0nxKyB09RNrCQibbUjsLS/2YyFYXEu4TRJQzRw1rLEuEfY17SARYhpTlaqwZVtR8NV7+4UKkjqpcAoFqWFQh62s7Cl+H2fjBSpqfZUJcsIk4N6wiKYd4je2U/lankenQ99PZfB4jY3I5rSV2DSBVkSFsURIjYErOs0tFTQosMTAoxk//0RoKUqiYY8Bh0aaUEb0rQl3/XaVe4bXTugEjHSw==",
    ),
    (
        "sig-b23",
        "(\"date\" \"@method\" \"@path\" \"@query\" \"@authority\" \"content-type\" \"content-digest\" \"content-length\");created=1618884473;keyid=\"test-key-rsa-pss\"",
        "bbN8oArOxYoyylQQUU6QYwrTuaxLwjAC9fbY2F6SVWvh0yBiMIRGOnMYwZ/5MR6fb0Kh1rIRASVxFkeGt683+qRpRRU5p2voTp768ZrCUb38K0fUxN0O0iC59DzYx8DFll5GmydPxSmme9v6ULbMFkl+V5B1TP/yPViV7KsLNmvKiLJH1pFkh/aYA2HXXZzNBXmIkoQoLd7YfW91kE9o/CCoC1xMy7JA1ipwvKvfrs65ldmlu9bpG6A9BmzhuzF8Eim5f8ui9eH8LZH896+QIF61ka39VBrohr9iyMUJpvRX2Zbhl5ZJzSRxpJyoEZAFL2FUo5fTIztsDZKEgM4cUA==",
    ),
    (
        "sig-b25",
        "(\"date\" \"@authority\" \"content-type\");created=1618884473;keyid=\"test-shared-secret\"",
        "pxcQw6G3AjtMBQjwo8XzkZf/bws5LelbaMk5rGIGtE8=",
    ),
    (
        "sig-b26",
        "(\"date\" \"@method\" \"@path\" \"@authority\" \"content-type\" \"content-length\");created=1618884473;keyid=\"test-key-ed25519\"",
        "wqcAqbmYJ2ji2glfAMaRy4gruYYnx2nEFN2HN6jrnDnQCK1u02Gb04v9EDgwUPiu4A0w6vuQv5lIp5WPpBKRCw==",
    ),
    // The same with a tag, from another implementation.
    (
        "sig-b27",
        "(\"date\" \"@method\" \"@path\" \"@authority\" \"content-type\" \"content-length\");created=1618884473;keyid=\"test-key-ed25519\";tag=\"tag-b27\"",
        "pDPhW4vxi28JZfogrM4NLeYhZKW+TYDko8KtzCFoTOFeGCCSivD0iVcIuT9gqM6AtGfgzqQU/GaoLqh8sC6bCg==",
    ),
    // RFC 9421 §4.3.
    (
        "sig1",
        "(\"@method\" \"@authority\" \"@path\" \"content-digest\" \"content-type\" \"content-length\");created=1618884475;keyid=\"test-key-ecc-p256\"",
        "X5spyd6CFnAG5QnDyHfqoSNICd+BUP4LYMz2Q0JXlb//4Ijpzp+kve2w4NIyqeAuM7jTDX+sNalzA8ESSaHD3A==",
    ),
];

fn signers() -> Trial {
    let keys = json!({"keys": [
        {"id": "test-key-rsa-pss", "consumer": "a", "algorithm": "rsa-pss-sha512", "pem": RSA_PSS},
        {"id": "test-key-ecc-p256", "consumer": "a", "algorithm": "ecdsa-p256-sha256", "pem": P256},
        {"id": "test-shared-secret", "consumer": "a", "algorithm": "hmac-sha256", "secret": {"env": "SHARED"}},
        {"id": "test-key-ed25519", "consumer": "a", "algorithm": "ed25519",
            "jwk": {"kty": "OKP", "crv": "Ed25519", "x": "JrQLj5P_89iXES9-vFgrIy29clF9CC_oPPsw3c5D0bs"}},
    ]});
    let mut host = TrialHost::new()
        .with_file("signers.yaml", keys.to_string())
        .with_secret(
            SecretRef::Env("SHARED".to_owned()),
            &STANDARD.decode(SHARED).unwrap(),
        );
    let config = with(config(), "cover", json!(["@method", "@path"]));
    Trial::with_host::<Signature>(&with(config, "body", "when-covered"), &mut host)
}

/// The request of appendix B.2 with one signature.
fn vector(label: &str, input: &str, signature: &str) -> Request {
    Request::build(Method::POST, "/foo?param=Value&Pet=dog")
        .unwrap()
        .at(Tick(0), Wall((CREATED + 2) * 1000))
        .with_header("host", "example.com")
        .with_header("date", "Tue, 20 Apr 2021 02:07:55 GMT")
        .with_header("content-type", "application/json")
        .with_header("content-digest", "sha-512=:WZDPaVn/7XgHaAy8pmojAkGWoRx2UFChF41A2svX+TaPm+AbwAgBWnrIiYllu7BNNyealdVLvRwEmTHWXvJwew==:")
        .with_header("content-length", "18")
        .with_header("signature-input", &format!("{label}={input}"))
        .with_header("signature", &format!("{label}=:{signature}:"))
}

#[test]
fn what_others_have_signed_verifies() {
    let keys = [
        ("rsa-pss", SigningAlgorithm::RsaPssSha512, RSA_PSS),
        ("ecc-p256", SigningAlgorithm::EcdsaP256Sha256, P256),
        (
            "ed25519",
            SigningAlgorithm::Ed25519,
            "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAJrQLj5P/89iXES9+vFgrIy29clF9CC/oPPsw3c5D0bs=\n-----END PUBLIC KEY-----\n",
        ),
    ];
    for (label, input, signature) in CASES {
        let request = vector(label, input, signature);
        let signed = Signed::find(&request, &Wanted::default()).unwrap();
        let base = base::base(&request, &signed.covered).unwrap();
        let key = match keys.iter().find(|(name, _, _)| input.contains(name)) {
            Some((_, algorithm, pem)) => {
                let material = crate::jwt::pem::material(pem.as_bytes()).unwrap();
                algorithm::Verifying::public(*algorithm, &material).unwrap()
            }
            None => algorithm::Verifying::shared(&STANDARD.decode(SHARED).unwrap()),
        };
        assert_eq!(key.verifies(&base, &signed.signature), Some(true), "{label}");
        let mut other = base.clone();
        other[3] ^= 1;
        assert_eq!(key.verifies(&other, &signed.signature), Some(false), "{label}");
    }
}

#[test]
fn the_base_of_appendix_b_2_2_is_made_byte_by_byte() {
    let (label, input, signature) = CASES[1];
    let request = vector(label, input, signature);
    let signed = Signed::find(&request, &Wanted::default()).unwrap();
    let base = String::from_utf8(base::base(&request, &signed.covered).unwrap()).unwrap();
    let expected = "\"@authority\": example.com\n\
        \"content-digest\": sha-512=:WZDPaVn/7XgHaAy8pmojAkGWoRx2UFChF41A2svX+TaPm+AbwAgBWnrIiYllu7BNNyealdVLvRwEmTHWXvJwew==:\n\
        \"@query-param\";name=\"Pet\": dog\n\
        \"@signature-params\": (\"@authority\" \"content-digest\" \"@query-param\";name=\"Pet\")\
        ;created=1618884473;keyid=\"test-key-rsa-pss\";tag=\"header-example\"";
    assert_eq!(base, expected);
}

#[test]
fn the_filter_accepts_those_that_cover_enough() {
    let trial = signers();
    for (label, input, signature) in CASES {
        let covers = input.contains("\"@method\"") && input.contains("\"@path\"");
        let expected = if covers { "pass" } else { "not-covered" };
        assert_eq!(
            outcome(&trial, vector(label, input, signature)),
            expected,
            "{label}"
        );
    }
}
