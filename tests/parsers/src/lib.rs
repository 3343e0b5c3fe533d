//! Every parser that the network or a file feeds, as one table: a name, and what must hold for any bytes.
//!
//! A new parser is one line in [`PARSERS`] and a folder of that name in `tests/corpora/`. Fuzzers and smoke tests run
//! the table; nothing here makes up bytes.

mod credentials;
mod policies;
mod targets;

/// A parser with what must hold for whatever it is given.
#[derive(Clone, Copy, Debug)]
pub struct Parser {
    /// Its name, and that of its folder of examples.
    pub name: &'static str,
    /// Parses, and panics when something does not hold.
    pub run: fn(&[u8]),
}

/// All of them.
pub const PARSERS: &[Parser] = &[
    Parser {
        name: "path",
        run: targets::path,
    },
    Parser {
        name: "query",
        run: targets::query,
    },
    Parser {
        name: "forwarded",
        run: targets::forwarded,
    },
    Parser {
        name: "host",
        run: targets::host,
    },
    Parser {
        name: "yaml",
        run: policies::yaml,
    },
    Parser {
        name: "pattern",
        run: policies::pattern,
    },
    Parser {
        name: "units",
        run: policies::units,
    },
    Parser {
        name: "jwt",
        run: credentials::jwt,
    },
    Parser {
        name: "basic",
        run: credentials::basic,
    },
    Parser {
        name: "cookie",
        run: credentials::cookie,
    },
    Parser {
        name: "signature",
        run: credentials::signature,
    },
];

/// The parser of this name.
#[must_use]
pub fn parser(name: &str) -> Option<&'static Parser> {
    PARSERS.iter().find(|parser| parser.name == name)
}
