//! `observe:` what is written down about every exchange.

use std::path::PathBuf;
use std::sync::Arc;

use adamant_filter::{Node, Problem, ShortOrLong, Span, Spanned};
use schemars::JsonSchema;
use serde::Deserialize;

use super::Context;
use super::field::header_name;
use crate::config::{AccessLog, LogTarget, Observe};

/// What is written down about every exchange.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct ObserveEntry {
    /// One line for each exchange, written off the request path.
    access_log: Option<AccessLogEntry>,
}

/// The access log.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct AccessLogEntry {
    /// `stdout`, or `{ file: path }`. A file is opened anew when it was renamed or removed.
    to: ShortOrLong<Stdout, FileEntry>,
    /// Form of a line. Default: `json`.
    #[expect(dead_code, reason = "there is one form, and the file says which")]
    format: Option<Format>,
    /// Request header fields that are written beside what every line has.
    #[serde(default)]
    fields: Vec<Spanned<String>>,
    /// Request header fields whose value is replaced, beside `authorization`, `cookie` and
    /// `proxy-authorization`, whose values are never written.
    #[serde(default)]
    redact: Vec<Spanned<String>>,
    /// Lines that may wait for the writer; more are dropped and counted. Default: 8192.
    #[schemars(range(min = 16, max = 1_000_000))]
    queue: Option<u32>,
}

#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
enum Stdout {
    /// Standard output.
    Stdout,
}

/// A log file.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct FileEntry {
    /// Path of the file, relative to the folder of `gateway.yaml`.
    #[schemars(with = "String", length(min = 1))]
    file: PathBuf,
}

#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
enum Format {
    /// One JSON object a line.
    Json,
}

/// Fields that carry credentials.
const CREDENTIALS: [&str; 3] = ["authorization", "cookie", "proxy-authorization"];

pub(super) fn read(node: &Node, context: &mut Context<'_>) -> Option<Observe> {
    let entry: ObserveEntry = context.read(node)?;
    let span = node
        .entry("access-log")
        .map_or(Span::NOWHERE, |entry| entry.key_span);
    let access_log = entry.access_log.map(|log| {
        let fields = names(&log.fields, context);
        let mut redact = names(&log.redact, context);
        redact.extend(CREDENTIALS.map(Arc::from));
        redact.sort_unstable();
        redact.dedup();
        AccessLog {
            to: match log.to {
                ShortOrLong::Short(Stdout::Stdout) => LogTarget::Stdout,
                ShortOrLong::Long(FileEntry { file }) => LogTarget::File(file),
            },
            fields,
            redact,
            queue: log.queue.unwrap_or(8192),
            span,
        }
    });
    Some(Observe { access_log })
}

/// Header field names in lower case, each once, sorted.
fn names(written: &[Spanned<String>], context: &mut Context<'_>) -> Vec<Arc<str>> {
    let mut names: Vec<Arc<str>> = Vec::with_capacity(written.len());
    for name in written {
        let known = header_name(name).ok_or_else(|| {
            let message = format!("`{}` is not a header field name", name.value);
            Problem::new("values.field", message).with_span(name.span)
        });
        let Some(known) = context.keep(known) else {
            continue;
        };
        if names.contains(&known) {
            let problem = Problem::new("values.duplicate", format!("`{known}` is written twice"));
            context.tell(problem.with_span(name.span));
            continue;
        }
        names.push(known);
    }
    names.sort_unstable();
    names
}
