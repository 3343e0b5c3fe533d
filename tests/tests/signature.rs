//! Signed requests (RFC 9421) and signed bodies (RFC 9530), over each way through the gateway.

use std::fmt::Write as _;

use adamant_tests::client::{CARRIERS, GENERAL, exchange, get, request};
use adamant_tests::gateway::Setup;
use adamant_tests::idp::{api_key_entry, now};
use adamant_tests::{Gateway, H2Client, Origin, Policy, covers};
use aws_lc_rs::hmac;
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use http::Method;
use sha2::{Digest as _, Sha256};

const SECRET: &str = "0123456789abcdef0123456789abcdef";
const BODY: &str = "{\"hello\": \"world\"}";

/// A covered component and its value.
type Component<'c> = (&'c str, &'c str);

/// Someone with a key pair, and with a secret that the gateway shares.
struct Signer {
    pair: Ed25519KeyPair,
}

impl Signer {
    fn new() -> Self {
        let pair = Ed25519KeyPair::generate().expect("a key can be made");
        Self { pair }
    }

    /// The file of signers with this one in it.
    fn file(&self) -> String {
        let x = URL_SAFE_NO_PAD.encode(self.pair.public_key());
        format!(
            "keys:\n  - {{ id: pair, consumer: acme, algorithm: ed25519, jwk: {{ kty: OKP, crv: Ed25519, x: {x} }}, scopes: [orders] }}\n  - {{ id: shared, consumer: beta, algorithm: hmac-sha256, secret: {{ file: mac.secret }} }}\n"
        )
    }

    /// The two lines of a signature by this key over these components.
    fn lines(&self, key: &str, components: &[Component<'_>], parameters: &str) -> [String; 2] {
        let names: Vec<&str> = components.iter().map(|(name, _)| *name).collect();
        let input = format!("({}){parameters};keyid=\"{key}\"", names.join(" "));
        let mut base = String::new();
        for (name, value) in components {
            let _ = writeln!(base, "{name}: {value}");
        }
        base += &format!("\"@signature-params\": {input}");
        let signature = if key == "pair" {
            STANDARD.encode(self.pair.sign(base.as_bytes()))
        } else {
            let secret = hmac::Key::new(hmac::HMAC_SHA256, SECRET.as_bytes());
            STANDARD.encode(hmac::sign(&secret, base.as_bytes()))
        };
        [
            format!("Signature-Input: sig={input}"),
            format!("Signature: sig=:{signature}:"),
        ]
    }

    /// Lines for a GET of `/` at `api.test`, signed now by the pair.
    fn simple(&self, parameters: &str) -> [String; 2] {
        self.lines("pair", &SIMPLE, &format!(";created={}{parameters}", now()))
    }
}

const SIMPLE: [Component<'static>; 4] = [
    ("\"@method\"", "GET"),
    ("\"@authority\"", "api.test"),
    ("\"@path\"", "/"),
    ("\"@query\"", "?"),
];

/// A gateway whose only route demands signatures, with further keys of the filter and further steps.
async fn demanding(signer: &Signer, origin: &Origin, keys: &str, steps: &str) -> Gateway {
    let route = format!(
        "name: all\nmatch: {{ path: /** }}\nto: origin\nfilters:\n  - signature: {{ keys: {{ file: signers.yaml }}, {keys} }}{steps}"
    );
    Setup::new(&Policy::before(origin).route(&route))
        .file("signers.yaml", signer.file())
        .file("mac.secret", SECRET)
        .start()
        .await
}

/// The reason why a GET of `/` with these lines is refused, or nothing.
async fn judged(gateway: &Gateway, lines: &[String]) -> Option<String> {
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    let answer = get(gateway.address(), "/", &lines).await;
    (answer.status != 200).then(|| answer.reason())
}

#[tokio::test]
async fn a_signed_request_passes_on_every_way_and_its_signature_ends_here() {
    covers(&[
        "policies.*[].signature.keys.file",
        "policies.*[].signature.forward",
    ]);
    let (signer, origin) = (Signer::new(), Origin::hello().await);
    for forward in [false, true] {
        let gateway = demanding(
            &signer,
            &origin,
            &format!("replay: allow, forward: {forward}"),
            "\n  - scopes: { all: [orders] }",
        )
        .await;
        for more in CARRIERS {
            let signed = signer.simple("");
            let lines: Vec<&str> = signed
                .iter()
                .map(String::as_str)
                .chain(more.iter().copied())
                .collect();
            let answer = get(gateway.address(), "/", &lines).await;
            assert_eq!(answer.status, 200, "{more:?} {}", answer.text());
            for name in ["signature", "signature-input"] {
                assert_eq!(origin.last().field(name).is_some(), forward, "{name} {more:?}");
            }
            let other = get(gateway.address(), "/other", &lines).await;
            assert_eq!(other.refused(401), "signature.signature");
        }
        // The shared secret proves somebody else, who was granted nothing.
        let shared = signer.lines("shared", &SIMPLE, &format!(";created={}", now()));
        assert_eq!(judged(&gateway, &shared).await.as_deref(), Some("scopes.missing"));
    }
}

#[tokio::test]
async fn http2_signs_its_authority() {
    let (signer, origin) = (Signer::new(), Origin::hello().await);
    let route = "name: all\nmatch: { path: /** }\nto: origin\nfilters:\n  - signature: { keys: { file: signers.yaml }, replay: allow }";
    let policy = Policy::before(&origin).public("protocols: [h1, h2]").route(route);
    let gateway = Setup::new(&policy)
        .file("signers.yaml", signer.file())
        .file("mac.secret", SECRET)
        .start()
        .await;
    let mut client = H2Client::connect(gateway.address()).await;
    let fields = |lines: &[String; 2]| {
        lines.clone().map(|line| {
            let (name, value) = line.split_once(": ").expect("a line is a field");
            (name.to_ascii_lowercase(), value.to_owned())
        })
    };
    let mut told = Vec::new();
    for authority in ["api.test:8443", "api.test"] {
        let components = [SIMPLE[0], ("\"@authority\"", authority), SIMPLE[2], SIMPLE[3]];
        let fields = fields(&signer.lines("pair", &components, &format!(";created={}", now())));
        let fields: Vec<(&str, &str)> = fields.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        let head = client.head(Method::GET, "api.test:8443", "/", &fields);
        told.push(client.exchange(head, b"").await.expect("an answer").status);
    }
    assert_eq!(told, [200, 401]);
    // A body that somebody took away, with no length that would tell.
    let digest = format!("sha-256=:{}:", STANDARD.encode(Sha256::digest(BODY)));
    let components = [
        ("\"@method\"", "POST"),
        SIMPLE[1],
        SIMPLE[2],
        SIMPLE[3],
        ("\"content-digest\"", digest.as_str()),
    ];
    let signed = fields(&signer.lines("pair", &components, &format!(";created={}", now())));
    let mut fields: Vec<(&str, &str)> = signed.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
    fields.push(("content-digest", &digest));
    let before = origin.count();
    for (body, expected) in [(BODY, 200), ("", 401), ("{\"hello\": \"World\"}", 401)] {
        let head = client.head(Method::POST, "api.test", "/", &fields);
        let answer = client.exchange(head, body.as_bytes()).await.expect("an answer");
        assert_eq!(answer.status, expected, "{body:?} {}", answer.text());
        if expected == 401 {
            assert_eq!(answer.reason(), "signature.digest-mismatch", "{body:?}");
        }
    }
    assert_eq!(
        origin.count(),
        before + 1,
        "the upstream hears of good bodies only"
    );
}

#[tokio::test]
async fn a_signed_request_counts_once_where_the_file_says_so() {
    covers(&["policies.*[].signature.replay", "policies.*[].signature.remember"]);
    let (signer, origin) = (Signer::new(), Origin::hello().await);
    let once = demanding(&signer, &origin, "replay: refuse, remember: 2", "").await;
    let again = demanding(&signer, &origin, "replay: allow", "").await;
    let lines = signer.simple("");
    assert_eq!(judged(&once, &lines).await, None);
    assert_eq!(judged(&once, &lines).await.as_deref(), Some("signature.replayed"));
    for _ in 0..2 {
        assert_eq!(judged(&again, &lines).await, None);
    }
    assert_eq!(judged(&once, &signer.simple(";nonce=\"1\"")).await, None);
    // A memory without room refuses; it never forgets early.
    let more = signer.simple(";nonce=\"2\"");
    assert_eq!(
        judged(&once, &more).await.as_deref(),
        Some("signature.replay-full")
    );
}

#[tokio::test]
async fn a_signature_is_as_fresh_as_the_file_demands() {
    covers(&["policies.*[].signature.at-most", "policies.*[].signature.skew"]);
    let (signer, origin) = (Signer::new(), Origin::hello().await);
    let short = demanding(&signer, &origin, "replay: allow", "").await;
    let long = demanding(&signer, &origin, "replay: allow, at-most: 10m, skew: 4m", "").await;
    let at = |created: u64| signer.lines("pair", &SIMPLE, &format!(";created={created}"));
    let cases = [
        (at(now() - 300), Some("signature.too-old"), None),
        (at(now() + 120), Some("signature.not-yet-valid"), None),
        (
            at(now() - 1000),
            Some("signature.too-old"),
            Some("signature.too-old"),
        ),
        (
            at(now() + 1000),
            Some("signature.not-yet-valid"),
            Some("signature.not-yet-valid"),
        ),
        (at(now()), None, None),
    ];
    for (lines, by_short, by_long) in cases {
        assert_eq!(judged(&short, &lines).await.as_deref(), by_short, "{lines:?}");
        assert_eq!(judged(&long, &lines).await.as_deref(), by_long, "{lines:?}");
    }
}

#[tokio::test]
async fn a_signature_says_what_the_file_demands() {
    covers(&[
        "policies.*[].signature.require",
        "policies.*[].signature.tag",
        "policies.*[].signature.label",
        "policies.*[].signature.cover",
        "policies.*[].signature.realm",
    ]);
    let (signer, origin) = (Signer::new(), Origin::hello().await);
    let cases = [
        ("require: [nonce]", ";nonce=\"n\"", "signature.nonce-missing"),
        (
            "require: [expires]",
            ";expires=9999999999",
            "signature.expires-missing",
        ),
        ("tag: ours", ";tag=\"ours\"", "signature.tag"),
    ];
    for (keys, parameters, reason) in cases {
        let gateway = demanding(&signer, &origin, &format!("replay: allow, {keys}"), "").await;
        assert_eq!(judged(&gateway, &signer.simple(parameters)).await, None, "{keys}");
        assert_eq!(
            judged(&gateway, &signer.simple("")).await.as_deref(),
            Some(reason),
            "{keys}"
        );
    }
    let labelled = demanding(&signer, &origin, "replay: allow, label: ours, realm: orders", "").await;
    let lines = signer.simple("");
    let answer = get(labelled.address(), "/", &[&lines[0], &lines[1]]).await;
    assert_eq!(answer.refused(401), "signature.label");
    assert_eq!(
        answer.field("www-authenticate"),
        Some("Signature realm=\"orders\"")
    );
    let renamed = lines.map(|line| line.replace(": sig=", ": ours="));
    assert_eq!(judged(&labelled, &renamed).await, None);
    let narrow = [SIMPLE[0], SIMPLE[2]];
    let narrow = signer.lines("pair", &narrow, &format!(";created={}", now()));
    let loose = demanding(
        &signer,
        &origin,
        "replay: allow, cover: [\"@method\", \"@path\"]",
        "",
    )
    .await;
    let strict = demanding(&signer, &origin, "replay: allow", "").await;
    assert_eq!(judged(&loose, &narrow).await, None);
    assert_eq!(
        judged(&strict, &narrow).await.as_deref(),
        Some("signature.not-covered")
    );
}

/// Lines of a signed POST to `/` whose signature covers the digest of `body`, if there is one.
fn posted(signer: &Signer, body: Option<&str>) -> Vec<String> {
    let digest = body.map(|body| format!("sha-256=:{}:", STANDARD.encode(Sha256::digest(body))));
    let mut components = vec![("\"@method\"", "POST"), SIMPLE[1], SIMPLE[2], SIMPLE[3]];
    if let Some(digest) = &digest {
        components.push(("\"content-digest\"", digest));
    }
    let mut lines = signer
        .lines("pair", &components, &format!(";created={}", now()))
        .to_vec();
    lines.extend(digest.map(|digest| format!("Content-Digest: {digest}")));
    lines
}

async fn post(gateway: &Gateway, lines: &[String], more: &[&str], body: &str) -> (u16, String) {
    let lines: Vec<&str> = lines
        .iter()
        .map(String::as_str)
        .chain(more.iter().copied())
        .collect();
    let answer = exchange(gateway.address(), request("POST", "/", &lines, body)).await;
    let reason = if answer.status == 200 {
        String::new()
    } else {
        answer.reason()
    };
    (answer.status, reason)
}

#[tokio::test]
async fn a_body_reaches_the_upstream_only_as_it_was_signed() {
    covers(&[
        "policies.*[].signature.body",
        "policies.*[].signature.body-at-most",
    ]);
    let (signer, origin) = (Signer::new(), Origin::hello().await);
    let signed = demanding(&signer, &origin, "replay: allow, body-at-most: 1KiB", "").await;
    let covered = demanding(&signer, &origin, "replay: allow, body: when-covered", "").await;
    let unchecked = demanding(&signer, &origin, "replay: allow, body: unchecked", "").await;
    let changed = "{\"hello\": \"World\"}";
    let refused = |reason: &str| (401, format!("signature.{reason}"));
    let passes = (200, String::new());
    for more in CARRIERS {
        let (with, without) = (posted(&signer, Some(BODY)), posted(&signer, None));
        assert_eq!(post(&signed, &with, more, BODY).await, passes, "{more:?}");
        assert_eq!(origin.last().body, BODY.as_bytes(), "{more:?}");
        let before = origin.count();
        assert_eq!(
            post(&signed, &with, more, changed).await,
            refused("digest-mismatch"),
            "{more:?}"
        );
        assert_eq!(
            post(&signed, &with, more, "").await,
            refused("digest-mismatch"),
            "{more:?}"
        );
        assert_eq!(
            post(&signed, &without, more, BODY).await,
            refused("body-unsigned"),
            "{more:?}"
        );
        assert_eq!(
            post(&covered, &with, more, changed).await,
            refused("digest-mismatch"),
            "{more:?}"
        );
        let long = "a".repeat(2000);
        let exceeded = (413, "request.body-exceeded".to_owned());
        assert_eq!(
            post(&signed, &posted(&signer, Some(&long)), more, &long).await,
            exceeded,
            "{more:?}"
        );
        assert_eq!(origin.count(), before, "nothing of that left");
        assert_eq!(
            post(&covered, &posted(&signer, Some(&long)), more, &long).await,
            passes,
            "{more:?}"
        );
        assert_eq!(post(&covered, &without, more, BODY).await, passes, "{more:?}");
        assert_eq!(post(&unchecked, &without, more, BODY).await, passes, "{more:?}");
        assert_eq!(post(&unchecked, &with, more, changed).await, passes, "{more:?}");
    }
}

#[tokio::test]
async fn chunks_of_a_body_are_compared_as_a_whole() {
    let (signer, origin) = (Signer::new(), Origin::hello().await);
    let gateway = demanding(&signer, &origin, "replay: allow", "").await;
    let lines = posted(&signer, Some(BODY));
    let chunked = |body: &str| {
        let (one, two) = body.split_at(5);
        let mut lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        lines.push("Transfer-Encoding: chunked");
        let chunks = format!(
            "{:x}\r\n{one}\r\n{:x}\r\n{two}\r\n0\r\n\r\n",
            one.len(),
            two.len()
        );
        request("POST", "/", &lines, "") + &chunks
    };
    let answer = exchange(gateway.address(), chunked(BODY)).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(origin.last().body, BODY.as_bytes());
    let answer = exchange(gateway.address(), chunked(&BODY.replace("world", "World"))).await;
    assert_eq!(answer.refused(401), "signature.digest-mismatch");
    assert_eq!(origin.count(), 1);
}

#[tokio::test]
async fn a_signature_is_one_way_to_prove_oneself_among_others() {
    let (signer, origin) = (Signer::new(), Origin::hello().await);
    let route = "name: all\nmatch: { path: /** }\nto: origin\nfilters:\n  - any-of:\n      - signature: { keys: { file: signers.yaml }, replay: allow }\n      - api-key: { keys: { file: keys.yaml } }";
    let key = "adm_0123456789";
    let gateway = Setup::new(&Policy::before(&origin).route(route))
        .file("signers.yaml", signer.file())
        .file("mac.secret", SECRET)
        .file(
            "keys.yaml",
            format!("keys:\n{}", api_key_entry("one", key, "acme", "")),
        )
        .start()
        .await;
    assert_eq!(judged(&gateway, &signer.simple("")).await, None);
    let by_key = format!("X-Api-Key: {key}");
    for more in CARRIERS {
        let lines: Vec<&str> = [by_key.as_str()]
            .into_iter()
            .chain(more.iter().copied())
            .collect();
        let answer = exchange(gateway.address(), request("POST", "/", &lines, BODY)).await;
        assert_eq!(
            answer.status, 200,
            "the body of whom a key proves needs no signature: {more:?}"
        );
    }
    let lines: Vec<&str> = GENERAL.to_vec();
    assert_eq!(get(gateway.address(), "/", &lines).await.status, 401);
}

#[tokio::test]
async fn in_shadow_a_good_signature_is_told_as_good() {
    let (signer, origin) = (Signer::new(), Origin::hello().await);
    let route = "name: all\nmatch: { path: /** }\npublic: true\nto: origin\nfilters:\n  - signature: { keys: { file: signers.yaml }, replay: allow }\n    shadow: true";
    let policy = Policy::before(&origin)
        .route(route)
        .observe("access-log: { to: stdout, format: json }");
    let gateway = Setup::new(&policy)
        .file("signers.yaml", signer.file())
        .file("mac.secret", SECRET)
        .start()
        .await;
    let signed = posted(&signer, Some(BODY));
    let mut count = 0;
    for more in CARRIERS {
        for (body, would) in [(BODY, false), ("{\"hello\": \"World\"}", true)] {
            assert_eq!(post(&gateway, &signed, more, body).await.0, 200, "{more:?}");
            count += 1;
            let line = gateway.logged(count).await[count - 1].to_string();
            assert_eq!(line.contains("digest-mismatch"), would, "{more:?} {line}");
        }
    }
}

#[tokio::test]
async fn a_signature_that_nobody_proved_goes_no_further() {
    let (signer, origin) = (Signer::new(), Origin::hello().await);
    let route = "name: all\nmatch: { path: /** }\nto: origin\nfilters:\n  - any-of:\n      - api-key: { keys: { file: keys.yaml } }\n      - signature: { keys: { file: signers.yaml }, replay: allow }";
    let gateway = Setup::new(&Policy::before(&origin).route(route))
        .file("signers.yaml", signer.file())
        .file("mac.secret", SECRET)
        .file(
            "keys.yaml",
            format!("keys:\n{}", api_key_entry("one", "adm_0123456789", "acme", "")),
        )
        .start()
        .await;
    let mut lines = signer.simple(";created=1").to_vec();
    lines.push("X-Api-Key: adm_0123456789".to_owned());
    assert_eq!(judged(&gateway, &lines).await, None);
    let seen = origin.only();
    assert_eq!(
        (seen.field("signature"), seen.field("signature-input")),
        (None, None)
    );
}
