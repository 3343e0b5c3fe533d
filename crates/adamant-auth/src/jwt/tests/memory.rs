//! Remembered tokens: the same verdict without the signature, and never longer than the token lives.

use std::hint::black_box;
use std::time::{Duration, Instant};

use super::*;
use crate::jwt::token::Token;

fn verifier(remember: u32) -> Verifier {
    let config = with(with(config(), "remember", remember), "skew", "0s");
    let config: JwtConfig = adamant_filter::decode(&adamant_filter::Node::from_json(&config)).unwrap();
    let algorithms = config.algorithms(&config.keys.source().unwrap()).unwrap();
    Verifier {
        algorithms,
        keys: Keys::Fixed(KeySet::of(vec![pem::key(P256_PUBLIC, algorithms).unwrap()])),
        remembered: Arc::new(Remembered::new(remember)),
        claims: Claims::new(config, Arc::default()),
    }
}

fn at(seconds: u64) -> Now {
    Now {
        tick: Tick(0),
        wall: Wall(seconds * 1000),
    }
}

fn token(claims: &Value) -> Vec<u8> {
    sign(
        &json!({"alg": "ES256"}),
        claims,
        Algorithm::ES256,
        &signer(Algorithm::ES256),
    )
    .into_bytes()
}

#[test]
fn a_proved_token_is_remembered_and_gives_the_same_identity() {
    let verifier = verifier(10);
    let token = token(&claims());
    let first = verifier.verify(&token, at(NOW)).unwrap();
    assert_eq!(verifier.remembered.len(), 1);
    let second = verifier.verify(&token, at(NOW + 1)).unwrap();
    assert!(Arc::ptr_eq(&first.identity, &second.identity));
}

#[test]
fn a_remembered_token_is_forgotten_when_it_expires() {
    let verifier = verifier(10);
    let token = token(&with(claims(), "nbf", NOW));
    verifier.verify(&token, at(NOW)).unwrap();
    verifier.verify(&token, at(NOW + 299)).unwrap();
    assert_eq!(
        verifier.verify(&token, at(NOW + 300)).unwrap_err().code(),
        "expired"
    );
    assert_eq!(verifier.remembered.len(), 0);
    verifier.verify(&token, at(NOW)).unwrap();
    assert_eq!(
        verifier.verify(&token, at(NOW - 1)).unwrap_err().code(),
        "not-yet-valid",
        "the clock went back"
    );
    assert_eq!(verifier.remembered.len(), 0);
}

#[test]
fn nothing_that_was_refused_is_remembered() {
    let verifier = verifier(10);
    let good = token(&claims());
    verifier.verify(&good, at(NOW)).unwrap();
    for place in 0..good.len() {
        let mut forged = good.clone();
        forged[place] = if forged[place] == b'A' { b'B' } else { b'A' };
        assert!(verifier.verify(&forged, at(NOW)).is_err(), "byte {place}");
    }
    assert!(
        verifier
            .verify(&token(&with(claims(), "exp", 1)), at(NOW))
            .is_err()
    );
    assert_eq!(verifier.remembered.len(), 1);
}

#[test]
fn memory_stays_within_its_bound() {
    let verifier = verifier(8);
    for number in 0..40 {
        verifier
            .verify(&token(&with(claims(), "jti", number)), at(NOW))
            .unwrap();
    }
    // A token of these tests weighs at least 2 KiB, and the room is 32 KiB.
    let kept = verifier.remembered.len();
    assert!((4..=16).contains(&kept), "{kept}");
    let heavy = with(claims(), "heavy", json!(vec![0; 500]));
    for number in 0..8 {
        verifier
            .verify(&token(&with(heavy.clone(), "jti", number)), at(NOW))
            .unwrap();
    }
    assert!(verifier.remembered.len() <= 16, "what is too heavy is not kept");
    let none = self::verifier(0);
    none.verify(&token(&claims()), at(NOW)).unwrap();
    assert_eq!(none.remembered.len(), 0);
}

/// Prints what a hit and a miss cost: `cargo test -p adamant-auth --release -- --nocapture cost`.
#[test]
fn a_hit_costs_a_small_part_of_a_miss() {
    let rounds = 200;
    let claims = (0..8).fold(claims(), |all, number| {
        with(all, &format!("claim-{number}"), "some usual text")
    });
    let token = token(&claims);
    let remembering = verifier(100);
    remembering.verify(&token, at(NOW)).unwrap();
    let hit = fastest(rounds, || {
        drop(black_box(remembering.verify(black_box(&token), at(NOW))))
    });
    let forgetful = verifier(0);
    let miss = fastest(rounds, || {
        drop(black_box(forgetful.verify(black_box(&token), at(NOW))))
    });
    let text = str::from_utf8(&token).unwrap();
    let parts = Token::split(&token).unwrap();
    let key = pem::key(P256_PUBLIC, Algorithms::only(Algorithm::ES256))
        .unwrap()
        .material
        .unwrap();
    let curve = fastest(rounds, || {
        black_box(key.verifies(black_box(&parts), Algorithm::ES256));
    });
    let trial = Trial::with_host::<Jwt>(&with(config(), "forward", true), &mut host());
    let mut request = trial.prepare(bearing(text));
    assert!(matches!(trial.ask(&mut request), Verdict::Pass));
    let filter = fastest(rounds, || drop(black_box(trial.ask(&mut request))));
    println!("the whole filter at a hit: {filter:?}");
    println!(
        "token of {} bytes: hit {hit:?}, miss {miss:?}, of which the signature {curve:?}",
        token.len()
    );
    assert!(hit * 10 < miss, "hit {hit:?}, miss {miss:?}");
}

/// The fastest of some rounds: what the code costs when nothing else runs.
fn fastest(rounds: u32, mut work: impl FnMut()) -> Duration {
    let inner = 20;
    let mut best = Duration::MAX;
    for _ in 0..rounds {
        let start = Instant::now();
        (0..inner).for_each(|_| work());
        best = best.min(start.elapsed() / inner);
    }
    best
}
