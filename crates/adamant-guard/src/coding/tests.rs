//! What a coding takes away and gives back, and what it refuses.

#![allow(clippy::unwrap_used, reason = "tests say what must hold")]

use proptest::prelude::*;

use super::*;

const ALL: [Coding; 4] = [Coding::Gzip, Coding::Deflate, Coding::Brotli, Coding::Zstd];

fn encoded(coding: Coding, body: &[u8]) -> Vec<u8> {
    let mut encoder = Encoder::new(coding).unwrap();
    let mut coded = encoder.push(body, false).unwrap();
    coded.extend(encoder.finish().unwrap());
    coded
}

fn named(names: &[&'static str]) -> Result<Codings, CodingError> {
    let values: Vec<_> = names.iter().map(|name| HeaderValue::from_static(name)).collect();
    Codings::of(&values)
}

#[test]
fn codings_are_read_from_their_fields() {
    let cases: &[(&[&str], Result<Codings, CodingError>)] = &[
        (&[], Ok(Codings::default())),
        (&["identity"], Ok(Codings::default())),
        (&["GZIP"], Ok(Codings(vec![Coding::Gzip]))),
        (&["x-gzip, identity"], Ok(Codings(vec![Coding::Gzip]))),
        (&["br", "zstd"], Ok(Codings(vec![Coding::Brotli, Coding::Zstd]))),
        (&["gzip, gzip, gzip"], Err(CodingError::Unknown)),
        (&["compress"], Err(CodingError::Unknown)),
        (&["gzip;q=1"], Err(CodingError::Unknown)),
    ];
    for (names, expected) in cases {
        assert_eq!(&named(names), expected, "{names:?}");
    }
}

#[test]
fn a_body_that_ends_too_early_is_no_body() {
    let body = b"{\"a\":\"0123456789abcdefghijklmnopqrstuvwxyz\"}".repeat(20);
    for coding in ALL {
        let coded = encoded(coding, &body);
        for length in 0..coded.len() {
            let cut = Bytes::copy_from_slice(&coded[..length]);
            let decoded = decode(&Codings(vec![coding]), &cut, 1 << 20);
            assert!(decoded.is_err(), "{coding:?} cut to {length} of {}", coded.len());
        }
    }
}

#[test]
fn what_follows_the_end_is_an_error() {
    for coding in ALL {
        let mut coded = encoded(coding, b"hello");
        coded.extend_from_slice(b"and more");
        let decoded = decode(&Codings(vec![coding]), &coded.into(), 1 << 20);
        assert!(decoded.is_err(), "{coding:?}: {decoded:?}");
    }
}

#[test]
fn a_body_of_many_zeros_is_stopped_at_the_bound() {
    let zeros = vec![0; 32 << 20];
    for coding in ALL {
        let coded: Bytes = encoded(coding, &zeros).into();
        assert!(coded.len() < 200_000, "{coding:?}: {}", coded.len());
        let codings = Codings(vec![coding]);
        assert_eq!(
            decode(&codings, &coded, 1 << 20),
            Err(CodingError::TooLong),
            "{coding:?}"
        );
        let whole = decode(&codings, &coded, 32 << 20);
        assert_eq!(whole.map(|body| body.len()), Ok(zeros.len()), "{coding:?}");
        let twice: Bytes = encoded(Coding::Gzip, &coded).into();
        let codings = Codings(vec![coding, Coding::Gzip]);
        assert_eq!(
            decode(&codings, &twice, 1 << 20),
            Err(CodingError::TooLong),
            "{coding:?}"
        );
    }
}

#[test]
fn several_members_of_gzip_are_one_body() {
    let members = [encoded(Coding::Gzip, b"one "), encoded(Coding::Gzip, b"two")].concat();
    let decoded = decode(&Codings(vec![Coding::Gzip]), &members.into(), 100);
    assert_eq!(decoded.unwrap(), "one two");
}

#[test]
fn what_was_flushed_can_be_read_before_the_end() {
    for coding in ALL {
        let mut encoder = Encoder::new(coding).unwrap();
        let coded = encoder.push(b"data: 1\n\n", true).unwrap();
        let mut decoder = Decoder::new(&Codings(vec![coding]), 100).unwrap();
        assert_eq!(decoder.push(&coded).unwrap(), b"data: 1\n\n", "{coding:?}");
    }
}

proptest! {
    #[test]
    fn decoding_is_the_inverse_of_encoding_however_it_is_cut(
        body in prop::collection::vec(prop_oneof![Just(b'a'), any::<u8>()], 0..5_000),
        outer in 0..4_usize,
        inner in 0..4_usize,
        cut in 1..700_usize,
    ) {
        let (inner, outer) = (ALL[inner], ALL[outer]);
        let coded = encoded(outer, &encoded(inner, &body));
        let mut decoder = Decoder::new(&Codings(vec![inner, outer]), 20_000).unwrap();
        let mut decoded = Vec::new();
        for piece in coded.chunks(cut) {
            decoded.extend(decoder.push(piece).unwrap());
        }
        decoded.extend(decoder.finish().unwrap());
        prop_assert_eq!(decoded, body);
    }

    #[test]
    fn other_bytes_never_break_a_decoder(body in prop::collection::vec(any::<u8>(), 0..500), which in 0..4_usize) {
        let coding = ALL[which];
        let _ = decode(&Codings(vec![coding]), &body.clone().into(), 1 << 16);
        let mut broken = encoded(coding, &body);
        let places = broken.len();
        if let Some(byte) = broken.get_mut(places / 2) {
            *byte ^= 0x55;
        }
        let _ = decode(&Codings(vec![coding]), &broken.into(), 1 << 16);
    }
}
