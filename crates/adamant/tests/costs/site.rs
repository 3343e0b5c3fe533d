//! A policy with many routes, and credentials for it.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use adamant_filter::Catalogue;
use adamant_gateway::LiveHost;
use adamant_policy::plan::Plan;
use adamant_policy::text::Source;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// A token, a scope of it, and a limit for its consumer.
pub(crate) const TOKEN_STEPS: &str = "{ jwt: { keys: { file: jwks.json }, issuer: i, audience: a, algorithms: [ES256], type: jwt } }, \
     { scopes: { all: [\"items:read\"] } }, { rate: { by: consumer, allow: 1000000/s, burst: 1000000 } }";

const HEAD: &str = "listeners: { public: { bind: \"127.0.0.1:0\", tls: { certificate: site.pem, key: { file: site.key }, \
     clients: { authorities: clients.pem } } } }\nupstreams: { echo: { built-in: echo } }\n";

/// A folder with a policy, a key file and a JWK set.
pub(crate) struct Site {
    folder: PathBuf,
    signer: EcdsaKeyPair,
    routes: String,
}

impl Site {
    pub(crate) const KEY: &'static str = "adm_demo_secret";

    pub(crate) fn new() -> Self {
        static NUMBER: AtomicUsize = AtomicUsize::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let folder = std::env::temp_dir().join(format!("adamant-costs-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("a folder for temporary files");
        let signer = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).expect("a key can be made");
        let (x, y) = signer.public_key().as_ref()[1..].split_at(32);
        let jwks = format!(
            r#"{{"keys":[{{"kid":"k","kty":"EC","crv":"P-256","alg":"ES256","use":"sig","x":"{}","y":"{}"}}]}}"#,
            URL_SAFE_NO_PAD.encode(x),
            URL_SAFE_NO_PAD.encode(y)
        );
        std::fs::write(folder.join("jwks.json"), jwks).expect("our own folder");
        let hash: String = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, Self::KEY.as_bytes())
            .as_ref()
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        let keys = format!(
            "keys:\n  - {{ id: one, consumer: acme, hash: \"sha256:{hash}\", scopes: [\"items:read\"] }}\n"
        );
        std::fs::write(folder.join("keys.yaml"), keys).expect("our own folder");
        // Only a gateway that serves looks into it.
        std::fs::write(folder.join("clients.pem"), "").expect("our own folder");
        Self {
            folder,
            signer,
            routes: String::new(),
        }
    }

    /// Routes `/r/00000/**` and so on under these steps.
    pub(crate) fn routes(mut self, count: usize, steps: &str) -> Self {
        let public = if ["jwt", "api-key", "client-certificate"]
            .iter()
            .any(|word| steps.contains(word))
        {
            ""
        } else {
            "public: true, "
        };
        for route in 0..count {
            self.routes.push_str(&format!(
                "  - {{ name: r{route}, match: {{ path: /r/{route:05}/** }}, {public}to: echo, filters: [{steps}] }}\n"
            ));
        }
        self
    }

    pub(crate) fn plan(&self) -> Plan {
        let text = format!("adamant: 1\n{HEAD}routes:\n{}", self.routes);
        let catalogue =
            adamant_limits::register(adamant_guard::register(adamant_auth::register(Catalogue::new())));
        let source = Source::new("gateway.yaml", text.as_bytes());
        let (config, canonical) = adamant_policy::load(&source, &catalogue)
            .unwrap_or_else(|problems| panic!("the file holds: {problems:?}\n{text:.2000}"));
        Plan::compile(
            config,
            &canonical,
            &catalogue,
            &mut LiveHost::offline(&self.folder),
        )
        .expect("the plan compiles")
    }

    /// A certificate of a client with this name, in DER.
    pub(crate) fn certificate(name: &str) -> Arc<[u8]> {
        let key = rcgen::KeyPair::generate().expect("a key can be made");
        let mut params = rcgen::CertificateParams::new(vec![name.to_owned()]).expect("a name");
        // Requests of this test arrive when time begins.
        params.not_before = rcgen::date_time_ymd(1970, 1, 1);
        Arc::from(params.self_signed(&key).expect("a certificate").der().as_ref())
    }

    /// A good token for [`TOKEN_STEPS`].
    pub(crate) fn token(&self) -> String {
        let claims =
            r#"{"iss":"i","aud":"a","sub":"acme","exp":4102444800,"scope":"items:read items:write"}"#;
        let text = format!(
            "{}.{}",
            URL_SAFE_NO_PAD.encode(r#"{"alg":"ES256","typ":"JWT","kid":"k"}"#),
            URL_SAFE_NO_PAD.encode(claims)
        );
        let signature = self
            .signer
            .sign(&SystemRandom::new(), text.as_bytes())
            .expect("a key signs");
        format!("{text}.{}", URL_SAFE_NO_PAD.encode(signature))
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}
