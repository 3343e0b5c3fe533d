//! `schema`: lets pass bodies of JSON that fit a JSON Schema.
//!
//! Changes nothing. Tells where a body does not fit, and never a value of it.

pub(crate) mod compiled;
mod config;

use std::path::Path;

use adamant_filter::prelude::*;
use adamant_filter::serde_json::{self, Value};

use self::compiled::{Compiled, Document, Formats};
use self::config::SchemaConfig;
use crate::gate::{CODED, CODING, DECODED_TOO_LONG, EMPTY, Gate, IN_PIECES, MEDIA_TYPE};
use crate::json::limits::Limits;
use crate::json::scanner::Scanner;
use crate::json::{self, CHARSET, WRONG_HEADS};
use crate::media::CONTENT_TYPE_WRONG;

/// The filter.
#[derive(Debug)]
pub(crate) struct Schema {
    gate: Gate,
    limits: Limits,
    compiled: Compiled,
    /// Why JSON that does not fit is refused.
    reason: &'static Reason,
}

impl Filter for Schema {
    const NAME: &'static str = "schema";
    const ROLE: Role = Role::Guard;
    const REASONS: &'static [&'static Reason] = &[
        &MEDIA_TYPE,
        &CONTENT_TYPE_WRONG,
        &CODED,
        &CODING,
        &DECODED_TOO_LONG,
        &CHARSET,
        &EMPTY,
        &IN_PIECES,
        &Self::STRUCTURE,
        &Self::MISMATCH,
        &Self::BAD_REQUEST,
    ];
    type Config = SchemaConfig;

    fn build(config: SchemaConfig, boot: &mut Boot<'_>) -> Result<Self, Problem> {
        config.check()?;
        let schema = load(&config.file, "file", boot)?;
        let others: Result<Vec<_>, _> = config
            .references
            .iter()
            .map(|path| load(path, "references", boot))
            .collect();
        let formats = if config.formats {
            Formats::All
        } else {
            Formats::Ignored
        };
        let compiled = Compiled::new(schema, others?, formats).map_err(|error| {
            let name = config.file.display();
            Problem::at(
                "file",
                format!("`{name}` is not a schema of draft 2020-12 that can be compiled: {error}"),
            )
        })?;
        let limits = Limits::default();
        boot.buffer_request(config.body_at_most);
        boot.reserve("names of one body", limits.memory());
        Ok(Self {
            gate: Gate::new(
                boot,
                (config.other, config.empty),
                WRONG_HEADS,
                config.decoded_at_most,
            ),
            limits,
            compiled,
            reason: if config.status == 400 {
                &Self::BAD_REQUEST
            } else {
                &Self::MISMATCH
            },
        })
    }

    fn hooks(&self, hooks: Hooks<Self>) -> Hooks<Self> {
        hooks
            .request(Self::check_head)
            .request_body(Self::check_body)
            .attempt(Self::check_no_body)
    }
}

impl Schema {
    const STRUCTURE: Reason = Reason::new("structure", 400, "the body is not JSON that is accepted");
    const MISMATCH: Reason = Reason::new("mismatch", 422, "the body does not fit its schema");
    const BAD_REQUEST: Reason = Reason::new("bad-request", 400, "the body does not fit its schema");

    fn check_head(&self, request: &mut Request) -> Verdict {
        self.gate.head(request, json::kind(request))
    }

    fn check_body(&self, request: &mut Request, chunk: &mut Chunk) -> Verdict {
        self.gate.body(request, chunk, |_, chunk| {
            if let Err(wrong) = Scanner::judge(&self.limits, chunk.data()) {
                let place = Place::Offset(wrong.offset);
                return Self::STRUCTURE.deny_at(Details::of(place, wrong.reason.code()));
            }
            // The tree is on the heap and as large as the body: a schema looks at a value from several sides.
            let Ok(value) = serde_json::from_slice::<Value>(chunk.data()) else {
                return Self::STRUCTURE.deny();
            };
            match self.compiled.judge(&value) {
                Ok(()) => Verdict::Pass,
                Err(details) => self.reason.deny_at(details),
            }
        })
    }

    fn check_no_body(&self, attempt: &mut Attempt<'_>) -> Result<(), Fault> {
        self.gate.attempt(attempt)
    }
}

/// Reads a schema, and tells the URI that it has: its `$id`, or its path.
fn load(path: &Path, key: &'static str, boot: &mut Boot<'_>) -> Result<Document, Problem> {
    let bytes = boot.file(path)?;
    let wrong = |what: String| Problem::at(key, format!("`{}` {what}", path.display()));
    let generous = Limits {
        depth: 100,
        members: 100_000,
        name: 64 * 1024,
        items: 1_000_000,
        string: 1 << 20,
        values: 1_000_000,
        ..Limits::default()
    };
    Scanner::judge(&generous, &bytes).map_err(|error| {
        wrong(format!(
            "is not JSON with one reading: {} at byte {}",
            error.reason.text(),
            error.offset
        ))
    })?;
    let value: Value =
        serde_json::from_slice(&bytes).map_err(|error| wrong(format!("is not JSON: {error}")))?;
    if !matches!(value, Value::Object(_) | Value::Bool(_)) {
        return Err(wrong("is not a schema".to_owned()));
    }
    let id = value.get("$id").and_then(Value::as_str);
    let uri = id.map_or_else(|| uri_of(path), |id| id.trim_end_matches('#').to_owned());
    Ok((uri, value))
}

/// The URI of a file of the policy. It stands for its place in the policy's folder, and is never opened.
pub(crate) fn uri_of(path: &Path) -> String {
    let mut uri = "file://".to_owned();
    for part in path.components() {
        if let std::path::Component::Normal(part) = part {
            uri.push('/');
            for byte in part.as_encoded_bytes() {
                if byte.is_ascii_alphanumeric() || b"-._~".contains(byte) {
                    uri.push(char::from(*byte));
                } else {
                    uri += &format!("%{byte:02X}");
                }
            }
        }
    }
    uri
}

#[cfg(test)]
mod tests;
