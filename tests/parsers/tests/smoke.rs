//! Every parser, with its stored examples and thousands of changes to them: the same ones on each run.
//!
//! Looks for nothing new; that is what `tests/fuzz` is for. What it finds belongs into `tests/corpora`.

use std::fs;
use std::panic::catch_unwind;
use std::path::{Path, PathBuf};

use adamant_filter::trial::Heap;
use adamant_parsers::{PARSERS, Parser};

#[global_allocator]
static HEAP: Heap = Heap;

/// Changed examples for each parser.
const CHANGES: usize = 3_000;

/// Longest changed example.
const LONG: usize = 16 * 1024;

fn corpora() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../corpora")
}

/// The stored examples of a parser, in the order of their names.
fn examples(parser: &Parser) -> Vec<Vec<u8>> {
    let folder = corpora().join(parser.name);
    let entries = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut paths: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    assert!(paths.len() >= 3, "{} has too few examples", parser.name);
    paths
        .iter()
        .map(|path| fs::read(path).expect("a readable example"))
        .collect()
}

fn run(parser: &Parser, bytes: &[u8]) {
    if catch_unwind(|| (parser.run)(bytes)).is_err() {
        panic!("{}: {:?}", parser.name, String::from_utf8_lossy(bytes));
    }
}

/// Numbers without a pattern (SplitMix64).
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed >> 33) % (end.max(1) as u64)).expect("it is small")
    }

    /// An example that was cut, doubled, joined with another one, or of which a few bytes are others.
    fn change(&mut self, examples: &[Vec<u8>]) -> Vec<u8> {
        const ODD: &[u8] = b"\0\x80\xff%&=;:,.\"\\/?#[]{}()<>*~ \t\r\n'!|@-_+09aZ";
        let mut bytes = examples[self.below(examples.len())].clone();
        for _ in 0..=self.below(4) {
            let at = self.below(bytes.len() + 1);
            match self.below(6) {
                0 => bytes.truncate(at),
                1 => bytes.insert(at, ODD[self.below(ODD.len())]),
                2 if at < bytes.len() => bytes[at] = ODD[self.below(ODD.len())],
                3 if at < bytes.len() => drop(bytes.remove(at)),
                4 => {
                    let tail = bytes[at..].to_vec();
                    bytes.extend(tail);
                }
                _ => {
                    let other = &examples[self.below(examples.len())];
                    let from = self.below(other.len() + 1);
                    bytes.truncate(at);
                    bytes.extend_from_slice(&other[from..]);
                }
            }
        }
        bytes.truncate(LONG);
        bytes
    }
}

#[test]
fn every_parser_holds_for_its_examples_and_what_is_like_them() {
    for parser in PARSERS {
        let examples = examples(parser);
        let mut random = Random(7);
        examples.iter().for_each(|example| run(parser, example));
        for _ in 0..CHANGES {
            run(parser, &random.change(&examples));
        }
    }
}

/// Memory that a parser takes for an input is a count that is the same on each run: for twice the input it is about
/// twice as much, never four times.
#[test]
fn no_parser_takes_more_than_its_share_for_a_longer_input() {
    assert!(Heap::is_counting());
    for parser in PARSERS {
        for example in examples(parser).iter().filter(|example| !example.is_empty()) {
            let work = |times: usize| {
                let input = example.repeat(times);
                (parser.run)(&input);
                let before = Heap::taken();
                (parser.run)(&input);
                Heap::taken() - before
            };
            let times = (LONG / 4 / example.len()).max(1);
            let (once, four) = (work(times), work(4 * times));
            assert!(
                four <= 6 * once + 64 * 1024,
                "{}: {once} bytes for {times} times {:?}, {four} for four times as many",
                parser.name,
                String::from_utf8_lossy(example)
            );
        }
    }
}

#[test]
fn every_folder_of_examples_has_its_parser() {
    for entry in fs::read_dir(corpora()).expect("the examples").flatten() {
        let name = entry.file_name().into_string().expect("a name");
        assert!(
            adamant_parsers::parser(&name).is_some(),
            "nobody reads the examples of `{name}`"
        );
    }
}
