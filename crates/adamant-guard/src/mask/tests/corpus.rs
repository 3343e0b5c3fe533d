//! How often the detectors are right, counted over texts that the test makes itself and published in `docs/masking.md`.
//!
//! The texts hold what each detector is for, made by the rules of its issuer and not by ours, and decoys: numbers, names
//! and codes of the same length that are something else. `UPDATE=1` writes the table anew.

use std::fmt::Write;
use std::path::Path;

use super::super::detect::Detector;
use super::super::string::kinds_of;

/// Texts of each kind.
const COUNT: usize = 2000;

/// SplitMix64: the same corpus for everybody.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, below: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % below
    }

    fn of<'l>(&mut self, letters: &'l str) -> &'l str {
        let at = usize::try_from(self.roll(letters.len() as u64)).unwrap();
        &letters[at..=at]
    }

    fn some(&mut self, letters: &str, count: usize) -> String {
        (0..count).map(|_| self.of(letters)).collect()
    }

    fn digits(&mut self, count: usize) -> String {
        self.some("0123456789", count)
    }

    fn pick<'l>(&mut self, words: &[&'l str]) -> &'l str {
        words[usize::try_from(self.roll(words.len() as u64)).unwrap()]
    }
}

const CAPITALS: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
const PLAIN: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
const HEX: &str = "0123456789abcdef";

fn grouped(text: &str, size: usize, separator: &str) -> String {
    let parts: Vec<&str> = (0..text.len())
        .step_by(size)
        .map(|at| &text[at..text.len().min(at + size)])
        .collect();
    parts.join(separator)
}

fn card(dice: &mut Dice) -> String {
    let (prefix, length) = [
        ("4", 16),
        ("51", 16),
        ("2720", 16),
        ("37", 15),
        ("6011", 16),
        ("3530", 16),
        ("36", 14),
        ("62", 19),
        ("4", 13),
    ][usize::try_from(dice.roll(9)).unwrap()];
    let body = prefix.to_owned() + &dice.digits(length - 1 - prefix.len());
    let sum: u32 = body
        .bytes()
        .rev()
        .enumerate()
        .map(|(position, byte)| {
            let value = u32::from(byte - b'0') * if position % 2 == 0 { 2 } else { 1 };
            value / 10 + value % 10
        })
        .sum();
    let number = format!("{body}{}", (10 - sum % 10) % 10);
    match dice.roll(3) {
        0 => grouped(&number, 4, " "),
        1 => grouped(&number, 4, "-"),
        _ => number,
    }
}

fn iban(dice: &mut Dice) -> String {
    let (country, length) = [
        ("DE", 22),
        ("FR", 27),
        ("GB", 22),
        ("NL", 18),
        ("NO", 15),
        ("MT", 31),
        ("CH", 21),
    ][usize::try_from(dice.roll(7)).unwrap()];
    let body = dice.digits(length - 4);
    let rest = format!("{body}{country}00")
        .chars()
        .fold(0u64, |rest, character| {
            let value = u64::from(character.to_digit(36).unwrap());
            (if value > 9 { rest * 100 } else { rest * 10 } + value) % 97
        });
    let number = format!("{country}{:02}{body}", 98 - rest);
    if dice.roll(2) == 0 {
        grouped(&number, 4, " ")
    } else {
        number
    }
}

fn email(dice: &mut Dice) -> String {
    let name = dice.pick(&["anna", "j.doe", "info+news", "max_m", "o-reilly", "x99"]);
    let host = dice.pick(&[
        "mail.example.com",
        "example.org",
        "a-b.co.uk",
        "xn--bcher-kva.example",
        "shop.museum",
    ]);
    format!("{name}{}@{host}", dice.roll(100))
}

fn phone(dice: &mut Dice) -> String {
    match dice.roll(4) {
        0 => format!("+49 30 {}", dice.digits(7)),
        1 => format!(
            "+1 ({}) {}-{}",
            200 + dice.roll(700),
            dice.digits(3),
            dice.digits(4)
        ),
        2 => format!("+44{}", dice.digits(10)),
        _ => format!("+352 {}", grouped(&dice.digits(8), 2, " ")),
    }
}

fn us_ssn(dice: &mut Dice) -> String {
    let area = loop {
        let area = 1 + dice.roll(898);
        if area != 666 {
            break area;
        }
    };
    format!("{area:03}-{:02}-{:04}", 1 + dice.roll(99), 1 + dice.roll(9999))
}

fn de_tax_id(dice: &mut Dice) -> String {
    loop {
        let body = dice.digits(10);
        let counts: Vec<usize> = "0123456789"
            .chars()
            .map(|digit| body.matches(digit).count())
            .collect();
        let repeated: Vec<&usize> = counts.iter().filter(|count| **count > 1).collect();
        if body.starts_with('0') || repeated.len() != 1 || *repeated[0] > 3 {
            continue;
        }
        let mut product = 10;
        for digit in body.bytes() {
            let sum = match (u64::from(digit - b'0') + product) % 10 {
                0 => 10,
                sum => sum,
            };
            product = sum * 2 % 11;
        }
        let check = match 11 - product {
            10 => 0,
            check => check,
        };
        return format!("{body}{check}");
    }
}

fn uk_nino(dice: &mut Dice) -> String {
    let prefix = dice.pick(&["AB", "CE", "JK", "PX", "SR", "WM", "YZ"]);
    let number = format!("{prefix}{}{}", dice.digits(6), dice.of("ABCD"));
    if dice.roll(2) == 0 {
        grouped(&number, 2, " ")
    } else {
        number
    }
}

fn fr_nir(dice: &mut Dice) -> String {
    let number = format!(
        "{}{}{:02}{:02}{}",
        1 + dice.roll(2),
        dice.digits(2),
        1 + dice.roll(12),
        1 + dice.roll(95),
        dice.digits(6)
    );
    let key = 97 - number.parse::<u64>().unwrap() % 97;
    format!("{number}{key:02}")
}

fn es_dni(dice: &mut Dice) -> String {
    let number = dice.roll(100_000_000);
    let letter = "TRWAGMYFPDXBNJZSQVHLCKE"
        .chars()
        .nth(usize::try_from(number % 23).unwrap())
        .unwrap();
    format!("{number:08}{letter}")
}

fn it_codice_fiscale(dice: &mut Dice) -> String {
    let body = format!(
        "{}{}{}{:02}{}{}",
        dice.some("BCDFGLMNPRST", 6),
        dice.digits(2),
        dice.of("ABCDEHLMPRST"),
        1 + dice.roll(28),
        dice.of("ABCDEFGH"),
        dice.digits(3)
    );
    let odd = |character: char| {
        let table = [
            1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23,
        ];
        table[usize::try_from(
            character
                .to_digit(36)
                .map_or(0, |value| if value > 9 { value - 10 } else { value }),
        )
        .unwrap()]
    };
    let even = |character: char| {
        character
            .to_digit(36)
            .map_or(0, |value| if value > 9 { value - 10 } else { value })
    };
    let sum: u32 = body
        .chars()
        .enumerate()
        .map(|(at, character)| {
            if at % 2 == 0 {
                odd(character)
            } else {
                even(character)
            }
        })
        .sum();
    format!("{body}{}", char::from(b'A' + u8::try_from(sum % 26).unwrap()))
}

fn token(dice: &mut Dice) -> String {
    match dice.roll(6) {
        0 => format!("AKIA{}", dice.some("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", 16)),
        1 => format!("ghp_{}", dice.some(PLAIN, 36)),
        2 => format!("xoxb-{}-{}", dice.digits(12), dice.some(PLAIN, 24)),
        3 => format!("sk_live_{}", dice.some(PLAIN, 24)),
        4 => format!("Bearer {}", dice.some(PLAIN, 40)),
        _ => format!(
            "eyJhbGciOiJFUzI1NiJ9.eyJ{}.{}",
            dice.some(PLAIN, 30),
            dice.some(PLAIN, 86)
        ),
    }
}

fn private_key(dice: &mut Dice) -> String {
    let kind = dice.pick(&["", "RSA ", "EC ", "OPENSSH ", "ENCRYPTED "]);
    let body = grouped(&dice.some(PLAIN, 200), 64, "\n");
    format!("-----BEGIN {kind}PRIVATE KEY-----\n{body}\n-----END {kind}PRIVATE KEY-----")
}

type Maker = fn(&mut Dice) -> String;

const MAKERS: [(Detector, &str, Maker); 12] = [
    (Detector::Card, "card", card),
    (Detector::Iban, "iban", iban),
    (Detector::Email, "email", email),
    (Detector::Phone, "phone", phone),
    (Detector::UsSsn, "us-ssn", us_ssn),
    (Detector::DeTaxId, "de-tax-id", de_tax_id),
    (Detector::UkNino, "uk-nino", uk_nino),
    (Detector::FrNir, "fr-nir", fr_nir),
    (Detector::EsDni, "es-dni", es_dni),
    (Detector::ItCodiceFiscale, "it-codice-fiscale", it_codice_fiscale),
    (Detector::Token, "token", token),
    (Detector::PrivateKey, "private-key", private_key),
];

/// What looks like something and is nothing.
fn decoy(dice: &mut Dice) -> String {
    match dice.roll(16) {
        0 => dice.digits(16),
        1 => grouped(&dice.digits(16), 4, "-"),
        2 => format!("17{}", dice.digits(11)),
        3 => format!(
            "{}-{}-4{}-a{}-{}",
            dice.some(HEX, 8),
            dice.some(HEX, 4),
            dice.some(HEX, 3),
            dice.some(HEX, 3),
            dice.some(HEX, 12)
        ),
        4 => format!(
            "2026-{:02}-{:02}T{:02}:00:00+02:00",
            1 + dice.roll(12),
            1 + dice.roll(28),
            dice.roll(24)
        ),
        5 => dice.some(HEX, 40),
        6 => format!("{}.{}", dice.digits(3), dice.digits(16)),
        7 => dice.digits(11),
        8 => format!("{}{}", dice.digits(8), dice.of(CAPITALS)),
        9 => format!(
            "{}{}{}",
            dice.some(CAPITALS, 2),
            dice.digits(6),
            dice.of(CAPITALS)
        ),
        10 => format!("{}{}", dice.some(CAPITALS, 2), dice.digits(20)),
        11 => format!("package@{}.{}.{}", dice.roll(20), dice.roll(20), dice.roll(20)),
        12 => format!("icon-{}@2x.png", dice.roll(100)),
        13 => format!(
            "978-{}-{}-{}-{}",
            dice.roll(10),
            dice.digits(4),
            dice.digits(4),
            dice.roll(10)
        ),
        14 => format!("{}-{}-{}", dice.digits(4), dice.digits(2), dice.digits(4)),
        _ => format!(
            "{:.6}, {:.6}",
            -90.0 + f64::from(u32::try_from(dice.roll(180)).unwrap()),
            3.0
        ),
    }
}

fn finds(detector: Detector, text: &str) -> Option<std::ops::Range<usize>> {
    let able = detector.needs() & !kinds_of(text.as_bytes()) == 0;
    able.then(|| detector.find(text.as_bytes(), 0)).flatten()
}

/// The rows of the table.
fn table() -> String {
    let mut dice = Dice(7);
    let mut rows =
        String::from("| detector | found of 2,000 | false finds in 32,000 decoys |\n|---|---:|---:|\n");
    let decoys: Vec<String> = (0..COUNT * 16)
        .map(|_| format!("order {} is open", decoy(&mut dice)))
        .collect();
    for (detector, name, make) in MAKERS {
        let right = (0..COUNT).filter(|_| {
            let value = make(&mut dice);
            let text = format!("it is {value}, they say");
            finds(detector, &text) == Some(6..6 + value.len())
        });
        let right = right.count();
        let wrong = decoys
            .iter()
            .filter(|text| finds(detector, text).is_some())
            .count();
        writeln!(rows, "| `{name}` | {} | {wrong} |", thousands(right)).unwrap();
    }
    rows
}

fn thousands(number: usize) -> String {
    if number < 1000 {
        number.to_string()
    } else {
        format!("{},{:03}", number / 1000, number % 1000)
    }
}

#[test]
fn the_published_numbers_are_true() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/masking.md");
    let page = std::fs::read_to_string(&path).unwrap();
    let (before, rest) = page.split_once("<!-- counted -->\n").unwrap();
    let (published, after) = rest.split_once("<!-- end -->").unwrap();
    let counted = table();
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(
            &path,
            format!("{before}<!-- counted -->\n{counted}<!-- end -->{after}"),
        )
        .unwrap();
    } else {
        assert_eq!(published, counted, "UPDATE=1 writes the table anew");
    }
}
