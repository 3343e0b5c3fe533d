//! Certificates that pass, certificates that do not, and configurations that nobody should start with.

use adamant_filter::serde_json::{Value, json};
use adamant_filter::trial::{Trial, TrialHost};
use adamant_filter::{Consumer, KnownBy, TlsFacts};
use proptest::prelude::*;
use rcgen::{CertificateParams, CustomExtension, DnType, DnValue, KeyPair, SanType, date_time_ymd};

use super::*;

/// 2026-11-24T00:00:00Z.
const NOW: Wall = Wall(1_795_478_400_000);

/// One day in milliseconds.
const DAY: u64 = 86_400_000;

/// A certificate that is valid for all of 2026, in DER.
fn certificate(common_names: &[&str], alternative: Vec<SanType>) -> Vec<u8> {
    let mut params = CertificateParams::default();
    params.distinguished_name = rcgen::DistinguishedName::new();
    // A kind occurs once in what this library writes, unless the second one comes by its number.
    let kinds = [DnType::CommonName, DnType::CustomDnType(vec![2, 5, 4, 3])];
    for (name, kind) in common_names.iter().zip(kinds) {
        let value = DnValue::Utf8String((*name).to_owned());
        params.distinguished_name.push(kind, value);
    }
    params.subject_alt_names = alternative;
    params.not_before = date_time_ymd(2026, 1, 1);
    params.not_after = date_time_ymd(2027, 1, 1);
    params
        .self_signed(&KeyPair::generate().unwrap())
        .unwrap()
        .der()
        .to_vec()
}

fn uri(text: &str) -> SanType {
    SanType::URI(text.try_into().unwrap())
}

fn dns(text: &str) -> SanType {
    SanType::DnsName(text.try_into().unwrap())
}

fn email(text: &str) -> SanType {
    SanType::Rfc822Name(text.try_into().unwrap())
}

fn spiffe(path: &str) -> Vec<u8> {
    certificate(&[], vec![uri(&format!("spiffe://example.org{path}"))])
}

fn config() -> Value {
    json!({"consumer": "spiffe-id", "trust-domain": "example.org"})
}

fn with(mut config: Value, member: &str, value: impl Into<Value>) -> Value {
    config[member] = value.into();
    config
}

/// A request on a connection whose client has shown this chain.
fn shown(chain: &[&[u8]], wall: Wall) -> Request {
    let mut request = Request::build(Method::GET, "/").unwrap().at(Tick(0), wall);
    request.origin_mut().tls = Some(Arc::new(TlsFacts {
        client_chain: chain.iter().map(|one| Arc::from(*one)).collect(),
        ..TlsFacts::default()
    }));
    request
}

/// Whom the filter takes the client for, or why it does not.
fn asked(trial: &Trial, request: Request) -> Result<String, &'static str> {
    let mut request = trial.prepare(request);
    match trial.ask(&mut request) {
        Verdict::Pass => {
            // The identity is the first slot of every trial.
            let identity: &Identity = request.slot(0).unwrap();
            Ok(identity.consumer().to_owned())
        }
        Verdict::Deny(denial) => {
            let challenged = denial.fields.iter().any(|(name, _)| name == "www-authenticate");
            assert_eq!(challenged, denial.reason.status() == 401, "{denial:?}");
            Err(denial.reason.code())
        }
        other => panic!("neither proved nor refused: {other:?}"),
    }
}

#[test]
fn the_named_kind_of_name_is_the_consumer_and_must_be_the_only_one() {
    let all = certificate(
        &["orders"],
        vec![
            uri("spiffe://example.org/orders"),
            dns("Orders.example.org"),
            email("orders@Example.org"),
        ],
    );
    let two = certificate(
        &["a", "b"],
        vec![
            uri("spiffe://example.org/a"),
            uri("https://b.test/"),
            dns("a.test"),
            dns("b.test"),
            email("a@a.test"),
            email("b@b.test"),
        ],
    );
    let none = certificate(&[], vec![SanType::IpAddress([127, 0, 0, 1].into())]);
    let odd = certificate(
        &["a\u{0}b"],
        vec![
            uri("https://example.org/orders"),
            dns("*.example.org"),
            email("nobody"),
        ],
    );
    let bare = certificate(&[], Vec::new());
    for (kind, consumer) in [
        ("spiffe-id", "spiffe://example.org/orders"),
        ("dns-name", "orders.example.org"),
        ("email", "orders@example.org"),
        ("common-name", "orders"),
    ] {
        let config = match kind {
            "spiffe-id" => config(),
            _ => json!({ "consumer": kind }),
        };
        let trial = Trial::of::<ClientCertificate>(&config);
        assert_eq!(asked(&trial, shown(&[&all], NOW)).as_deref(), Ok(consumer));
        for (certificate, code) in [
            (&two, "several"),
            (&none, "unnamed"),
            (&odd, "unnamed"),
            (&bare, "unnamed"),
        ] {
            assert_eq!(asked(&trial, shown(&[certificate], NOW)), Err(code), "{kind}");
        }
        // Only the leaf speaks for the client.
        assert_eq!(asked(&trial, shown(&[&bare, &all], NOW)), Err("unnamed"));
    }
}

#[test]
fn without_a_certificate_nobody_is_proved() {
    let trial = Trial::of::<ClientCertificate>(&config());
    assert_eq!(asked(&trial, shown(&[], NOW)), Err("missing"));
    let clear = Request::build(Method::GET, "/").unwrap().at(Tick(0), NOW);
    assert_eq!(
        asked(
            &trial,
            clear.with_header("x-forwarded-client-cert", "URI=spiffe://example.org/a")
        ),
        Err("missing")
    );
    for garbage in [&b""[..], b"x", &[0x30; 64], &[spiffe("/a"), vec![0]].concat()] {
        assert_eq!(asked(&trial, shown(&[garbage], NOW)), Err("unreadable"));
    }
}

#[test]
fn an_alternative_name_that_is_written_twice_or_wrongly_is_unreadable() {
    let oid = [2, 5, 29, 17];
    let twice = |contents: Vec<Vec<u8>>| {
        let mut params = CertificateParams::default();
        params.custom_extensions = contents
            .into_iter()
            .map(|content| CustomExtension::from_oid_content(&oid, content))
            .collect();
        params
            .self_signed(&KeyPair::generate().unwrap())
            .unwrap()
            .der()
            .to_vec()
    };
    let trial = Trial::of::<ClientCertificate>(&json!({"consumer": "dns-name"}));
    let name = vec![0x30, 3, 0x82, 1, b'a'];
    assert_eq!(
        asked(&trial, shown(&[&twice(vec![name.clone()])], NOW)).as_deref(),
        Ok("a")
    );
    assert_eq!(
        asked(&trial, shown(&[&twice(vec![name.clone(), name])], NOW)),
        Err("unreadable")
    );
    assert_eq!(
        asked(&trial, shown(&[&twice(vec![vec![0x30, 3, 0x82, 1, 0xff]])], NOW)),
        Err("unreadable")
    );
}

#[test]
fn a_certificate_is_good_from_its_first_to_its_last_second() {
    let trial = Trial::of::<ClientCertificate>(&config());
    let certificate = spiffe("/a");
    let (first, last) = (Wall(1_767_225_600_000), Wall(1_798_761_600_999));
    for (at, expected) in [
        (Wall(first.0 - 1), Err("not-yet-valid")),
        (first, Ok("spiffe://example.org/a")),
        (last, Ok("spiffe://example.org/a")),
        (Wall(last.0 + 1), Err("expired")),
        (Wall(first.0 - 1), Err("not-yet-valid")),
        (Wall(0), Err("not-yet-valid")),
        (Wall(u64::MAX), Err("expired")),
    ] {
        let found = asked(&trial, shown(&[&certificate], at));
        assert_eq!(found.as_deref().map_err(|code| *code), expected, "{at:?}");
    }
}

#[test]
fn names_of_others_are_refused() {
    let config = with(config(), "allow", json!(["/ns/orders/**"]));
    let trial = Trial::of::<ClientCertificate>(&config);
    let foreign = certificate(&[], vec![uri("spiffe://example.com/ns/orders/a")]);
    assert!(asked(&trial, shown(&[&spiffe("/ns/orders/a")], NOW)).is_ok());
    assert_eq!(
        asked(&trial, shown(&[&spiffe("/ns/stock/a")], NOW)),
        Err("not-permitted")
    );
    assert_eq!(asked(&trial, shown(&[&foreign], NOW)), Err("other-trust-domain"));
}

#[test]
fn certificates_are_remembered_by_all_their_bytes_and_never_longer_than_they_are_good() {
    let prover = |remember: u32| {
        let config = with(config(), "remember", remember);
        let config: ClientCertificateConfig =
            adamant_filter::decode(&adamant_filter::Node::from_json(&config)).unwrap();
        Prover::new(&config, Arc::default()).unwrap()
    };
    let (one, other) = (spiffe("/a"), spiffe("/a"));
    let remembering = prover(10);
    let first = remembering.prove(&one, NOW).unwrap();
    let again = remembering.prove(&one, NOW).unwrap();
    let second = remembering.prove(&other, NOW).unwrap();
    assert!(Arc::ptr_eq(&first, &again) && !Arc::ptr_eq(&first, &second));
    assert_eq!(remembering.remembered.len(), 2);
    let later = Wall(NOW.0 + 60 * DAY);
    assert_eq!(remembering.prove(&one, later).unwrap_err().code(), "expired");
    assert_eq!(remembering.remembered.len(), 1);
    assert!(remembering.prove(&spiffe("/"), NOW).is_err());
    assert_eq!(
        remembering.remembered.len(),
        1,
        "what was refused is not remembered"
    );

    let forgetful = prover(0);
    let first = forgetful.prove(&one, NOW).unwrap();
    assert!(!Arc::ptr_eq(&first, &forgetful.prove(&one, NOW).unwrap()));
    let small = prover(3);
    for number in 0..40 {
        small.prove(&spiffe(&format!("/{number}")), NOW).unwrap();
    }
    assert!(small.remembered.len() <= 20, "{}", small.remembered.len());
}

#[test]
fn a_consumer_of_the_file_is_known_by_its_certificate() {
    let acme = Arc::new(Consumer {
        name: "acme".into(),
        ..Consumer::default()
    });
    let known = KnownBy {
        method: "client-certificate",
        issuer: "",
        name: "spiffe://example.org/acme",
    };
    let mut host = TrialHost::new().with_consumers(Consumers::new(Vec::new(), [(known, acme)]));
    let trial = Trial::with_host::<ClientCertificate>(&config(), &mut host);
    assert_eq!(
        asked(&trial, shown(&[&spiffe("/acme")], NOW)).as_deref(),
        Ok("acme")
    );
    let other = asked(&trial, shown(&[&spiffe("/other")], NOW));
    assert_eq!(other.as_deref(), Ok("spiffe://example.org/other"));
}

#[test]
fn configurations_that_mean_nothing_are_refused() {
    let named = |kind: &str| json!({ "consumer": kind });
    for (config, place) in [
        (named("spiffe-id"), "consumer"),
        (
            with(named("dns-name"), "trust-domain", "example.org"),
            "trust-domain",
        ),
        (with(config(), "trust-domain", "Example.org"), "trust-domain"),
        (
            with(config(), "trust-domain", "spiffe://example.org"),
            "trust-domain",
        ),
        (with(config(), "trust-domain", ""), "trust-domain"),
        (with(config(), "allow", json!(["/a", "b"])), "allow[1]"),
        (with(config(), "allow", json!(["/a/"])), "allow[0]"),
        (with(config(), "allow", json!(["/**"])), "allow[0]"),
        (with(config(), "allow", json!(["/a*"])), "allow[0]"),
        (
            with(config(), "allow", json!(["spiffe://example.org/a"])),
            "allow[0]",
        ),
        (with(named("dns-name"), "allow", json!(["*"])), "allow[0]"),
        (with(named("dns-name"), "allow", json!(["a.*.test"])), "allow[0]"),
        (with(named("dns-name"), "allow", json!(["A.test"])), "allow[0]"),
        (with(named("dns-name"), "allow", json!(["*.A.test"])), "allow[0]"),
        (with(named("email"), "allow", json!(["*@a.test"])), "allow[0]"),
        (with(named("email"), "allow", json!(["me@A.test"])), "allow[0]"),
        (with(named("common-name"), "allow", json!([""])), "allow[0]"),
        (
            with(named("common-name"), "allow", json!(["Orders *"])),
            "allow[0]",
        ),
    ] {
        let problems = Trial::try_build::<ClientCertificate>(&config, &mut TrialHost::new())
            .expect_err(&config.to_string());
        let paths: Vec<_> = problems
            .iter()
            .filter_map(|problem| problem.path().map(str::to_owned))
            .collect();
        assert_eq!(paths, [place], "{config}");
    }
    for config in [
        json!({}),
        named("subject"),
        with(config(), "trust", true),
        with(config(), "allow", json!([])),
    ] {
        assert!(
            Trial::try_build::<ClientCertificate>(&config, &mut TrialHost::new()).is_err(),
            "{config}"
        );
    }
}

proptest! {
    #[test]
    fn no_bytes_are_taken_for_a_certificate(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let trial = Trial::of::<ClientCertificate>(&config());
        prop_assert_eq!(asked(&trial, shown(&[&bytes], NOW)), Err("unreadable"));
    }

    #[test]
    fn a_damaged_certificate_never_panics(place in 0_usize..400, byte in any::<u8>()) {
        let trial = Trial::of::<ClientCertificate>(&config());
        let mut damaged = spiffe("/ns/orders/sa/api");
        let place = place % damaged.len();
        damaged[place] = byte;
        // Nobody but an authority can make one that passes; whoever does is named in it.
        if let Ok(name) = asked(&trial, shown(&[&damaged], NOW)) {
            prop_assert!(name.starts_with("spiffe://example.org/"));
        }
    }
}
