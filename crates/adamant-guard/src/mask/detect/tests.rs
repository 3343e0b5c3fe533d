//! Examples of each detector, and what only looks like one.

use super::*;

fn found(detector: Detector, text: &str) -> Vec<String> {
    let (mut found, mut from) = (Vec::new(), 0);
    while let Some(range) = detector.find(text.as_bytes(), from) {
        found.push(text[range.clone()].to_owned());
        from = range.end;
    }
    found
}

#[rustfmt::skip] // A table.
const FOUND: &[(Detector, &str, &[&str])] = &[
    (Detector::Card, "4242424242424242", &["4242424242424242"]),
    (Detector::Card, "pay 5555 5555 5555 4444, or 3782-822463-10005.", &["5555 5555 5555 4444", "3782-822463-10005"]),
    (Detector::Card, "12 4242 4242 4242 4242", &["4242 4242 4242 4242"]),
    (Detector::Card, "4242424242424241 1234567812345670 0.4242424242424242 a4242424242424242 42424242424242424242", &[]),
    (Detector::Card, "4444444444444444", &[]),
    (Detector::Iban, "DE89 3704 0044 0532 0130 00 and GB29NWBK60161331926819", &["DE89 3704 0044 0532 0130 00", "GB29NWBK60161331926819"]),
    (Detector::Iban, "DE89370400440532013001 DE8937040044053201300 XX89370400440532013000 DE89370400440532013000X", &[]),
    (Detector::Email, "<a.b+c@mail.example.com>, x@y.test.", &["a.b+c@mail.example.com", "x@y.test"]),
    (Detector::Email, "icon@2x.png a@b @c.test react@18.2.0 a@-b.test a.@b.test a@b..c", &[]),
    (Detector::Phone, "+49 30 1234567 or +1 (212) 555-0100", &["+49 30 1234567", "+1 (212) 555-0100"]),
    (Detector::Phone, "+1234 1e+10000000 2026-11-23T12:00:00+00:00 +0049301234567 +12345678901234567 ++4930123456", &[]),
    (Detector::UsSsn, "123-45-6789", &["123-45-6789"]),
    (Detector::UsSsn, "000-12-3456 666-12-3456 901-12-3456 123-00-4567 123-45-0000 1-123-45-6789 123-45-67890 123-45-6789-1", &[]),
    (Detector::DeTaxId, "86095742719 and 65 929 970 489", &["86095742719", "65 929 970 489"]),
    (Detector::DeTaxId, "86095742718 06095742719 12345678903 11111111111", &[]),
    (Detector::UkNino, "QQ123456C AB123456C, AB 12 34 56 D", &["AB123456C", "AB 12 34 56 D"]),
    (Detector::UkNino, "BG123456A AB123456E AO123456A ab123456c", &[]),
    (Detector::FrNir, "2 55 08 14 168 025 38 and 255081416802538", &["2 55 08 14 168 025 38", "255081416802538"]),
    (Detector::FrNir, "255081416802539 355081416802538 255001416802538", &[]),
    (Detector::EsDni, "12345678Z, 12345678-Z, X1234567L", &["12345678Z", "12345678-Z", "X1234567L"]),
    (Detector::EsDni, "12345678A X1234567A 1234567L", &[]),
    (Detector::ItCodiceFiscale, "RSSMRA85T10A562S", &["RSSMRA85T10A562S"]),
    (Detector::ItCodiceFiscale, "RSSMRA85T10A562T RSSMRA85Z10A562S rssmra85t10a562s", &[]),
    (Detector::Token, "AKIAIOSFODNN7EXAMPLE Bearer abcdefghijklmnop1234", &["AKIAIOSFODNN7EXAMPLE", "Bearer abcdefghijklmnop1234"]),
    (Detector::Token, "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ4In0.c2ln", &["eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ4In0.c2ln"]),
    (Detector::Token, "AKIAIOSFODNN7EXAMPLEX bearer authentication-required eyJ.eyJ.x eyJhbGciOiJIUzI1NiJ9 sk_live_short", &[]),
    (Detector::PrivateKey, "x -----BEGIN RSA PRIVATE KEY-----\nM\n-----END RSA PRIVATE KEY----- y", &["-----BEGIN RSA PRIVATE KEY-----\nM\n-----END RSA PRIVATE KEY-----"]),
    (Detector::PrivateKey, "-----BEGIN PRIVATE KEY-----\nM", &["-----BEGIN PRIVATE KEY-----\nM"]),
    (Detector::PrivateKey, "-----BEGIN PUBLIC KEY-----\nM\n-----END PUBLIC KEY-----", &[]),
];

#[test]
fn each_detector_finds_what_it_is_for_and_nothing_that_looks_like_it() {
    for (detector, text, expected) in FOUND {
        assert_eq!(&found(*detector, text), expected, "{detector:?}: {text}");
    }
}

#[test]
fn a_detector_is_left_out_only_where_it_could_find_nothing() {
    for (detector, text, _) in FOUND.iter().filter(|(_, _, found)| !found.is_empty()) {
        let kinds = super::super::string::kinds_of(text.as_bytes());
        assert_eq!(detector.needs() & !kinds, 0, "{detector:?}: {text}");
    }
}

/// Looking at a text costs in proportion to its length, whatever stands in it: otherwise this takes minutes.
#[test]
fn no_text_is_looked_at_again_and_again() {
    for part in [
        "eyJ-",
        "eyJa.",
        "a@",
        "+1 ",
        "DE89 ",
        "4 ",
        "bearer ",
        "-----BEGIN ",
        "-----BEGIN PRIVATE KEY-----",
        "1-",
    ] {
        let text = part.repeat(50_000 / part.len());
        for detector in Detector::ALL {
            let mut from = 0;
            while let Some(range) = detector.find(text.as_bytes(), from) {
                from = range.end;
            }
        }
    }
}
