//! Detectors: where in a text stands something that is to be masked.
//!
//! Each says yes only where a check digit, a fixed form or a known prefix speaks for it; how often they are right is
//! published in `docs/masking.md`. They know no JSON, and keep nothing of what they saw.

mod card;
mod contact;
mod iban;
mod national;
mod token;

use std::ops::Range;

use adamant_filter::prelude::*;

/// Something that a detector finds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Detector {
    /// Numbers of payment cards: 13 to 19 digits with a known prefix and the right check digit (Luhn).
    Card,
    /// International bank account numbers with the length of their country and the right check digits.
    Iban,
    /// Addresses of electronic mail.
    Email,
    /// Telephone numbers in international form, such as `+49 30 1234567`.
    Phone,
    /// Social security numbers of the United States, such as `123-45-6789`.
    UsSsn,
    /// Tax identifiers of Germany with the right check digit.
    DeTaxId,
    /// National insurance numbers of the United Kingdom.
    UkNino,
    /// Social security numbers (NIR) of France with the right key.
    FrNir,
    /// Identity numbers (DNI and NIE) of Spain with the right letter.
    EsDni,
    /// Tax codes of Italy with the right check letter.
    ItCodiceFiscale,
    /// Credentials that are known by their form: JWT, bearer tokens, keys of AWS, GitHub, Slack, Stripe and Google.
    Token,
    /// Private keys in PEM.
    PrivateKey,
}

/// Kinds of bytes, to leave out detectors that cannot find anything.
pub(super) const DIGIT: u8 = 1;
pub(super) const AT: u8 = 2;
pub(super) const LETTER: u8 = 4;
pub(super) const PLUS: u8 = 8;
pub(super) const DASH: u8 = 16;
pub(super) const DOT: u8 = 32;

impl Detector {
    pub(crate) const ALL: [Self; 12] = [
        Self::PrivateKey,
        Self::Token,
        Self::Iban,
        Self::Card,
        Self::ItCodiceFiscale,
        Self::FrNir,
        Self::DeTaxId,
        Self::EsDni,
        Self::UkNino,
        Self::UsSsn,
        Self::Email,
        Self::Phone,
    ];

    /// Kinds of bytes that all have to be there.
    pub(super) const fn needs(self) -> u8 {
        match self {
            Self::Card | Self::DeTaxId | Self::FrNir => DIGIT,
            Self::Iban | Self::UkNino | Self::EsDni | Self::ItCodiceFiscale => DIGIT | LETTER,
            Self::Email => AT | DOT | LETTER,
            Self::Phone => PLUS | DIGIT,
            Self::UsSsn => DIGIT | DASH,
            Self::Token => LETTER,
            Self::PrivateKey => DASH | LETTER,
        }
    }

    /// The first find that begins at `from` or behind.
    pub(crate) fn find(self, text: &[u8], from: usize) -> Option<Range<usize>> {
        match self {
            Self::Card => card::find(text, from),
            Self::Iban => iban::find(text, from),
            Self::Email => contact::find_email(text, from),
            Self::Phone => contact::find_phone(text, from),
            Self::UsSsn => national::find(text, from, national::us_ssn),
            Self::DeTaxId => national::find(text, from, national::de_tax_id),
            Self::UkNino => national::find(text, from, national::uk_nino),
            Self::FrNir => national::find(text, from, national::fr_nir),
            Self::EsDni => national::find(text, from, national::es_dni),
            Self::ItCodiceFiscale => national::find(text, from, national::it_codice_fiscale),
            Self::Token => token::find(text, from),
            Self::PrivateKey => token::find_private_key(text, from),
        }
    }
}

/// Whether a word could begin at this place: nothing of a word stands before it.
fn begins_word(text: &[u8], at: usize) -> bool {
    at.checked_sub(1)
        .and_then(|before| text.get(before))
        .is_none_or(|byte| !is_word(*byte))
}

/// Whether a word could end before this place.
fn ends_word(text: &[u8], at: usize) -> bool {
    text.get(at).is_none_or(|byte| !is_word(*byte))
}

const fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte >= 0x80
}

/// Characters of a number that may be written in groups.
#[derive(Debug)]
struct Grouped<const N: usize> {
    bytes: [u8; N],
    length: usize,
    /// Behind the last character.
    end: usize,
}

impl<const N: usize> Grouped<N> {
    /// Reads up to `N` characters of a kind from `from`, with at most one of the separators between two of them.
    fn read(text: &[u8], from: usize, separators: &[u8], belongs: impl Fn(u8) -> bool) -> Self {
        let (mut bytes, mut length, mut end) = ([0; N], 0, from);
        let mut at = from;
        while let Some(place) = bytes.get_mut(length) {
            let Some(byte) = text.get(at).copied() else { break };
            if belongs(byte) {
                *place = byte;
                length += 1;
                at += 1;
                end = at;
            } else if length > 0 && at == end && separators.contains(&byte) {
                at += 1;
            } else {
                break;
            }
        }
        Self { bytes, length, end }
    }

    fn get(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }
}

/// The value of a digit.
const fn digit(byte: u8) -> u32 {
    (byte.wrapping_sub(b'0')) as u32
}

#[cfg(test)]
mod tests;
