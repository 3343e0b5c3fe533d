//! The guide for authors (`docs/writing-filters.md`): what it quotes is what it says it quotes.
//!
//! Its complete examples are compiled and run as documentation of `adamant-filter`; the others are excerpts of files that
//! other tests build and run.
#![allow(clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// A block with its language, and the file from which it says to be.
#[derive(Debug)]
struct Block {
    language: String,
    from: Option<String>,
    text: String,
}

fn blocks(guide: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut from = None;
    let mut lines = guide.lines();
    while let Some(line) = lines.next() {
        if let Some(file) = line.strip_prefix("<!-- from: ") {
            from = file.strip_suffix(" -->").map(str::to_owned);
        } else if let Some(language) = line.strip_prefix("```") {
            let text = lines.by_ref().take_while(|line| *line != "```");
            let text: String = text.flat_map(|line| [line, "\n"]).collect();
            blocks.push(Block {
                language: language.to_owned(),
                from: from.take(),
                text,
            });
        } else if !line.is_empty() {
            from = None;
        }
    }
    blocks
}

/// Runs the command of the guide that makes the filter of the guide.
fn made(guide: &str) -> PathBuf {
    let line = guide.lines().find_map(|line| line.strip_prefix("adamant "));
    let arguments = line.expect("the guide begins with a command").split(' ');
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("guide");
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).expect("a folder for the test");
    let ended = Command::new(env!("CARGO_BIN_EXE_example-gateway"))
        .current_dir(&folder)
        .args(arguments)
        .arg("--path")
        .arg(root())
        .output()
        .expect("the program runs");
    assert!(ended.status.success(), "{ended:#?}");
    folder
}

#[test]
fn every_block_is_compiled_or_quoted_from_what_is() {
    let guide = fs::read_to_string(root().join("docs/writing-filters.md")).expect("the guide");
    let made = made(&guide);
    let blocks = blocks(&guide);
    assert!(blocks.len() > 10, "{}", blocks.len());
    for block in &blocks {
        let Some(from) = &block.from else {
            // Commands are looked at one by one below.
            let is_run = matches!(block.language.as_str(), "rust" | "sh");
            assert!(is_run, "nobody compiles or runs {block:#?}");
            continue;
        };
        let places = [made.join(from), root().join(from)];
        let file = places.iter().find_map(|place| fs::read_to_string(place).ok());
        let file = file.unwrap_or_else(|| panic!("there is no {from}"));
        assert!(file.contains(&block.text), "{from} does not hold {}", block.text);
        assert_ne!(
            block.language, "rust",
            "{from}: an excerpt is marked `rust,ignore`"
        );
    }
}

#[test]
fn the_commands_of_the_guide_are_those_of_the_new_folder() {
    let guide = fs::read_to_string(root().join("docs/writing-filters.md")).expect("the guide");
    let template = root().join("crates/adamant/templates/filter/README.md");
    let template = fs::read_to_string(template).expect("the template");
    let template = template.replace("sample-filter", "ticket");
    let blocks = blocks(&guide);
    let commands = blocks.iter().filter(|block| block.language == "sh");
    let commands: Vec<_> = commands.flat_map(|block| block.text.lines()).collect();
    assert_eq!(commands.first(), Some(&"adamant new-filter ticket"));
    for command in commands.iter().skip(1) {
        assert!(template.lines().any(|line| line.trim() == *command), "{command}");
    }
}
