//! How many attacks the rules find, and how much harmless they refuse, on requests that are made here.
//!
//! `docs/attack-rules.md` holds what was measured; `UPDATE=1` writes it anew. The requests are the same on every run.

use std::fmt::Write as _;
use std::path::Path;

use adamant_filter::Chunk;
use adamant_filter::serde_json::json;
use adamant_filter::trial::Trial;

use super::super::Rules;
use super::attacks::{self, KINDS};
use super::disguises::{Disguise, KNOWN, UNSEEN, disguise};
use super::harmless;
use super::random::Random;
use super::*;

const PLACES: [&str; 7] = ["path", "query", "header", "cookie", "form", "json", "multipart"];

/// Attacks of each kind in each place.
const ATTACKS: usize = 120;
/// Harmless requests with a value in each place.
const HARMLESS: usize = 700;

/// Bytes that a text is escaped with in a place.
fn escaped(text: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._~-".contains(&byte);
    text.bytes()
        .map(|byte| {
            if is_plain(byte) {
                char::from(byte).to_string()
            } else {
                format!("%{byte:02X}")
            }
        })
        .collect()
}

/// A request with a value in a place, among others that are harmless. `None`: it cannot stand there.
fn request(random: &mut Random, place: &str, value: &str) -> Option<(Request, String)> {
    let post = |kind: &str, body: String| {
        let request = Request::build(Method::POST, "/orders").ok()?;
        Some((request.with_header("content-type", kind), body))
    };
    let get = |target: String| Some((Request::build(Method::GET, &target).ok()?, String::new()));
    let (request, body) = match place {
        // The gateway refuses what climbs, and `%2F`, before a rule sees it.
        "path" => get(format!("/items/{}", escaped(value)))?,
        "query" => get(format!("/search?lang=en&q={}&page=2", escaped(value)))?,
        "header" => {
            // A field has one line.
            if value.bytes().any(|byte| byte < 0x20) {
                return None;
            }
            let (request, body) = get("/".to_owned())?;
            (request.with_header("x-note", value), body)
        }
        "cookie" => {
            let (request, body) = get("/".to_owned())?;
            (
                request.with_header("cookie", &format!("theme=dark; note={}", escaped(value))),
                body,
            )
        }
        "form" => post(
            "application/x-www-form-urlencoded",
            format!("id=7&note={}", escaped(value)),
        )?,
        "json" => post(
            "application/json",
            json!({"id": 7, "note": value, "tags": ["a"]}).to_string(),
        )?,
        _ => post(
            "multipart/form-data; boundary=xYz",
            format!("--xYz\r\nContent-Disposition: form-data; name=\"note\"\r\n\r\n{value}\r\n--xYz--\r\n"),
        )?,
    };
    Some((
        request.with_header("user-agent", random.one(&harmless::AGENTS)),
        body,
    ))
}

/// Whether the rules refuse a request.
fn refuses(trial: &Trial, (request, body): (Request, String)) -> bool {
    let mut request = trial.prepare(request);
    if matches!(trial.ask(&mut request), Verdict::Deny(_)) {
        return true;
    }
    let mut chunk = Chunk::new(body.into(), true);
    !chunk.data().is_empty() && matches!(trial.body(&mut request, &mut chunk), Verdict::Deny(_))
}

/// How many of how many.
#[derive(Clone, Copy, Default)]
struct Share {
    found: usize,
    all: usize,
}

impl Share {
    fn add(&mut self, found: bool) {
        self.found += usize::from(found);
        self.all += 1;
    }

    fn plus(self, other: Self) -> Self {
        Self {
            found: self.found + other.found,
            all: self.all + other.all,
        }
    }

    fn percent(self) -> f64 {
        100.0 * self.found as f64 / self.all.max(1) as f64
    }
}

fn level(level: u8) -> Trial {
    Trial::of::<Rules>(&json!({"deny": ALL, "level": level}))
}

/// Attacks of a kind in a place, disguised.
fn detection(
    trial: &Trial,
    kind: &str,
    place: &str,
    disguises: &[Disguise],
    missed: &mut Vec<String>,
) -> Share {
    let seed = kind.len() * 1000 + place.len() * 10 + disguises.len();
    let mut random = Random::seeded(seed as u64);
    let mut share = Share::default();
    while share.all < ATTACKS {
        let attack = attacks::attack(&mut random, kind);
        let how = random.one(disguises);
        let hidden = disguise(&mut random, how, &attack);
        let Some(request) = request(&mut random, place, &hidden) else {
            continue;
        };
        let is_found = refuses(trial, request);
        share.add(is_found);
        if !is_found {
            missed.push(format!("{kind} {place} {how:?} {hidden}"));
        }
    }
    share
}

/// Harmless values in a place.
fn refusals(trial: &Trial, place: &str, refused: &mut Vec<String>) -> Share {
    let mut random = Random::seeded(77 + place.len() as u64);
    let mut share = Share::default();
    while share.all < HARMLESS {
        let value = match place {
            "form" | "json" | "multipart" => harmless::text(&mut random),
            _ => harmless::value(&mut random),
        };
        let Some(request) = request(&mut random, place, &value) else {
            continue;
        };
        let is_refused = refuses(trial, request);
        share.add(is_refused);
        if is_refused {
            refused.push(format!("{place} {value:?}"));
        }
    }
    share
}

fn table(document: &mut String, trial: &Trial, disguises: &[Disguise], missed: &mut Vec<String>) -> Share {
    let _ = writeln!(
        document,
        "| Kind | {} |\n|---|{}",
        PLACES.join(" | "),
        "---:|".repeat(PLACES.len())
    );
    let mut all = Share::default();
    for kind in KINDS {
        let _ = write!(document, "| {kind} |");
        for place in PLACES {
            let share = detection(trial, kind, place, disguises, missed);
            let _ = write!(document, " {:.1} |", share.percent());
            all = all.plus(share);
        }
        document.push('\n');
    }
    all
}

/// What is measured, as a chapter of the manual.
fn measured() -> (String, Share, Share) {
    let mut text = String::new();
    let (mut missed, mut refused) = (Vec::new(), Vec::new());
    let first = level(1);
    text.push_str(
        "### Attacks found at level 1, in percent\n\nIn the disguises by which the rules were written: none, \
                   other case, escaped twice, words before, base64.\n\n",
    );
    let known = table(&mut text, &first, &KNOWN, &mut missed);
    let _ = write!(text, "\nAll: {:.2} % of {}.\n\n", known.percent(), known.all);
    text.push_str("In disguises that were added when the rules were done: half escaped twice, words behind, other white \
                   space, entities of HTML, escapes of JavaScript.\n\n");
    let unseen = table(&mut text, &first, &UNSEEN, &mut missed);
    let _ = write!(text, "\nAll: {:.2} % of {}.\n\n", unseen.percent(), unseen.all);
    let _ = write!(
        text,
        "### Harmless requests that are refused, in percent\n\n| Level | {} | all |\n|---|{}---:|\n",
        PLACES.join(" | "),
        "---:|".repeat(PLACES.len())
    );
    let mut harmless = Share::default();
    for number in 1..=4 {
        let trial = if number == 1 { None } else { Some(level(number)) };
        let _ = write!(text, "| {number} |");
        let mut all = Share::default();
        let mut listed = Vec::new();
        for place in PLACES {
            let share = refusals(trial.as_ref().unwrap_or(&first), place, &mut listed);
            let _ = write!(text, " {:.1} |", share.percent());
            all = all.plus(share);
        }
        let _ = writeln!(text, " {:.2} |", all.percent());
        if number == 1 {
            harmless = all;
            refused = listed;
        }
    }
    if let Some(folder) = std::env::var_os("MISSED") {
        let folder = Path::new(&folder);
        std::fs::write(folder.join("missed.txt"), missed.join("\n")).unwrap();
        std::fs::write(folder.join("refused.txt"), refused.join("\n")).unwrap();
    }
    (text, known.plus(unseen), harmless)
}

#[test]
fn the_manual_says_how_much_is_found() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/attack-rules.md");
    let written = std::fs::read_to_string(&path).unwrap();
    let mark = "<!-- measured -->\n";
    let (before, _) = written
        .split_once(mark)
        .expect("the manual has a place for what is measured");
    let (text, found, refused) = measured();
    let expected = format!("{before}{mark}\n{}\n", text.trim_end());
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, &expected).unwrap();
    } else {
        assert!(
            written == expected,
            "docs/attack-rules.md is not what is measured; write it with UPDATE=1"
        );
    }
    assert!(
        found.percent() >= 95.0,
        "{} % of the attacks are found",
        found.percent()
    );
    assert!(
        refused.percent() <= 0.5,
        "{} % of harmless requests are refused",
        refused.percent()
    );
}
