//! Keys and secrets that sign: requests, messages, and proofs that a token is not stolen.

use adamant_tests::gateway::Setup;
use adamant_tests::idp::{Key, encode, now};
use adamant_tests::policy::to;
use adamant_tests::{Answer, Idp, Origin, Policy, Seen};
use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jsonwebtoken::Algorithm;
use serde_json::json;
use sha2::{Digest, Sha256};

use crate::story::Story;

/// The secret of a signer, in a file and in the environment.
const FILE: &str = "signing-secret-of-a-file-T0PS3CRET-0123456789";
const ENV: &str = "signing-secret-of-the-environment-T0PS3CRET";

/// The secrets of a sender of messages, before they are encoded.
const HOOK_FILE: &str = "hook-secret-of-a-file-T0PS3CRET-0123456789";
const HOOK_ENV: &str = "hook-secret-of-the-environment-T0PS3CRET";

const BODY: &str = "{\"card\": \"body-T0PS3CRET-0123456789\"}";

/// An upstream that repeats all it was sent, and not as HTTP at `/broken`.
async fn upstream() -> Origin {
    Origin::start(|seen: &Seen| match seen.target.as_str() {
        "/broken" => {
            let head = String::from_utf8_lossy(&seen.head).replace(['\r', '\n'], " ");
            Answer::raw(format!(
                "{head} {} is no HTTP\r\n\r\n",
                String::from_utf8_lossy(&seen.body)
            ))
        }
        _ => Answer::ok("hello"),
    })
    .await
}

/// A gateway with this step before everything.
fn gateway(origin: &Origin, step: &str, is_public: bool) -> Setup {
    let policy = Policy::new()
        .listener("public", "protocols: [h1, h2]")
        .upstream("origin", &to(origin))
        .observe("access-log: { to: stdout }")
        .route(&format!(
            "name: all\nmatch: {{ path: /** }}\npublic: {is_public}\nto: origin\nfilters:\n  - {step}"
        ));
    Setup::new(&policy)
}

fn code(secret: &[u8], text: &str) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
    STANDARD.encode(hmac::sign(&key, text.as_bytes()))
}

/// Lines of a GET of this path, signed with a shared secret.
fn signed(key: &str, secret: &str, path: &str) -> ([String; 2], String) {
    let input = format!("(\"@method\" \"@path\");created={};keyid=\"{key}\"", now());
    let base = format!("\"@method\": GET\n\"@path\": {path}\n\"@signature-params\": {input}");
    let signature = code(secret.as_bytes(), &base);
    (
        [
            format!("Signature-Input: sig={input}"),
            format!("Signature: sig=:{signature}:"),
        ],
        signature,
    )
}

#[tokio::test]
async fn what_signs_requests_is_told_nobody() {
    let origin = upstream().await;
    let signers = "keys:\n  - { id: one, consumer: acme, algorithm: hmac-sha256, secret: { file: mac.secret } }\n  - { id: two, consumer: acme, algorithm: hmac-sha256, secret: { env: MAC } }\n";
    for forward in [false, true] {
        let step = format!(
            "signature: {{ keys: {{ file: signers.yaml }}, cover: [\"@method\", \"@path\"], replay: allow, forward: {forward} }}"
        );
        let setup = gateway(&origin, &step, false)
            .file("signers.yaml", signers)
            .file("mac.secret", FILE);
        let mut story = Story::begin(setup, &[("MAC", ENV)]).await;
        story.hides([FILE, ENV]);
        for (key, secret) in [("one", FILE), ("two", ENV)] {
            for (path, status) in [("/good", 200), ("/broken", 502)] {
                let (lines, signature) = signed(key, secret, path);
                assert_eq!(
                    story.ask("GET", path, &lines, "").await.status,
                    status,
                    "{key} {path}"
                );
                assert_eq!(
                    story.ask("GET", "/other", &lines, "").await.refused(401),
                    "signature.signature"
                );
                story.hides([signature.clone()]);
                story.misuse(path, &lines, &[signature]).await;
                story.explains(path, &lines);
            }
            // Whoever sends the secret itself, in whatever field, hears nothing of it either.
            let (lines, _) = signed(key, secret, "/good");
            let lines = lines.map(|line| line.replace(key, secret));
            assert_eq!(
                story.ask("GET", "/good", &lines, "").await.refused(401),
                "signature.key-unknown"
            );
            story.misuse("/good", &lines, &[secret.to_owned()]).await;
        }
        story.ends().await;
    }
}

#[tokio::test]
async fn what_signs_messages_is_told_nobody() {
    let origin = upstream().await;
    let [in_file, in_env] = [HOOK_FILE, HOOK_ENV].map(|secret| format!("whsec_{}", STANDARD.encode(secret)));
    for replay in ["allow", "refuse"] {
        let step = format!(
            "webhook-signature: {{ secrets: [{{ file: hook.secret }}, {{ env: HOOK }}], replay: {replay} }}"
        );
        let setup = gateway(&origin, &step, true).file("hook.secret", &in_file);
        let mut story = Story::begin(setup, &[("HOOK", &in_env)]).await;
        story.hides([HOOK_FILE, HOOK_ENV, &in_file, BODY]);
        for (number, secret) in [HOOK_FILE, HOOK_ENV].into_iter().enumerate() {
            for (path, status) in [("/good", 200), ("/broken", 502)] {
                let (id, sent) = (format!("message-{number}{path}"), now());
                let signature = code(secret.as_bytes(), &format!("{id}.{sent}.{BODY}"));
                let lines = [
                    format!("webhook-id: {id}"),
                    format!("webhook-timestamp: {sent}"),
                    format!("webhook-signature: v1,{signature}"),
                ];
                assert_eq!(
                    story.ask("POST", path, &lines, BODY).await.status,
                    status,
                    "{path}"
                );
                let changed = format!("{BODY} ");
                let answer = story.ask("POST", path, &lines, &changed).await;
                assert_eq!(answer.refused(401), "webhook-signature.signature");
                story.hides([signature.clone()]);
                story.misuse(path, &lines, &[signature]).await;
                story.explains(path, &lines);
            }
        }
        story.ends().await;
    }
}

/// The public half of a key, and its hash of RFC 7638.
fn public(key: &Key) -> (serde_json::Value, String) {
    let (x, y) = (&key.jwk()["x"], &key.jwk()["y"]);
    let hash = Sha256::digest(format!(r#"{{"crv":"P-256","kty":"EC","x":{x},"y":{y}}}"#));
    (json!({"kty": "EC", "crv": "P-256", "x": x, "y": y}), encode(hash))
}

#[tokio::test]
async fn what_proves_a_sender_is_told_nobody() {
    let (idp, origin) = (Idp::new(&[Algorithm::ES256]), upstream().await);
    let key = Key::new("client", Algorithm::ES256);
    let (jwk, thumbprint) = public(&key);
    let mut claims = idp.claims("alice", "");
    claims["cnf"] = json!({ "jkt": thumbprint });
    let token = idp.keys[0].sign(&claims);
    let step = "jwt: { keys: { file: jwks.json }, issuer: \"https://id.test/\", audience: orders, algorithms: [ES256], type: at+jwt, sender: { dpop: { origins: \"http://api.test\", algorithms: [ES256] } } }";
    let setup = gateway(&origin, step, false).file("jwks.json", idp.jwks());
    let mut story = Story::begin(setup, &[]).await;
    for (path, status) in [("/good", 200), ("/broken", 502)] {
        let header = json!({"typ": "dpop+jwt", "alg": "ES256", "jwk": jwk});
        let proof = key.sign_with(
            &header,
            &json!({"jti": path, "htm": "GET", "htu": format!("http://api.test{path}"), "iat": now(), "ath": encode(Sha256::digest(&token))}),
        );
        let lines = [
            "Host: api.test".to_owned(),
            format!("Authorization: DPoP {token}"),
            format!("DPoP: {proof}"),
        ];
        assert_eq!(story.ask("GET", path, &lines, "").await.status, status, "{path}");
        assert_eq!(
            story.ask("GET", path, &lines, "").await.refused(401),
            "jwt.proof-replayed"
        );
        assert_eq!(
            story.ask("GET", "/other", &lines, "").await.refused(401),
            "jwt.proof-target"
        );
        let parts =
            [&token, &proof].map(|whole| whole.split('.').skip(1).map(str::to_owned).collect::<Vec<_>>());
        story.hides(parts.concat());
        story.misuse(path, &lines, &[token.clone(), proof]).await;
        story.explains(path, &lines[1..]);
    }
    story.ends().await;
}
