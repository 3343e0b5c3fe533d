//! Lists of networks as an author writes them: in the file itself, or one per line in another.
//!
//! Opens no file; the bytes come from the host.

use std::collections::BTreeSet;
use std::fmt;
use std::path::PathBuf;

use adamant_filter::Cidr;
use adamant_filter::prelude::*;
use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{Deserializer, MapAccess, SeqAccess, Visitor};

/// Networks, written here or elsewhere.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(untagged)]
pub(super) enum Listed {
    /// A list of networks.
    Here(BTreeSet<Cidr>),
    /// A file with one network per line.
    InFile(Source),
}

/// A file with one network per line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Source {
    /// Path of the file, from the folder of the policy. Its bytes are part of the policy's digest.
    pub(super) file: PathBuf,
}

/// By hand, since the derived way would try one shape after the other and lose the place of a mistake.
impl<'n> Deserialize<'n> for Listed {
    fn deserialize<D: Deserializer<'n>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ListedVisitor)
    }
}

struct ListedVisitor;

impl<'n> Visitor<'n> for ListedVisitor {
    type Value = Listed;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of networks, or a mapping with the key `file`")
    }

    fn visit_seq<A: SeqAccess<'n>>(self, items: A) -> Result<Listed, A::Error> {
        BTreeSet::deserialize(SeqAccessDeserializer::new(items)).map(Listed::Here)
    }

    fn visit_map<A: MapAccess<'n>>(self, map: A) -> Result<Listed, A::Error> {
        Source::deserialize(MapAccessDeserializer::new(map)).map(Listed::InFile)
    }
}

/// A line of a list that is no network.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct WrongLine {
    /// Its number, from 1.
    pub(super) line: usize,
    /// What is wrong.
    pub(super) what: String,
    /// What was probably meant.
    pub(super) help: Option<String>,
}

/// The networks in a list with one per line.
pub(super) fn lines(bytes: &[u8]) -> Result<Vec<Cidr>, WrongLine> {
    let mut networks = Vec::new();
    for (index, line) in bytes.split(|byte| *byte == b'\n').enumerate() {
        let line_wrong = |what: String, help: Option<&str>| WrongLine {
            line: index + 1,
            what,
            help: help.map(str::to_owned),
        };
        let line = str::from_utf8(line).map_err(|_| line_wrong("this is not text".to_owned(), None))?;
        let text = line.split('#').next().unwrap_or_default().trim();
        if !text.is_empty() {
            let network = text.parse::<Cidr>();
            networks.push(network.map_err(|error| line_wrong(error.to_string(), error.help()))?);
        }
    }
    Ok(networks)
}
