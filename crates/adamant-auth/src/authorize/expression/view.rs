//! A request and its identity as the names of an expression.
//!
//! Only what an expression names is read. A field or parameter that occurs twice has no value: whoever decides
//! by one of two values decides for a receiver that may take the other.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;

use adamant_filter::prelude::*;
use adamant_filter::serde_json;
use cel::ExecutionError;
use cel::common::traits::{Container, Indexer};
use cel::common::types::{
    CelBool, CelDouble, CelInt, CelList, CelMap, CelMapKey, CelNull, CelString, CelUInt,
};
use cel::common::types::{MAP_TYPE, Type};
use cel::common::value::{CowVal, Val};
use cel::context::VariableResolver;

use crate::escape::decoded;

/// What an expression may look at.
pub(super) struct View<'r> {
    pub(super) request: &'r Request,
    pub(super) identity: &'r Identity,
}

impl VariableResolver for View<'_> {
    fn resolve<'b>(&'b self, name: &str) -> Option<CowVal<'b, 'b>> {
        let (request, identity) = (self.request, self.identity);
        let text = |text: &'b str| CowVal::owned(CelString::from(text));
        Some(match name {
            "request.method" => text(request.method().as_str()),
            "request.path" => text(request.path()),
            "request.host" => text(request.host()),
            "request.client" => CowVal::owned(CelString::from(request.client().to_string())),
            "request.headers" => CowVal::owned(Table::Headers(request)),
            "request.query" => CowVal::owned(Table::Query(request)),
            "path" => CowVal::owned(Table::Captures(request)),
            "identity.consumer" => text(identity.consumer()),
            "identity.method" => text(identity.method()),
            "identity.plan" => text(identity.plan().unwrap_or_default()),
            "identity.scopes" => list(identity.scopes()),
            "identity.groups" => list(identity.groups()),
            "identity.claims" => CowVal::owned(Table::Claims(identity)),
            _ => return None,
        })
    }
}

fn list<'b>(items: impl Iterator<Item = &'b str>) -> CowVal<'b, 'b> {
    let items: Vec<Box<dyn Val + 'b>> = items
        .map(|item| Box::new(CelString::from(item)) as Box<dyn Val + 'b>)
        .collect();
    CowVal::owned(CelList::from(items))
}

/// Values by name, looked up when they are asked for.
#[derive(Clone, Copy)]
enum Table<'r> {
    Headers(&'r Request),
    Query(&'r Request),
    Captures(&'r Request),
    Claims(&'r Identity),
}

/// Contents may be secrets.
impl fmt::Debug for Table<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Table")
    }
}

/// What a table has under a name.
enum Found<'r> {
    Nothing,
    Text(Cow<'r, str>),
    Claim(&'r serde_json::Value),
    /// More than one value, or one that is no text.
    Unclear,
}

impl<'r> Table<'r> {
    fn find(self, name: &str) -> Found<'r> {
        match self {
            Self::Headers(request) => header(request, name),
            Self::Query(request) => parameter(request.query().unwrap_or_default(), name),
            Self::Captures(request) => request
                .capture(name)
                .map_or(Found::Nothing, |text| text_of(Cow::Borrowed(text))),
            Self::Claims(identity) => identity.claim(name).map_or(Found::Nothing, Found::Claim),
        }
    }

    fn value<'v>(self, key: &dyn Val) -> Result<Box<dyn Val + 'v>, ExecutionError>
    where
        'r: 'v,
    {
        let name = name_of(key)?;
        match self.find(name) {
            Found::Text(text) => Ok(Box::new(CelString::from(text))),
            Found::Claim(claim) => Ok(claim_value(claim)),
            Found::Nothing => Err(ExecutionError::no_such_key(name)),
            Found::Unclear => Err(unclear()),
        }
    }
}

fn name_of(key: &dyn Val) -> Result<&str, ExecutionError> {
    let name = key.downcast_ref::<CelString<'_>>().map(CelString::inner);
    name.ok_or_else(|| ExecutionError::UnexpectedType {
        got: key.get_type().name().to_owned(),
        want: "string".to_owned(),
    })
}

fn unclear() -> ExecutionError {
    ExecutionError::InternalError("more than one value, or none that is text".to_owned())
}

fn header<'r>(request: &'r Request, name: &str) -> Found<'r> {
    let Ok(name) = HeaderName::try_from(name) else {
        return Found::Nothing;
    };
    match request.single(&name) {
        Single::Absent => Found::Nothing,
        Single::Several => Found::Unclear,
        Single::One(value) => match str::from_utf8(value.as_bytes()) {
            Ok(text) => Found::Text(Cow::Borrowed(text)),
            Err(_) => Found::Unclear,
        },
    }
}

/// Names are decoded as values are: `%69d=7` is `id=7` for whoever reads the query.
fn parameter<'r>(query: &'r str, name: &str) -> Found<'r> {
    let mut found = Found::Nothing;
    for pair in query.split('&') {
        let (written, value) = pair.split_once('=').unwrap_or((pair, ""));
        if !decoded_form(written).eq(name.bytes()) {
            continue;
        }
        if !matches!(found, Found::Nothing) {
            return Found::Unclear;
        }
        found = if value.contains('+') {
            text_of(Cow::Owned(value.replace('+', " ")))
        } else {
            text_of(Cow::Borrowed(value))
        };
    }
    found
}

/// In forms a blank is written `+`; an escaped plus sign is one.
fn decoded_form(text: &str) -> impl Iterator<Item = u8> {
    let mut parts = text.split('+').map(decoded);
    let mut part = parts.next();
    std::iter::from_fn(move || {
        if let Some(byte) = part.as_mut()?.next() {
            return Some(byte);
        }
        part = parts.next();
        part.is_some().then_some(b' ')
    })
}

fn text_of(written: Cow<'_, str>) -> Found<'_> {
    if !written.contains('%') {
        return Found::Text(written);
    }
    match String::from_utf8(decoded(&written).collect()) {
        Ok(text) => Found::Text(Cow::Owned(text)),
        Err(_) => Found::Unclear,
    }
}

/// A claim in the language. Its size is that of the credential, which is bounded.
fn claim_value<'v>(claim: &'v serde_json::Value) -> Box<dyn Val + 'v> {
    match claim {
        serde_json::Value::Null => Box::new(CelNull),
        serde_json::Value::Bool(truth) => Box::new(CelBool::from(*truth)),
        serde_json::Value::Number(number) => match (number.as_i64(), number.as_u64()) {
            (Some(number), _) => Box::new(CelInt::from(number)),
            (None, Some(number)) => Box::new(CelUInt::from(number)),
            (None, None) => Box::new(CelDouble::from(number.as_f64().unwrap_or(f64::NAN))),
        },
        serde_json::Value::String(text) => Box::new(CelString::from(text.as_str())),
        serde_json::Value::Array(items) => {
            let items: Vec<Box<dyn Val + 'v>> = items.iter().map(claim_value).collect();
            Box::new(CelList::from(items))
        }
        serde_json::Value::Object(members) => {
            let members: HashMap<CelMapKey<'v>, Box<dyn Val + 'v>> = members
                .iter()
                .map(|(name, value)| (CelMapKey::from(name.as_str()), claim_value(value)))
                .collect();
            Box::new(CelMap::from(members))
        }
    }
}

impl<'r> Val for Table<'r> {
    fn get_type(&self) -> &Type {
        Self::cel_type()
    }

    fn cel_type() -> &'static Type {
        static TABLE: Type = MAP_TYPE;
        &TABLE
    }

    fn as_container(&self) -> Option<&dyn Container> {
        Some(self)
    }

    fn as_indexer<'b, 'v>(&'b self) -> Option<&'b (dyn Indexer + 'v)>
    where
        Self: 'v,
    {
        Some(self)
    }

    fn clone_as_boxed<'v>(&self) -> Box<dyn Val + 'v>
    where
        Self: 'v,
    {
        Box::new(*self)
    }
}

impl Container for Table<'_> {
    fn contains(&self, key: &dyn Val) -> Result<bool, ExecutionError> {
        match self.find(name_of(key)?) {
            Found::Nothing => Ok(false),
            Found::Text(_) | Found::Claim(_) => Ok(true),
            Found::Unclear => Err(unclear()),
        }
    }
}

impl Indexer for Table<'_> {
    fn get<'b, 'v>(&'b self, key: &dyn Val) -> Result<CowVal<'b, 'v>, ExecutionError>
    where
        Self: 'v,
    {
        self.value(key).map(CowVal::Owned)
    }

    fn steal<'v>(self: Box<Self>, key: &dyn Val) -> Result<Box<dyn Val + 'v>, ExecutionError>
    where
        Self: 'v,
    {
        self.value(key)
    }
}
