//! Keys that are fetched: when, how often, for how long they serve, and what becomes of tokens meanwhile.

use adamant_filter::Answer;

use super::pair::Pair;
use super::*;

const ORIGIN: &str = "https://id.test";

fn set(keys: &[&Value]) -> Answer {
    answer(200, &json!({ "keys": keys }).to_string())
}

fn answer(status: u16, body: &str) -> Answer {
    Answer {
        status: StatusCode::from_u16(status).unwrap(),
        fields: Vec::new(),
        body: body.to_owned().into(),
    }
}

fn saying(mut answer: Answer, cache_control: &'static str) -> Answer {
    let value = HeaderValue::from_static(cache_control);
    answer
        .fields
        .push((HeaderName::from_static("cache-control"), value));
    answer
}

fn published(terms: &Value) -> Value {
    let mut keys = json!({"url": format!("{ORIGIN}/jwks.json")});
    keys.as_object_mut()
        .unwrap()
        .extend(terms.as_object().unwrap().clone());
    with(config(), "keys", keys)
}

/// A step that fetches its keys, its world, and the seconds since it began.
struct World {
    host: TrialHost,
    trial: Trial,
}

impl World {
    fn new(terms: &Value) -> Self {
        let mut host = TrialHost::new();
        let trial = Trial::with_host::<Jwt>(&published(terms), &mut host);
        Self { host, trial }
    }

    /// One whose issuer publishes these keys, fetched at the beginning.
    fn with_keys(terms: &Value, keys: &[&Value]) -> Self {
        let world = Self::new(terms);
        world.publish(set(keys));
        world.tick(0);
        assert_eq!(world.calls(), 1);
        world
    }

    fn publish(&self, answer: Answer) {
        self.host.answer(ORIGIN, Some(answer));
    }

    fn fall_silent(&self) {
        self.host.answer(ORIGIN, None);
    }

    fn tick(&self, second: u64) {
        self.host.tick(Tick(second * 1_000_000_000));
    }

    fn calls(&self) -> u64 {
        self.host.calls(ORIGIN)
    }

    fn code(&self, token: &str, second: u64) -> &'static str {
        let request = bearing(token).at(Tick(second * 1_000_000_000), Wall((NOW + second) * 1000));
        match self.trial.request(request).verdict {
            Verdict::Pass => "ok",
            Verdict::Deny(denial) => denial.reason.code(),
            Verdict::Fault(fault) => fault.reason.code(),
            Verdict::Reply(_) => "reply",
        }
    }
}

/// A token that outlives every test of this file.
fn lasting(pair: &Pair) -> String {
    pair.token(&with(claims(), "exp", NOW + 10_000_000))
}

#[test]
fn until_keys_come_tokens_fault_and_the_gateway_is_ready_only_if_the_file_says_so() {
    let pair = Pair::new("a");
    for (at_boot, is_ready) in [(None, false), (Some("wait"), false), (Some("deny"), true)] {
        let terms = at_boot.map_or(json!({}), |at_boot| json!({ "at-boot": at_boot }));
        let world = World::new(&terms);
        assert_eq!(world.host.is_ready(), is_ready, "{at_boot:?}");
        assert_eq!(world.code(&lasting(&pair), 0), "keys-absent", "{at_boot:?}");
        assert_eq!(world.calls(), 1, "a request asks, too");
        world.tick(1);
        assert_eq!(world.host.is_ready(), is_ready, "{at_boot:?}");
        world.publish(set(&[&pair.jwk]));
        world.tick(7);
        assert!(world.host.is_ready(), "{at_boot:?}");
        assert_eq!(world.code(&lasting(&pair), 7), "ok", "{at_boot:?}");
    }
}

#[test]
fn a_new_key_is_found_by_the_first_token_that_names_it() {
    let (old, new) = (Pair::new("old"), Pair::new("new"));
    let world = World::with_keys(&json!({}), &[&old.jwk]);
    assert_eq!(world.code(&lasting(&old), 1), "ok");
    world.publish(set(&[&old.jwk, &new.jwk]));
    for _ in 0..3 {
        assert_eq!(world.code(&lasting(&new), 2), "ok");
        assert_eq!(world.code(&lasting(&old), 2), "ok");
    }
    assert_eq!(world.calls(), 2);
}

#[test]
fn tokens_do_not_outlive_their_key_and_those_of_other_keys_stay() {
    let (gone, kept) = (Pair::new("gone"), Pair::new("kept"));
    let mut host = TrialHost::new().with_answer(ORIGIN, set(&[&gone.jwk, &kept.jwk]));
    let config: JwtConfig = adamant_filter::decode(&adamant_filter::Node::from_json(&published(
        &json!({"refresh": "1m"}),
    )))
    .unwrap();
    let remembered = Arc::new(Remembered::new(10));
    let verifier = verifier(config, &remembered, &mut host);
    host.tick(Tick(0));
    let now = |second: u64| Now {
        tick: Tick(second * 1_000_000_000),
        wall: Wall((NOW + second) * 1000),
    };
    let tokens = [lasting(&gone), lasting(&kept)];
    for token in &tokens {
        verifier.verify(token.as_bytes(), now(1)).unwrap();
    }
    assert_eq!(remembered.len(), 2);
    host.tick(Tick(60_000_000_000));
    assert_eq!(remembered.len(), 2, "the same keys in a new set");
    host.answer(ORIGIN, Some(set(&[&kept.jwk])));
    host.tick(Tick(120_000_000_000));
    assert_eq!(remembered.len(), 1);
    assert!(verifier.recall(tokens[0].as_bytes(), now(121)).is_none());
    assert!(verifier.recall(tokens[1].as_bytes(), now(121)).is_some());
    assert_eq!(
        verifier
            .verify(tokens[0].as_bytes(), now(121))
            .unwrap_err()
            .code(),
        "key-unknown"
    );
    // Another key under the same name is another key.
    host.answer(ORIGIN, Some(set(&[&Pair::new("kept").jwk])));
    host.tick(Tick(180_000_000_000));
    assert_eq!(remembered.len(), 0);
    assert_eq!(
        verifier
            .verify(tokens[1].as_bytes(), now(181))
            .unwrap_err()
            .code(),
        "signature"
    );
}

/// The part of a step that knows no request, so that its memory can be looked into.
fn verifier(config: JwtConfig, remembered: &Arc<Remembered>, host: &mut TrialHost) -> Verifier {
    let KeySource::Url(published) = config.keys.source().unwrap() else {
        panic!("keys from a URL")
    };
    let algorithms = config.algorithms(&KeySource::Url(published.clone())).unwrap();
    let remote = adamant_filter::trial::with_boot(host, |boot| {
        Remote::load(
            *published,
            &config.issuer,
            algorithms,
            Arc::clone(remembered),
            boot,
        )
    });
    Verifier {
        algorithms,
        keys: Keys::Remote(remote.unwrap()),
        claims: Claims::new(config, Arc::default()),
        remembered: Arc::clone(remembered),
    }
}

#[test]
fn ten_thousand_unknown_keys_are_one_fetch_in_each_cool_down() {
    let pair = Pair::new("a");
    let world = World::with_keys(&json!({"refresh": "1h"}), &[&pair.jwk]);
    let payload = claims().to_string();
    let forged = |number: u32| {
        let header = URL_SAFE_NO_PAD.encode(format!(r#"{{"alg":"ES256","kid":"{number}"}}"#));
        format!("{header}.{}.{}", URL_SAFE_NO_PAD.encode(&payload), "A".repeat(86))
    };
    for number in 0..10_000 {
        assert_eq!(
            world.code(&forged(number), u64::from(number / 200)),
            "key-unknown"
        );
    }
    // From second 0 to second 49: at 0 and at 30.
    assert_eq!(world.calls(), 3);
    assert_eq!(world.code(&lasting(&pair), 50), "ok");
}

#[test]
fn a_key_that_the_issuer_does_not_have_spares_it_for_a_while() {
    let (known, foreign) = (Pair::new("a"), Pair::new("b"));
    let world = World::with_keys(&json!({"refresh": "1h", "cool-down": "10s"}), &[&known.jwk]);
    for (second, calls) in [(1, 2), (2, 2), (11, 2), (40, 2), (41, 3), (42, 3)] {
        assert_eq!(world.code(&lasting(&foreign), second), "key-unknown");
        assert_eq!(world.calls(), calls, "second {second}");
    }
    // It does not hold up one that the issuer has by now.
    world.publish(set(&[&known.jwk, &Pair::new("c").jwk, &foreign.jwk]));
    assert_eq!(world.code(&lasting(&Pair::new("d")), 52), "key-unknown");
    assert_eq!(world.code(&lasting(&foreign), 52), "ok");
}

#[test]
fn tokens_of_another_issuer_cause_no_fetch() {
    let pair = Pair::new("a");
    let world = World::with_keys(&json!({}), &[&pair.jwk]);
    let foreign = Pair::new("b").token(&with(claims(), "iss", "https://other.test/"));
    assert_eq!(world.code(&foreign, 1), "issuer");
    assert_eq!(world.calls(), 1);
    // Nor while there are no keys at all: nobody needs them to tell.
    assert_eq!(World::new(&json!({})).code(&foreign, 1), "issuer");
}

#[test]
fn the_last_set_serves_while_its_issuer_is_silent_but_not_for_ever() {
    let pair = Pair::new("a");
    let world = World::with_keys(&json!({"refresh": "10m", "stale-for": "1h"}), &[&pair.jwk]);
    let (token, other) = (
        lasting(&pair),
        pair.token(&with(claims(), "exp", NOW + 9_999_999)),
    );
    assert_eq!(world.code(&token, 1), "ok");
    world.fall_silent();
    for second in [600, 605, 610, 3599] {
        world.tick(second);
        assert_eq!(world.code(&token, second), "ok", "{second}");
    }
    assert_eq!(world.calls(), 5, "a silent issuer is asked every few seconds");
    assert_eq!(world.host.counted("jwt_key_fetches"), 1);
    assert_eq!(world.host.counted("jwt_key_fetch_failures"), 4);
    assert_eq!(world.code(&lasting(&Pair::new("b")), 3599), "key-pending");
    // Remembered or not.
    assert_eq!(world.code(&token, 3600), "keys-stale");
    assert_eq!(world.code(&other, 3600), "keys-stale");
    world.publish(set(&[&pair.jwk]));
    world.tick(3605);
    for token in [token, other] {
        assert_eq!(world.code(&token, 3605), "ok");
    }
}

#[test]
fn what_is_not_a_set_of_keys_changes_nothing() {
    let pair = Pair::new("a");
    let long = format!("{{\"keys\":[{}],\"x\":\"{}\"}}", pair.jwk, "x".repeat(300 * 1024));
    let good = json!({ "keys": [pair.jwk] }).to_string();
    let many = json!({ "keys": vec![pair.jwk.clone(); 101] }).to_string();
    let cases = [
        answer(200, ""),
        answer(200, "<html>"),
        answer(200, "{}"),
        answer(200, r#"{"keys":[{"kty":"EC"}]}"#),
        answer(200, &many),
        answer(200, &long),
        answer(201, &good),
        answer(301, &good),
        answer(302, &good),
        answer(404, &good),
        answer(500, &good),
    ];
    let count = cases.len() as u64;
    let world = World::with_keys(&json!({"refresh": "1s"}), &[&pair.jwk]);
    for (second, case) in (1..).zip(cases) {
        let told = format!("{case:.100?}");
        world.publish(case);
        world.tick(second);
        assert_eq!(world.calls(), second + 1, "{told}");
        assert_eq!(world.code(&lasting(&pair), second), "ok", "{told}");
    }
    assert_eq!(world.host.counted("jwt_key_fetch_failures"), count);
}

#[test]
fn what_an_issuer_takes_back_is_gone() {
    let pair = Pair::new("a");
    let rsa = json!({"kty": "RSA", "kid": "r", "n": URL_SAFE_NO_PAD.encode([0xc1; 256]), "e": "AQAB"});
    let encryption = with(pair.jwk.clone(), "use", "enc");
    for left in [vec![], vec![&rsa], vec![&encryption]] {
        let world = World::with_keys(&json!({"refresh": "1m", "stale-for": "1h"}), &[&pair.jwk]);
        assert_eq!(world.code(&lasting(&pair), 1), "ok");
        world.publish(set(&left));
        world.tick(60);
        assert_eq!(world.code(&lasting(&pair), 61), "key-unknown", "{left:?}");
        assert_eq!(world.host.counted("jwt_key_fetch_failures"), 0);
        // It is an answer, so it is good until the next, and keys may come again.
        world.publish(set(&[&pair.jwk]));
        world.tick(122);
        assert_eq!(world.code(&lasting(&pair), 122), "ok", "{left:?}");
    }
    // At boot, too: the issuer has answered.
    let world = World::with_keys(&json!({}), &[]);
    assert!(world.host.is_ready());
    assert_eq!(world.code(&lasting(&pair), 1), "key-unknown");
}

#[test]
fn a_token_that_names_no_published_key_asks_once_in_each_cool_down() {
    let terms = json!({"refresh": "1h", "cool-down": "10s"});
    let (old, new) = (Pair::new("old"), Pair::new("new"));
    let header = |named: bool| match named {
        true => json!({"alg": "ES256", "kid": new.name}),
        false => json!({"alg": "ES256"}),
    };
    let token = |named| {
        let claims = with(claims(), "exp", NOW + 10_000_000);
        sign(&header(named), &claims, Algorithm::ES256, &new.signer)
    };
    let nameless = |pair: &Pair| pair.public();
    let rsa = json!({"kty": "RSA", "n": URL_SAFE_NO_PAD.encode([0xc1; 256]), "e": "AQAB"});
    let cases = [
        (old.jwk.clone(), new.jwk.clone(), false),
        (nameless(&old), nameless(&new), false),
        (nameless(&old), new.jwk.clone(), true),
        (old.jwk.clone(), new.jwk.clone(), true),
        // Of another kind than the one that is published so far.
        (rsa.clone(), nameless(&new), false),
        (rsa, new.jwk.clone(), true),
    ];
    for (before, after, named) in cases {
        let mut config = published(&terms);
        config["algorithms"] = json!(["ES256", "RS256"]);
        let mut host = TrialHost::new();
        let trial = Trial::with_host::<Jwt>(&config, &mut host);
        let world = World { host, trial };
        world.publish(set(&[&before]));
        world.tick(0);
        // Not yet; then the issuer turns to the new key, and is asked again when it may be.
        assert_eq!(world.code(&token(named), 1), "key-unknown", "{before} {named}");
        assert_eq!(world.calls(), 2, "{before} {named}");
        world.publish(set(&[&after]));
        for second in [2, 5, 10] {
            assert_eq!(world.code(&token(named), second), "key-unknown");
        }
        assert_eq!(world.calls(), 2);
        // A name that the issuer did not have is asked for less often.
        let second = if named { 42 } else { 11 };
        assert_eq!(world.code(&token(named), second), "ok", "{before} {named}");
        assert_eq!(world.calls(), 3);
    }
}

#[test]
fn one_malformed_key_takes_no_other_with_it() {
    let pair = Pair::new("a");
    let broken = json!({"kty": "EC", "crv": "P-256", "kid": "broken", "x": "AA", "y": "AA"});
    let world = World::with_keys(&json!({}), &[&broken, &pair.jwk, &json!("text"), &json!(null)]);
    assert_eq!(world.code(&lasting(&pair), 1), "ok");
    assert_eq!(world.host.counted("jwt_keys_passed_over"), 3);
    assert_eq!(world.host.counted("jwt_key_fetches"), 1);
}

#[test]
fn the_file_or_else_the_issuer_says_when_keys_are_fetched_again() {
    let pair = Pair::new("a");
    let cases = [
        (json!({}), "public", 600),
        (json!({}), "max-age=1000", 800),
        (json!({}), "max-age=1", 60),
        (json!({}), "max-age=1000000", 69_120),
        (json!({"stale-for": "100s"}), "max-age=1000", 80),
        (json!({"refresh": "1s"}), "max-age=1000", 1),
        (json!({"refresh": "1h"}), "max-age=1", 3600),
    ];
    for (terms, cache_control, seconds) in cases {
        let world = World::new(&terms);
        world.publish(saying(set(&[&pair.jwk]), cache_control));
        world.tick(5);
        world.tick(5 + seconds - 1);
        assert_eq!(world.calls(), 1, "{terms} {cache_control}");
        world.tick(5 + seconds);
        assert_eq!(world.calls(), 2, "{terms} {cache_control}");
    }
}
