//! Filters in name and configuration only, for tests that load files without linking a filter.

use std::collections::BTreeMap;

use adamant_filter::{
    Cidr, Form, Node, OneOrMany, Period, Problems, Rate, Role, SecretRef, Size, decode_with, schema_of,
};
use adamant_policy::Words;
use schemars::{JsonSchema, Schema};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The words of the language's example.
pub(crate) struct Toys {
    words: BTreeMap<&'static str, Toy>,
}

struct Toy {
    schema: fn() -> Schema,
    canonical: fn(&str, &Node) -> Result<Value, Problems>,
}

impl Toys {
    pub(crate) fn new() -> Self {
        let words = [
            ("addresses", toy::<Addresses>()),
            ("api-key", toy::<ApiKey>()),
            ("body-size", toy::<BodySize>()),
            ("headers", toy::<Headers>()),
            ("jwt", toy::<Jwt>()),
            ("methods", toy::<Methods>()),
            ("rate", toy::<Limit>()),
            ("scopes", toy::<Scopes>()),
        ];
        Self { words: words.into() }
    }
}

fn toy<T: DeserializeOwned + Serialize + JsonSchema>() -> Toy {
    Toy {
        schema: schema_of::<T>,
        canonical: |name, config| {
            let config: T = decode_with(&Form::of::<T>(), &format!("`{name}`"), config)?;
            Ok(serde_json::to_value(config).expect("toys are maps, lists and texts"))
        },
    }
}

impl Words for Toys {
    fn names(&self) -> Vec<&str> {
        self.words.keys().copied().collect()
    }

    fn schema(&self, name: &str) -> Option<Schema> {
        self.words.get(name).map(|toy| (toy.schema)())
    }

    fn role(&self, name: &str) -> Option<Role> {
        let role = match name {
            "api-key" | "jwt" => Role::Authenticate,
            "rate" => Role::Limit,
            _ => Role::Guard,
        };
        self.words.contains_key(name).then_some(role)
    }

    fn issuer(&self, _: &str, config: &Node) -> Option<String> {
        let issuer = config.get("issuer").and_then(Node::as_text);
        Some(issuer.unwrap_or_default().to_owned())
    }

    fn canonical(&self, name: &str, config: &Node) -> Result<Value, Problems> {
        (self.words[name].canonical)(name, config)
    }
}

/// Who may come.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Addresses {
    allow: Vec<Cidr>,
}

/// Keys in a file.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct ApiKey {
    header: String,
    keys: FileRef,
}

/// A file.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct FileRef {
    file: String,
}

/// How large.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct BodySize {
    at_most: Size,
}

/// What to remove.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Headers {
    #[serde(default)]
    request: Edit,
    #[serde(default)]
    response: Edit,
}

/// Names of fields.
#[derive(Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Edit {
    #[serde(default)]
    remove: Vec<String>,
}

/// Tokens.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Jwt {
    keys: JwtKeys,
    issuer: String,
    audience: OneOrMany<String>,
    algorithms: Vec<String>,
    #[serde(default = "sub")]
    consumer: String,
    #[serde(rename = "type")]
    kind: JwtType,
    #[serde(default = "minute")]
    leeway: Period,
}

fn sub() -> String {
    "sub".to_owned()
}

fn minute() -> Period {
    Period::from_secs(60)
}

/// Which tokens.
#[derive(Serialize, Deserialize, JsonSchema)]
enum JwtType {
    #[serde(rename = "at+jwt")]
    Access,
    #[serde(rename = "any")]
    Any,
}

/// Where keys are.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
enum JwtKeys {
    File(String),
    Secret(SecretRef),
}

/// Which methods.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Methods {
    #[schemars(length(min = 1))]
    allow: Vec<String>,
}

/// How many.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Limit {
    by: OneOrMany<String>,
    allow: Rate,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    burst: Option<u64>,
    #[serde(default = "many")]
    remember: u32,
}

fn many() -> u32 {
    10_000
}

/// What a token must grant.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Scopes {
    all: Vec<String>,
}
