//! How attacks are hidden from rules, and still reach the program. Knows no attack.

use super::random::Random;

/// How attacks are hidden.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Disguise {
    None,
    /// Letters change their case.
    Case,
    /// Every byte is escaped once more.
    Escaped,
    /// Some bytes are escaped once more.
    HalfEscaped,
    /// Harmless words stand before it.
    Prefixed,
    /// Harmless words stand behind it.
    Suffixed,
    /// White space is written otherwise.
    Spaced,
    /// The whole is base64.
    Base64,
    /// Characters of markup are entities of HTML.
    Entities,
    /// Characters of markup are escapes of JavaScript.
    Unicode,
}

/// Those by which the rules were written.
pub(super) const KNOWN: [Disguise; 6] = [
    Disguise::None,
    Disguise::None,
    Disguise::Case,
    Disguise::Escaped,
    Disguise::Prefixed,
    Disguise::Base64,
];

/// Those that were added when the rules were done.
pub(super) const UNSEEN: [Disguise; 5] = [
    Disguise::HalfEscaped,
    Disguise::Suffixed,
    Disguise::Spaced,
    Disguise::Entities,
    Disguise::Unicode,
];

/// The disguised attack.
pub(super) fn disguise(random: &mut Random, how: Disguise, attack: &str) -> String {
    let escape = |byte: u8| format!("%{byte:02x}");
    match how {
        Disguise::None => attack.to_owned(),
        Disguise::Case => {
            // Names of methods and files of Java, JavaScript and Unix have one case.
            let is_sensitive = ["java", "(", "__", "O:", "rO0", "$", "/"]
                .iter()
                .any(|mark| attack.contains(mark));
            let change = |letter: char| {
                if random.once_in(2) {
                    letter.to_ascii_uppercase()
                } else {
                    letter
                }
            };
            if is_sensitive {
                attack.to_owned()
            } else {
                attack.chars().map(change).collect()
            }
        }
        Disguise::Escaped => attack.bytes().map(escape).collect(),
        Disguise::HalfEscaped => {
            let half = |byte: u8| {
                if random.once_in(2) {
                    escape(byte)
                } else {
                    char::from(byte).to_string()
                }
            };
            attack.bytes().map(half).collect()
        }
        Disguise::Prefixed => format!(
            "{} {attack}",
            random.one(&["blue", "order 7", "Anna", "see also", "x1"])
        ),
        Disguise::Suffixed => format!(
            "{attack} {}",
            random.one(&["blue", "and more", "7", "thanks", ".jpg"])
        ),
        Disguise::Spaced => {
            let space = random.one(&["\t", "\n", "  ", "\r\n", "+"]);
            attack.replace(' ', if attack.contains('+') { "\t" } else { space })
        }
        Disguise::Base64 => base64(attack.as_bytes()),
        Disguise::Entities => written(attack, |byte| format!("&#x{byte:x};")),
        Disguise::Unicode => written(attack, |byte| format!("\\u{byte:04x}")),
    }
}

fn written(text: &str, write: impl Fn(u8) -> String) -> String {
    let each = |byte: u8| match byte {
        b'<' | b'>' | b'\'' | b'"' | b'(' | b'/' | b'{' | b'.' => write(byte),
        _ => char::from(byte).to_string(),
    };
    text.bytes().map(each).collect()
}

fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for group in bytes.chunks(3) {
        let padded = [group[0], *group.get(1).unwrap_or(&0), *group.get(2).unwrap_or(&0)];
        let number = u32::from(padded[0]) << 16 | u32::from(padded[1]) << 8 | u32::from(padded[2]);
        for place in 0..4 {
            let digit = number >> (18 - 6 * place) & 63;
            let is_padding = place > group.len();
            text.push(if is_padding {
                '='
            } else {
                char::from(ALPHABET[digit as usize])
            });
        }
    }
    text
}
