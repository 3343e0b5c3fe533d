//! Changes of one direction: as they are written, and checked and compiled.
//!
//! Knows no head: which fields change is settled here, the filter applies it.

use std::collections::BTreeMap;

use adamant_filter::prelude::*;
use serde::Serializer;

/// Changes in one direction, applied as `remove`, `set`, `add`.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Changes {
    /// Fields that get this one value, whatever was there. Example: `{ x-frame-options: DENY }`
    #[serde(
        default,
        skip_serializing_if = "BTreeMap::is_empty",
        serialize_with = "lower_case_keys"
    )]
    set: BTreeMap<String, String>,
    /// Fields that get one value more, beside those that are there. Example: `{ vary: origin }`
    #[serde(
        default,
        skip_serializing_if = "BTreeMap::is_empty",
        serialize_with = "lower_case_keys"
    )]
    add: BTreeMap<String, String>,
    /// Fields that are taken away. A `*` at the end stands for any rest. Example: `[server, x-internal-*]`
    #[serde(default, skip_serializing_if = "Vec::is_empty", serialize_with = "lower_case")]
    remove: Vec<String>,
}

/// Names of fields have no case, so the canonical form has none.
pub(super) fn lower_case_keys<S: Serializer>(
    fields: &BTreeMap<String, String>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    let fields: BTreeMap<_, _> = fields
        .iter()
        .map(|(name, value)| (name.to_ascii_lowercase(), value))
        .collect();
    fields.serialize(serializer)
}

/// The order of removals means nothing.
fn lower_case<S: Serializer>(names: &[String], serializer: S) -> Result<S::Ok, S::Error> {
    let mut names: Vec<_> = names.iter().map(|name| name.to_ascii_lowercase()).collect();
    names.sort_unstable();
    names.serialize(serializer)
}

/// Which messages are changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Direction {
    Request,
    Response,
}

impl Direction {
    const fn key(self) -> &'static str {
        match self {
            Self::Request => "request",
            Self::Response => "response",
        }
    }
}

/// Fields that frame a message, name its host or belong to one connection (RFC 9110 §7.6.1, RFC 9112 §6,
/// RFC 9113 §8.2.2). Changing one would make two readers of the same message.
const FRAMING: [&str; 14] = [
    "connection",
    "content-length",
    "expect",
    "host",
    "http2-settings",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authentication-info",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

pub(super) fn is_framing(name: &str) -> bool {
    FRAMING.contains(&name)
}

/// Fields of requests that the gateway writes after all filters, so that a change would have no effect.
const OURS: [&str; 6] = [
    "forwarded",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-port",
    "x-forwarded-proto",
    "x-request-id",
];

/// Fields of requests whose value would be a secret in the file.
const CREDENTIALS: [&str; 2] = ["authorization", "cookie"];

/// Checked changes of one direction.
#[derive(Debug, Default)]
pub(super) struct Plan {
    pub(super) remove: Box<[HeaderName]>,
    pub(super) set: Box<[(HeaderName, HeaderValue)]>,
    pub(super) add: Box<[(HeaderName, HeaderValue)]>,
    /// Beginnings of names that are removed.
    prefixes: Box<[Box<str>]>,
}

impl Plan {
    pub(super) fn of(changes: &Changes, direction: Direction) -> Result<Self, Problem> {
        let (mut remove, mut prefixes) = (Vec::new(), Vec::new());
        for (index, name) in changes.remove.iter().enumerate() {
            let path = format!("{}.remove[{index}]", direction.key());
            match name.strip_suffix('*') {
                Some(prefix) => prefixes.push(checked_prefix(&path, prefix)?),
                None => remove.push(checked_name(&path, name, direction)?),
            }
        }
        let set = fields(&changes.set, "set", direction)?;
        if let Some((name, _)) = set.iter().find(|(name, _)| remove.contains(name)) {
            let path = format!("{}.remove", direction.key());
            return Err(Problem::at(&path, format!("`set` replaces `{name}` anyway")));
        }
        let add = fields(&changes.add, "add", direction)?;
        Ok(Self {
            remove: remove.into(),
            set,
            add,
            prefixes: prefixes.into(),
        })
    }

    pub(super) fn is_empty(&self) -> bool {
        self.remove.is_empty() && self.prefixes.is_empty() && self.set.is_empty() && self.add.is_empty()
    }

    pub(super) fn removes(&self, name: &HeaderName) -> bool {
        self.remove.contains(name)
    }

    pub(super) fn has_prefixes(&self) -> bool {
        !self.prefixes.is_empty()
    }

    pub(super) fn removes_by_prefix(&self, name: &HeaderName) -> bool {
        self.prefixes
            .iter()
            .any(|prefix| name.as_str().starts_with(&**prefix))
    }
}

type CheckedFields = Box<[(HeaderName, HeaderValue)]>;

fn fields(
    written: &BTreeMap<String, String>,
    key: &str,
    direction: Direction,
) -> Result<CheckedFields, Problem> {
    let mut fields: Vec<(HeaderName, HeaderValue)> = Vec::with_capacity(written.len());
    for (name, value) in written {
        let path = format!("{}.{key}.{name}", direction.key());
        let name = checked_name(&path, name, direction)?;
        if fields.iter().any(|(other, _)| *other == name) {
            return Err(Problem::at(
                &path,
                format!("`{name}` stands here twice, since names have no case"),
            ));
        }
        if direction == Direction::Request && CREDENTIALS.contains(&name.as_str()) {
            return Err(Problem::at(&path, format!("the value of `{name}` is a secret")).hidden());
        }
        fields.push((name, checked_value(&path, value)?));
    }
    Ok(fields.into())
}

fn checked_name(path: &str, text: &str, direction: Direction) -> Result<HeaderName, Problem> {
    let name = parsed_name(path, text)?;
    if name == "host" && direction == Direction::Request {
        let problem = Problem::at(path, "the host is not changed by a filter");
        return Err(problem.with_help("write `rewrite: { host: NAME }` on the route"));
    }
    if FRAMING.contains(&name.as_str()) {
        return Err(Problem::at(
            path,
            format!("`{name}` belongs to the connection and cannot be changed"),
        ));
    }
    if OURS.contains(&name.as_str()) && direction == Direction::Request {
        return Err(Problem::at(
            path,
            format!("`{name}` is written by the gateway itself"),
        ));
    }
    Ok(name)
}

/// A beginning of names. It may cover fields that the gateway writes: what a client sent under them goes.
pub(super) fn checked_prefix(path: &str, prefix: &str) -> Result<Box<str>, Problem> {
    if prefix.is_empty() {
        return Err(Problem::at(path, "a bare `*` would take away every field"));
    }
    let name = parsed_name(path, prefix)?;
    if let Some(covered) = FRAMING.iter().find(|field| field.starts_with(name.as_str())) {
        return Err(Problem::at(
            path,
            format!("`{name}*` covers `{covered}`, which cannot be changed"),
        ));
    }
    Ok(name.as_str().into())
}

/// RFC 9110 §5.6.2 lets a name have a `*`; nobody's has, and here it means something else.
pub(super) fn parsed_name(path: &str, text: &str) -> Result<HeaderName, Problem> {
    if text.contains('*') {
        let problem = Problem::at(path, format!("`{text}` has a `*` where none may stand"));
        return Err(problem.with_help("in `remove`, one `*` may stand at the end, such as `x-internal-*`"));
    }
    HeaderName::try_from(text)
        .map_err(|_| Problem::at(path, format!("`{text}` is not the name of a header field")))
}

fn checked_value(path: &str, text: &str) -> Result<HeaderValue, Problem> {
    if text.trim() != text {
        return Err(Problem::at(path, "a value neither begins nor ends with a blank"));
    }
    HeaderValue::from_str(text).map_err(|_| {
        Problem::at(
            path,
            "a value of a header field has only printable ASCII characters",
        )
    })
}
