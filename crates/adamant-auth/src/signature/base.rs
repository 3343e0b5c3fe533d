//! The signature base (RFC 9421 §2.5): what is signed, made again from the request that has come.
//!
//! A component that cannot be made as the signer made it is refused, never left out.

use std::collections::BTreeSet;

use adamant_filter::prelude::*;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sfv::{BareItem, Dictionary, InnerList, Item, ItemSerializer, ListEntry, ListSerializer, Parser};

use super::input::has_each_once;
use super::query;
use super::reason::{
    COMPONENT_MISSING, COMPONENT_SEVERAL, COMPONENT_UNKNOWN, COMPONENT_UNSUPPORTED, DUPLICATE_COMPONENT,
    MALFORMED, NOT_COVERED,
};

/// Most components that a signature may cover.
const COMPONENTS_MAX: usize = 32;

/// Longest field of which a member is covered, and longest query of which a parameter is. They are read for each of
/// these, before anything is proved.
const READ_MAX: usize = 4 * 1024;

/// Components of RFC 9421 §2.2 that a request has as a whole.
const DERIVED: [&str; 7] = [
    "@method",
    "@target-uri",
    "@authority",
    "@scheme",
    "@request-target",
    "@path",
    "@query",
];

/// Components that imply others.
const IMPLIED: [(&str, &[&str]); 2] = [
    (
        "@target-uri",
        &["@authority", "@scheme", "@request-target", "@path", "@query"],
    ),
    ("@request-target", &["@path", "@query"]),
];

/// What a signature must cover.
#[derive(Debug)]
pub(super) struct Cover(Box<[Box<str>]>);

impl Cover {
    /// Refuses components that no request has, and a list that leaves open what is asked for.
    pub(super) fn new(names: &BTreeSet<String>) -> Result<Self, Problem> {
        for (index, name) in names.iter().enumerate() {
            let is_known = DERIVED.contains(&name.as_str()) || field_name(name).is_some();
            if !is_known {
                let message = format!("`{name}` is not a component of a request");
                return Err(Problem::at(&format!("cover[{index}]"), message)
                    .with_help("use `@method`, `@path` and the like, or a header field in lower case"));
            }
        }
        let has = |name: &str| names.contains(name);
        if !has("@method") || !(has("@path") || has("@request-target") || has("@target-uri")) {
            return Err(
                Problem::at("cover", "such a signature could be moved to another request")
                    .with_help("add `@method`, and `@path`, `@request-target` or `@target-uri`"),
            );
        }
        Ok(Self(names.iter().map(|name| name.as_str().into()).collect()))
    }

    /// Whether a signature covers all of it, without parameters that would change what is covered.
    pub(super) fn check(&self, covered: &InnerList) -> Result<(), &'static Reason> {
        let covers = |wanted: &str| {
            let implies = |name: &str| {
                let implied = IMPLIED.iter().find(|(one, _)| *one == name);
                name == wanted || implied.is_some_and(|(_, others)| others.contains(&wanted))
            };
            let plain = covered.items.iter().filter(|item| item.params.is_empty());
            plain.filter_map(name_of).any(implies)
        };
        if self.0.iter().all(|wanted| covers(wanted)) {
            Ok(())
        } else {
            Err(&NOT_COVERED)
        }
    }
}

/// Whether a component is covered as a whole.
pub(super) fn is_covered(covered: &InnerList, name: &str) -> bool {
    let mut plain = covered.items.iter().filter(|item| item.params.is_empty());
    plain.any(|item| name_of(item) == Some(name))
}

/// What was signed, if the request is the one that was signed.
pub(super) fn base(request: &Request, covered: &InnerList) -> Result<Vec<u8>, &'static Reason> {
    if covered.items.len() > COMPONENTS_MAX {
        return Err(&COMPONENT_UNSUPPORTED);
    }
    let mut base = Vec::with_capacity(512);
    let mut seen = BTreeSet::new();
    for item in &covered.items {
        let name = name_of(item).ok_or(&MALFORMED)?;
        let identifier = ItemSerializer::new()
            .bare_item(&item.bare_item)
            .parameters(&item.params)
            .finish();
        base.extend(identifier.as_bytes());
        base.extend(b": ");
        append(&mut base, request, name, item)?;
        base.push(b'\n');
        if !seen.insert(identifier) {
            return Err(&DUPLICATE_COMPONENT);
        }
    }
    let parameters = list_text(covered).ok_or(&MALFORMED)?;
    base.extend(b"\"@signature-params\": ");
    base.extend(parameters.as_bytes());
    // RFC 9421 §2.1: a signature base is ASCII; other bytes must be covered with `;bs`.
    if base.is_ascii() {
        Ok(base)
    } else {
        Err(&COMPONENT_UNSUPPORTED)
    }
}

fn name_of(item: &Item) -> Option<&str> {
    item.bare_item.as_string().map(sfv::StringRef::as_str)
}

/// Field names stand in lower case (RFC 9421 §2.1).
fn field_name(name: &str) -> Option<HeaderName> {
    let is_lower = !name.bytes().any(|byte| byte.is_ascii_uppercase());
    HeaderName::try_from(name).ok().filter(|_| is_lower)
}

/// Adds the value of one component. Of the parameters of RFC 9421 §2.1, `sf` needs to know how each field is
/// structured, `req` and `tr` mean other messages: none of them is guessed at.
fn append(base: &mut Vec<u8>, request: &Request, name: &str, item: &Item) -> Result<(), &'static Reason> {
    let mut parameters = item.params.iter().map(|(name, value)| (name.as_str(), value));
    let parameter = match (parameters.next(), parameters.next()) {
        (parameter, None) => parameter,
        (_, Some(_)) => return Err(&COMPONENT_UNSUPPORTED),
    };
    if name.starts_with('@') {
        return match (name, parameter) {
            ("@query-param", Some(("name", BareItem::String(name)))) => {
                let query = request.query().unwrap_or_default();
                if query.len() > READ_MAX {
                    return Err(&COMPONENT_UNSUPPORTED);
                }
                base.extend(query::parameter(query, name.as_str())?.bytes());
                Ok(())
            }
            (_, None) => derived(base, request, name),
            (_, Some(_)) if name == "@query-param" || DERIVED.contains(&name) => Err(&COMPONENT_UNSUPPORTED),
            (_, Some(_)) => Err(&COMPONENT_UNKNOWN),
        };
    }
    let field = field_name(name).ok_or(&COMPONENT_UNKNOWN)?;
    if request.header(&field).is_none() {
        return Err(&COMPONENT_MISSING);
    }
    let lines = request.headers().filter(|(name, _)| **name == field);
    let lines = lines.map(|(_, value)| value.as_bytes().trim_ascii());
    match parameter {
        None => join(base, lines),
        Some(("bs", BareItem::Boolean(true))) => {
            let encoded: Vec<String> = lines.map(|line| format!(":{}:", STANDARD.encode(line))).collect();
            join(base, encoded.iter().map(String::as_bytes));
        }
        Some(("key", BareItem::String(key))) => {
            let mut value = Vec::new();
            join(&mut value, lines);
            base.extend(member(&value, key.as_str())?.bytes());
        }
        Some(_) => return Err(&COMPONENT_UNSUPPORTED),
    }
    Ok(())
}

fn join<'l>(base: &mut Vec<u8>, lines: impl Iterator<Item = &'l [u8]>) {
    for (number, line) in lines.enumerate() {
        if number > 0 {
            base.extend(b", ");
        }
        base.extend(line);
    }
}

/// Components that are not fields (RFC 9421 §2.2).
fn derived(base: &mut Vec<u8>, request: &Request, name: &str) -> Result<(), &'static Reason> {
    match name {
        "@method" => base.extend(request.method().as_str().bytes()),
        "@authority" => base.extend(authority(request).bytes()),
        "@scheme" => base.extend(scheme(request).bytes()),
        "@path" => base.extend(request.path().bytes()),
        "@query" => {
            base.push(b'?');
            base.extend(request.query().unwrap_or_default().bytes());
        }
        "@request-target" => target(base, request),
        "@target-uri" => {
            base.extend(scheme(request).bytes());
            base.extend(b"://");
            base.extend(authority(request).bytes());
            target(base, request);
        }
        _ => return Err(&COMPONENT_UNKNOWN),
    }
    Ok(())
}

fn target(base: &mut Vec<u8>, request: &Request) {
    base.extend(request.path().bytes());
    if let Some(query) = request.query() {
        base.push(b'?');
        base.extend(query.bytes());
    }
}

fn scheme(request: &Request) -> &'static str {
    if request.tls().is_some() { "https" } else { "http" }
}

/// Host and port as they were asked for, in the form in which they are signed: lower case, without the port
/// that the scheme has anyway (RFC 9421 §2.2.3).
fn authority(request: &Request) -> String {
    let authority = request.authority().to_ascii_lowercase();
    let own = if request.tls().is_some() { ":443" } else { ":80" };
    let without = authority
        .strip_suffix(own)
        .or_else(|| authority.strip_suffix(':'));
    without.map_or_else(|| authority.clone(), str::to_owned)
}

/// The member of a field that is a dictionary (RFC 9421 §2.1.2).
fn member(value: &[u8], key: &str) -> Result<String, &'static Reason> {
    if value.len() > READ_MAX {
        return Err(&COMPONENT_UNSUPPORTED);
    }
    let read: Dictionary = Parser::new(value).parse().map_err(|_| &COMPONENT_UNSUPPORTED)?;
    if !has_each_once(value) {
        return Err(&COMPONENT_SEVERAL);
    }
    match read.get(key) {
        None => Err(&COMPONENT_MISSING),
        Some(ListEntry::Item(item)) => Ok(ItemSerializer::new()
            .bare_item(&item.bare_item)
            .parameters(&item.params)
            .finish()),
        Some(ListEntry::InnerList(list)) => list_text(list).ok_or(&COMPONENT_UNSUPPORTED),
    }
}

/// An inner list in its canonical spelling.
fn list_text(list: &InnerList) -> Option<String> {
    let mut text = ListSerializer::new();
    let mut inner = text.inner_list();
    inner.items(&list.items);
    inner.finish().parameters(&list.params);
    text.finish()
}
