//! Feeds made-up bytes to one parser, which the variable `PARSER` names.
#![no_main]

use std::sync::LazyLock;

use adamant_parsers::{PARSERS, Parser, parser};
use libfuzzer_sys::fuzz_target;

static CHOSEN: LazyLock<&'static Parser> = LazyLock::new(|| {
    let name = std::env::var("PARSER").unwrap_or_default();
    parser(&name).unwrap_or_else(|| {
        let names: Vec<_> = PARSERS.iter().map(|parser| parser.name).collect();
        panic!("PARSER={name} is none of {}", names.join(", "))
    })
});

fuzz_target!(|bytes: &[u8]| (CHOSEN.run)(bytes));
