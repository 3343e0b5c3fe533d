//! Tokens that are bound to their sender: what a thief can do with one, which is nothing.

use adamant_tests::client::get;
use adamant_tests::gateway::Setup;
use adamant_tests::idp::{Key, encode, now};
use adamant_tests::mutual::h1;
use adamant_tests::{Gateway, Idp, Mutual, Origin, Policy, Response, covers};
use jsonwebtoken::Algorithm;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::version;

/// A step with these keys of `sender`.
fn step(sender: &str) -> String {
    format!(
        "jwt: {{ keys: {{ file: jwks.json }}, issuer: \"https://id.test/\", audience: orders, algorithms: [ES256], type: at+jwt, sender: {{ {sender} }} }}"
    )
}

async fn start(idp: &Idp, origin: &Origin, sender: &str) -> Gateway {
    let route = format!(
        "name: all\nmatch: {{ path: /** }}\nto: origin\nfilters:\n  - {}",
        step(sender)
    );
    Setup::new(&Policy::before(origin).route(&route))
        .file("jwks.json", idp.jwks())
        .start()
        .await
}

fn bound(idp: &Idp, confirmation: &Value) -> String {
    let mut claims = idp.claims("alice", "");
    claims["cnf"] = confirmation.clone();
    idp.keys[0].sign(&claims)
}

/// The hash of RFC 7638 over a key on P-256.
fn thumbprint(key: &Key) -> String {
    let (x, y) = (&key.jwk()["x"], &key.jwk()["y"]);
    encode(Sha256::digest(format!(
        r#"{{"crv":"P-256","kty":"EC","x":{x},"y":{y}}}"#
    )))
}

/// A proof of this key for a GET of this target with this token, with further claims.
fn proof(key: &Key, token: &str, target: &str, name: &str, more: &Value) -> String {
    let public = json!({"kty": "EC", "crv": "P-256", "x": key.jwk()["x"], "y": key.jwk()["y"]});
    let header = json!({"typ": "dpop+jwt", "alg": format!("{:?}", key.algorithm), "jwk": public});
    let hash = encode(Sha256::digest(token));
    let mut claims = json!({"jti": name, "htm": "GET", "htu": target, "iat": now(), "ath": hash});
    let more = more.as_object().expect("further claims").clone();
    claims.as_object_mut().expect("just made").extend(more);
    key.sign_with(&header, &claims)
}

async fn send(gateway: &Gateway, token: &str, proof: &str) -> Response {
    let lines = [
        "Host: api.test".to_owned(),
        format!("Authorization: DPoP {token}"),
        format!("DPoP: {proof}"),
    ];
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    get(gateway.address(), "/orders?page=1", &lines).await
}

const TARGET: &str = "http://api.test/orders";

#[tokio::test]
async fn rfc9449_a_stolen_token_is_worth_nothing_without_the_key() {
    covers(&[
        "policies.*[].jwt.sender.dpop.origins",
        "policies.*[].jwt.sender.dpop.algorithms",
    ]);
    let (idp, origin) = (Idp::new(&[Algorithm::ES256]), Origin::hello().await);
    let dpop = "dpop: { origins: \"http://api.test\", algorithms: [ES256] }";
    let gateway = start(&idp, &origin, dpop).await;
    let (client, thief) = (
        Key::new("client", Algorithm::ES256),
        Key::new("thief", Algorithm::ES256),
    );
    let token = bound(&idp, &json!({"jkt": thumbprint(&client)}));
    for name in ["one", "two"] {
        let good = proof(&client, &token, TARGET, name, &json!({}));
        let answer = send(&gateway, &token, &good).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        for field in ["authorization", "dpop"] {
            assert_eq!(origin.last().field(field), None, "{field} goes no further");
        }
        let again = send(&gateway, &token, &good).await;
        assert_eq!(again.refused(401), "jwt.proof-replayed");
        assert_eq!(
            again.field("www-authenticate"),
            Some("DPoP realm=\"api\", error=\"invalid_dpop_proof\", algs=\"ES256\"")
        );
    }
    let edwards = Key::new("other", Algorithm::EdDSA);
    let cases = [
        (
            proof(&thief, &token, TARGET, "a", &json!({})),
            "jwt.proof-stranger",
        ),
        (
            proof(&client, &token, "http://evil.test/orders", "b", &json!({})),
            "jwt.proof-target",
        ),
        (
            proof(&client, &token, "https://api.test/orders", "c", &json!({})),
            "jwt.proof-target",
        ),
        (
            proof(&client, "another", TARGET, "d", &json!({})),
            "jwt.proof-token",
        ),
        (
            proof(&client, &token, TARGET, "e", &json!({"htm": "POST"})),
            "jwt.proof-method",
        ),
        (
            proof(&edwards, &token, TARGET, "f", &json!({})),
            "jwt.proof-algorithm",
        ),
    ];
    for (proof, reason) in cases {
        assert_eq!(send(&gateway, &token, &proof).await.refused(401), reason);
    }
    assert_eq!(origin.count(), 2);
}

#[tokio::test]
async fn a_bound_token_needs_a_proof_and_an_unbound_one_has_none() {
    let (idp, origin) = (Idp::new(&[Algorithm::ES256]), Origin::hello().await);
    let dpop = "dpop: { origins: \"http://api.test\", algorithms: [ES256] }";
    let gateway = start(&idp, &origin, dpop).await;
    let client = Key::new("client", Algorithm::ES256);
    let token = bound(&idp, &json!({"jkt": thumbprint(&client)}));
    let without = [&*format!("Authorization: DPoP {token}"), "Host: api.test"];
    let without = get(gateway.address(), "/orders", &without).await;
    assert_eq!(without.refused(401), "jwt.proof-missing");
    let bearer = get(
        gateway.address(),
        "/orders",
        &[&format!("Authorization: Bearer {token}")],
    )
    .await;
    assert_eq!(bearer.refused(401), "jwt.scheme");
    let line = format!("Authorization: Bearer {}", idp.token("alice", ""));
    let free = get(gateway.address(), "/orders", &[&line]).await;
    assert_eq!(free.refused(401), "jwt.unbound");
    assert_eq!(origin.count(), 0);
}

#[tokio::test]
async fn a_proof_is_good_for_a_while_and_so_many_are_remembered() {
    covers(&[
        "policies.*[].jwt.sender.dpop.within",
        "policies.*[].jwt.sender.dpop.remember",
    ]);
    let (idp, origin) = (Idp::new(&[Algorithm::ES256]), Origin::hello().await);
    let dpop = "dpop: { origins: \"http://api.test\", algorithms: [ES256], within: 5m, remember: 16 }";
    let gateway = start(&idp, &origin, dpop).await;
    let client = Key::new("client", Algorithm::ES256);
    let token = bound(&idp, &json!({"jkt": thumbprint(&client)}));
    let cases = [
        ("a", now() - 240, 200, ""),
        ("b", now() + 240, 200, ""),
        ("c", now() - 330, 401, "jwt.proof-time"),
        ("d", now() + 330, 401, "jwt.proof-time"),
        ("a", now(), 401, "jwt.proof-replayed"),
        ("e", now(), 429, "jwt.proofs-exceeded"),
    ];
    for (name, made, status, reason) in cases {
        let proof = proof(&client, &token, TARGET, name, &json!({ "iat": made }));
        let answer = send(&gateway, &token, &proof).await;
        if status == 200 {
            assert_eq!(answer.status, 200, "{}", answer.text());
        } else {
            assert_eq!(answer.refused(status), reason);
        }
    }
    // Others go on until there is no room for anybody.
    for number in 0..8 {
        let other = Key::new(&format!("other-{number}"), Algorithm::ES256);
        let token = bound(&idp, &json!({"jkt": thumbprint(&other)}));
        for name in ["a", "b"] {
            let proof = proof(&other, &token, TARGET, name, &json!({}));
            let answer = send(&gateway, &token, &proof).await;
            if number < 7 {
                assert_eq!(answer.status, 200, "{}", answer.text());
            } else {
                assert_eq!(answer.refused(503), "jwt.proofs-full");
            }
        }
    }
}

#[tokio::test]
async fn rfc8705_a_token_is_worth_nothing_without_its_certificate() {
    covers(&["policies.*[].jwt.sender.certificate"]);
    let (idp, world) = (Idp::new(&[Algorithm::ES256]), Mutual::new().await);
    let gateway = world
        .setup(", required: false", &[&step("certificate: true")])
        .file("jwks.json", idp.jwks())
        .start()
        .await;
    let (owner, thief) = (
        world.spiffe("spiffe://example.org/a"),
        world.spiffe("spiffe://example.org/b"),
    );
    let der = CertificateDer::from_pem_slice(owner.certificate.as_bytes()).expect("our own PEM");
    let token = bound(&idp, &json!({"x5t#S256": encode(Sha256::digest(der))}));
    let line = format!("Authorization: Bearer {token}");
    let cases = [
        (Some(&owner), 200, ""),
        (Some(&thief), 401, "jwt.certificate-other"),
        (None, 401, "jwt.certificate-missing"),
        (Some(&owner), 200, ""),
    ];
    for (shown, status, reason) in cases {
        let config = world.config(shown, "http/1.1", &version::TLS13);
        let answer = h1(&gateway, config, &[&line]).await;
        if status == 200 {
            assert_eq!(answer.status, 200, "{}", answer.text());
        } else {
            assert_eq!(answer.refused(status), reason);
            assert_eq!(
                answer.field("www-authenticate"),
                Some("Bearer realm=\"api\", error=\"invalid_token\"")
            );
        }
    }
    assert_eq!(world.origin.count(), 2);
}

#[tokio::test]
async fn a_bound_token_is_refused_where_its_binding_is_not_checked() {
    let (idp, origin) = (Idp::new(&[Algorithm::ES256]), Origin::hello().await);
    let plain = step("").replace(", sender: {  }", "");
    let route = format!("name: all\nmatch: {{ path: /** }}\nto: origin\nfilters:\n  - {plain}");
    let gateway = Setup::new(&Policy::before(&origin).route(&route))
        .file("jwks.json", idp.jwks())
        .start()
        .await;
    for kind in ["jkt", "x5t#S256", "jwk"] {
        let token = bound(&idp, &json!({ kind: encode([7; 32]) }));
        let line = format!("Authorization: Bearer {token}");
        let answer = get(gateway.address(), "/", &[&line]).await;
        assert_eq!(answer.refused(401), "jwt.binding-unchecked", "{kind}");
    }
    assert_eq!(origin.count(), 0);
}
