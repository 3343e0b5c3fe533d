//! Published examples: what the standards sign must verify here.
//!
//! Their payloads are not access tokens, so that keys and parts are tested below the filter.

use super::*;
use crate::jwt::token::Token;

/// RFC 7515 A.1 (HS256), A.3 (ES256) and RFC 8037 A.4 (Ed25519): token, key, and the algorithm.
const PUBLISHED: [(&str, &str, Algorithm); 2] = [
    (
        "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ\
         .DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q",
        r#"{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}"#,
        Algorithm::ES256,
    ),
    (
        "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc\
         .hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg",
        r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#,
        Algorithm::EdDSA,
    ),
];

#[test]
fn what_the_standards_sign_verifies() {
    for (text, jwk, algorithm) in PUBLISHED {
        let token = Token::split(text.as_bytes()).unwrap();
        let keys = jwks::keys(jwk.as_bytes(), Algorithms::only(algorithm)).unwrap();
        assert_eq!(token.header().unwrap().algorithm, format!("{algorithm:?}"));
        assert_eq!(
            keys[0].verify(&token, algorithm).map_err(Reason::code),
            Ok(()),
            "{algorithm:?}"
        );
        let (message, signature) = text.rsplit_once('.').unwrap();
        let (header, payload) = message.split_once('.').unwrap();
        let moved = format!(
            "{header}.{}.{signature}",
            payload.replacen('x', "y", 1).replacen("RXh", "RXi", 1)
        );
        let moved = Token::split(moved.as_bytes()).unwrap();
        assert_eq!(
            keys[0].verify(&moved, algorithm).map_err(Reason::code),
            Err("signature"),
            "{algorithm:?}"
        );
    }
}

#[test]
fn the_shared_secret_of_rfc_7515_verifies() {
    let text = "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ\
                .dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
    let secret = "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow";
    let secret = URL_SAFE_NO_PAD.decode(secret).unwrap();
    let token = Token::split(text.as_bytes()).unwrap();
    let key = keys::Key {
        mark: keys::Mark::default(),
        id: None,
        algorithms: Algorithms::only(Algorithm::HS256),
        material: Some(jsonwebtoken::DecodingKey::from_secret(&secret).into()),
    };
    assert_eq!(token.header().unwrap().kind.as_deref(), Some("JWT"));
    assert_eq!(key.verify(&token, Algorithm::HS256).map_err(Reason::code), Ok(()));
}
