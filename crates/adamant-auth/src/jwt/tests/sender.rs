//! Tokens that are bound to their sender, and what somebody who stole one would try.

use std::net::{Ipv4Addr, SocketAddr};

use adamant_filter::TlsFacts;
use sha2::{Digest as _, Sha256};

use super::pair::Pair;
use super::*;

const CERTIFICATE: &[u8] = b"the certificate of a client, DER";

fn dpop() -> Value {
    json!({"origins": ["https://example.test", "https://api.example.test:8443"], "algorithms": ["ES256", "EdDSA"]})
}

pub(super) fn step(sender: Value) -> Trial {
    Trial::with_host::<Jwt>(&with(config(), "sender", sender), &mut host())
}

pub(super) fn by_dpop() -> Trial {
    step(json!({ "dpop": dpop() }))
}

/// A token with this claim `cnf`.
pub(super) fn bound(confirmation: Value) -> String {
    let claims = with(claims(), "cnf", confirmation);
    sign(
        &json!({"alg": "ES256"}),
        &claims,
        Algorithm::ES256,
        &signer(Algorithm::ES256),
    )
}

pub(super) fn to_certificate(certificate: &[u8]) -> String {
    bound(json!({"x5t#S256": URL_SAFE_NO_PAD.encode(Sha256::digest(certificate))}))
}

/// A request over TLS with these certificates of the client.
pub(super) fn over_tls(mut request: Request, chain: &[&[u8]]) -> Request {
    let mut origin = request.origin().clone();
    origin.peer = SocketAddr::from((Ipv4Addr::new(192, 0, 2, 1), 4));
    origin.tls = Some(Arc::new(TlsFacts {
        client_chain: chain.iter().map(|der| Arc::from(*der)).collect(),
        ..TlsFacts::default()
    }));
    *request.origin_mut() = origin;
    request
}

/// A proof that a client makes for a token, to be changed.
pub(super) struct ProofDraft<'p> {
    pub(super) header: Value,
    pub(super) claims: Value,
    pub(super) signer: &'p EncodingKey,
}

impl<'p> ProofDraft<'p> {
    pub(super) fn new(pair: &'p Pair, token: &str, name: &str) -> Self {
        let hash = URL_SAFE_NO_PAD.encode(Sha256::digest(token));
        Self {
            header: json!({"typ": "dpop+jwt", "alg": "ES256", "jwk": pair.public()}),
            claims: json!({
                "jti": name, "htm": "GET", "htu": "https://example.test/orders/1", "iat": NOW, "ath": hash,
            }),
            signer: &pair.signer,
        }
    }

    pub(super) fn header(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.header[name] = value.into();
        self
    }

    pub(super) fn claim(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.claims[name] = value.into();
        self
    }

    pub(super) fn without(mut self, name: &str) -> Self {
        for part in [&mut self.header, &mut self.claims] {
            part.as_object_mut().unwrap().remove(name);
        }
        self
    }

    pub(super) fn sign(&self) -> String {
        sign(&self.header, &self.claims, Algorithm::ES256, self.signer)
    }
}

/// A request for `/orders/1` that carries a token by DPoP, with these proofs.
pub(super) fn proving(token: &str, proofs: &[&str]) -> Request {
    let request = get("/orders/1?page=2").with_header("authorization", &format!("DPoP {token}"));
    let add = |request: Request, proof: &&str| request.with_header("dpop", proof);
    proofs.iter().fold(request, add)
}

pub(super) fn code_of(trial: &Trial, request: Request) -> &'static str {
    match trial.request(request).verdict {
        Verdict::Pass => "ok",
        Verdict::Deny(denial) => denial.reason.code(),
        Verdict::Fault(fault) => fault.reason.code(),
        Verdict::Reply(_) => "reply",
    }
}

#[test]
fn a_token_that_is_bound_is_refused_where_nobody_would_check_it() {
    let hash = URL_SAFE_NO_PAD.encode([7; 32]);
    let (plain, dpop, certificate) = (trial(), by_dpop(), step(json!({"certificate": true})));
    for member in ["jkt", "x5t#S256", "jwk", "kid", "x5t"] {
        let token = bound(json!({ member: hash }));
        assert_eq!(code(&plain, &token), "binding-unchecked", "{member}");
        if member != "jkt" {
            assert_eq!(code(&dpop, &token), "binding-unchecked", "{member}");
        }
        if member != "x5t#S256" {
            assert_eq!(code(&certificate, &token), "binding-unchecked", "{member}");
        }
    }
    for trial in [dpop, certificate] {
        assert_eq!(code(&trial, &good()), "unbound");
    }
}

#[test]
fn a_certificate_proves_its_token_each_time() {
    let trial = step(json!({"certificate": true}));
    let token = to_certificate(CERTIFICATE);
    let cases: [(&[&[u8]], &str); 6] = [
        (&[CERTIFICATE], "ok"),
        (&[], "certificate-missing"),
        (&[b"another"], "certificate-other"),
        (&[CERTIFICATE, b"an authority"], "ok"),
        (&[b"another", CERTIFICATE], "certificate-other"),
        (&[CERTIFICATE], "ok"),
    ];
    // From the second round on the token is remembered.
    for _ in 0..2 {
        for (chain, expected) in cases {
            assert_eq!(
                code_of(&trial, over_tls(bearing(&token), chain)),
                expected,
                "{chain:?}"
            );
        }
        assert_eq!(code(&trial, &token), "certificate-missing", "clear text");
    }
}

#[test]
fn a_proof_is_good_for_one_request_and_the_token_for_many() {
    let (pair, trial) = (Pair::new("client"), by_dpop());
    let token = bound(json!({"jkt": pair.thumbprint()}));
    for name in ["one", "two", "three"] {
        let proof = ProofDraft::new(&pair, &token, name).sign();
        assert_eq!(code_of(&trial, proving(&token, &[&proof])), "ok", "{name}");
        assert_eq!(
            code_of(&trial, proving(&token, &[&proof])),
            "proof-replayed",
            "{name}"
        );
        assert_eq!(code_of(&trial, proving(&token, &[])), "proof-missing", "{name}");
    }
    // The same name is free for another key.
    let other = Pair::new("other");
    let token = bound(json!({"jkt": other.thumbprint()}));
    let proof = ProofDraft::new(&other, &token, "one").sign();
    assert_eq!(code_of(&trial, proving(&token, &[&proof])), "ok");
}

#[test]
fn a_full_memory_of_proofs_refuses_until_there_is_room() {
    let trial = step(json!({"dpop": with(with(dpop(), "remember", 1), "within", "1s")}));
    let pair = Pair::new("client");
    let token = bound(json!({"jkt": pair.thumbprint()}));
    let at = |second: u64| {
        let proof = ProofDraft::new(&pair, &token, &format!("{second}")).claim("iat", NOW + second);
        proving(&token, &[&proof.sign()]).at(Tick(second * 1_000_000_000), Wall((NOW + second) * 1000))
    };
    let seconds = [
        (0, "ok"),
        (1, "proofs-exceeded"),
        (3, "proofs-exceeded"),
        (60, "ok"),
    ];
    for (second, expected) in seconds {
        assert_eq!(code_of(&trial, at(second)), expected, "{second}");
        let other = Pair::new("other");
        let token = bound(json!({"jkt": other.thumbprint()}));
        let proof = ProofDraft::new(&other, &token, &format!("{second}")).claim("iat", NOW + second);
        let request =
            proving(&token, &[&proof.sign()]).at(Tick(second * 1_000_000_000), Wall((NOW + second) * 1000));
        assert_eq!(code_of(&trial, request), "proofs-full", "{second}");
    }
}

#[test]
fn both_kinds_can_be_demanded_of_one_token() {
    let trial = step(json!({"dpop": dpop(), "certificate": true}));
    let pair = Pair::new("client");
    let hash = URL_SAFE_NO_PAD.encode(Sha256::digest(CERTIFICATE));
    let token = bound(json!({"jkt": pair.thumbprint(), "x5t#S256": hash}));
    let proof = |name: &str| ProofDraft::new(&pair, &token, name).sign();
    let with_proof = |name: &str| proving(&token, &[&proof(name)]);
    assert_eq!(code_of(&trial, over_tls(with_proof("a"), &[CERTIFICATE])), "ok");
    assert_eq!(code_of(&trial, with_proof("b")), "certificate-missing");
    assert_eq!(
        code_of(&trial, over_tls(proving(&token, &[]), &[CERTIFICATE])),
        "proof-missing"
    );
    let by_certificate = to_certificate(CERTIFICATE);
    assert_eq!(
        code_of(&trial, over_tls(bearing(&by_certificate), &[CERTIFICATE])),
        "ok"
    );
}

#[test]
fn proofs_and_tokens_go_no_further_unless_the_file_says_so() {
    let pair = Pair::new("client");
    let token = bound(json!({"jkt": pair.thumbprint()}));
    let names = ["authorization", "dpop"].map(HeaderName::from_static);
    for forward in [false, true] {
        let config = with(
            with(config(), "sender", json!({ "dpop": dpop() })),
            "forward",
            forward,
        );
        let trial = Trial::with_host::<Jwt>(&config, &mut host());
        let proof = ProofDraft::new(&pair, &token, "a").sign();
        let mut request = trial.prepare(proving(&token, &[&proof]));
        assert!(matches!(trial.ask(&mut request), Verdict::Pass));
        assert!(names.iter().all(|name| request.header(name).is_some() == forward));
    }
}

#[test]
fn a_client_without_a_good_proof_is_told_what_rfc_9449_foresees() {
    let (pair, trial) = (Pair::new("client"), by_dpop());
    let token = bound(json!({"jkt": pair.thumbprint()}));
    let stranger = ProofDraft::new(&Pair::new("thief"), &token, "a").sign();
    let cases = [
        (get("/orders/1"), "missing", ""),
        (
            proving(&token, &[]),
            "proof-missing",
            ", error=\"invalid_dpop_proof\"",
        ),
        (
            proving(&token, &[&stranger]),
            "proof-stranger",
            ", error=\"invalid_token\"",
        ),
        (bearing(&token), "scheme", ", error=\"invalid_token\""),
        (bearing(&good()), "unbound", ", error=\"invalid_token\""),
    ];
    for (request, code, error) in cases {
        let denial = trial.request(request).denied(&format!("jwt.{code}"));
        assert_eq!(denial.reason.status(), 401);
        let [(_, value)] = denial.fields.as_slice() else {
            panic!("{code}: one field")
        };
        assert_eq!(
            value.to_str().unwrap(),
            format!("DPoP realm=\"api\"{error}, algs=\"ES256 EdDSA\""),
            "{code}"
        );
    }
}
