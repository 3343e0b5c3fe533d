//! Everything that was said, and the forms in which a secret could stand in it.
//!
//! Knows neither gateway nor credential.

use std::collections::BTreeSet;

use adamant_tests::{Adamant, Response};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE_NO_PAD};

/// Everything that was said, with where.
#[derive(Default)]
pub(crate) struct Said(Vec<(String, String)>);

impl Said {
    pub(crate) fn add(&mut self, place: impl Into<String>, text: impl Into<String>) {
        self.0.push((place.into(), text.into()));
    }

    pub(crate) fn response(&mut self, place: &str, answer: &Response) {
        self.add(place, format!("{:?}\n{}", answer.fields, answer.text()));
    }

    pub(crate) fn command(&mut self, told: &Adamant) {
        self.add("a command", told.text());
    }

    /// Whether this was said anywhere.
    pub(crate) fn has(&self, text: &str) -> bool {
        self.0.iter().any(|(_, said)| said.contains(text))
    }

    /// Which of these stand anywhere in any form, and where.
    pub(crate) fn leaks<'s>(&self, secrets: impl IntoIterator<Item = &'s String>) -> Vec<String> {
        let all = secrets
            .into_iter()
            .flat_map(|secret| forms(secret).into_iter().map(move |form| (secret, form)));
        let told = all.filter_map(|(secret, form)| {
            let found = self.found(&form)?;
            Some(format!("`{secret}` as `{form}` in {found:?}"))
        });
        told.collect()
    }

    /// Where a form was said, with what stands around it.
    pub(crate) fn found(&self, form: &str) -> Option<(&str, &str)> {
        let (place, text) = self.0.iter().find(|(_, text)| text.contains(form))?;
        let at = text.find(form)?;
        let (start, end) = (at.saturating_sub(80), (at + form.len() + 20).min(text.len()));
        let around = &text[text.floor_char_boundary(start)..text.ceil_char_boundary(end)];
        Some((place, around))
    }
}

/// The forms in which a secret could stand in a text, without those that are too short to mean anything.
pub(crate) fn forms(secret: &str) -> BTreeSet<String> {
    let bytes = secret.as_bytes();
    let hex = |separator: &str, upper: bool| {
        let digits = bytes.iter().map(|byte| {
            if upper {
                format!("{separator}{byte:02X}")
            } else {
                format!("{separator}{byte:02x}")
            }
        });
        digits.collect::<String>()
    };
    let escaped = |upper: bool| {
        let one = |byte: &u8| match (*byte, upper) {
            (plain, _) if plain.is_ascii_alphanumeric() || b"-._~".contains(&plain) => {
                char::from(plain).to_string()
            }
            (byte, true) => format!("%{byte:02X}"),
            (byte, false) => format!("%{byte:02x}"),
        };
        bytes.iter().map(one).collect::<String>()
    };
    let mut forms: BTreeSet<String> = [
        secret.to_owned(),
        hex("", false),
        hex("", true),
        hex("%", false),
        hex("%", true),
        escaped(true),
        escaped(false),
        // As forms are written.
        escaped(true).replace("%20", "+"),
    ]
    .into();
    forms.extend([
        format!("{bytes:?}"),
        format!("{secret:?}").trim_matches('"').to_owned(),
    ]);
    // In a longer text that is encoded, the secret begins at one of three places of a group.
    for before in 0..3 {
        let padded = [&vec![b' '; before], bytes].concat();
        // What depends on the neighbours is cut off.
        let whole = padded.len() / 3 * 4;
        for text in [STANDARD_NO_PAD.encode(&padded), URL_SAFE_NO_PAD.encode(&padded)] {
            forms.insert(text[if before == 0 { 0 } else { 4 }..whole].to_owned());
        }
    }
    forms
}

#[test]
fn every_form_of_a_secret_is_recognised() {
    let secret = "s3cret: p%/+";
    let texts = [
        "x s3cret: p%/+ y".to_owned(),
        "s3cret%3A%20p%25%2F%2B".to_owned(),
        "s3cret%3a%20p%25%2f%2b".to_owned(),
        STANDARD.encode(format!("user:{secret}")),
        STANDARD.encode(format!("a{secret}b")),
        URL_SAFE_NO_PAD.encode(format!("ab{secret}")),
        "7333637265743a2070252f2b".to_owned(),
        format!("{:?}", secret.as_bytes()),
    ];
    for text in texts {
        let mut said = Said::default();
        said.add("here", text.clone());
        assert!(
            forms(secret).iter().any(|form| said.found(form).is_some()),
            "{text}"
        );
    }
    let mut said = Said::default();
    said.add("here", "nothing of it");
    assert!(forms(secret).iter().all(|form| said.found(form).is_none()));
}
