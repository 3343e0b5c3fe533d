//! Where a secret is found. Never the secret: there is no form into which a literal fits.

use std::path::PathBuf;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use super::UnitError;

pub(crate) const FORMAT: &str = "secret";
pub(crate) const ENV_FORMAT: &str = "env-name";

/// Where a secret is found: `{ env: NAME }` or `{ file: path }`. It is read when the gateway starts, and
/// `check` needs none.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SecretRef {
    /// The environment variable of this name.
    Env(String),
    /// The file at this path, relative to the folder of `gateway.yaml`; one line end at its end is dropped.
    File(PathBuf),
}

pub(super) fn check_env(name: &str) -> Result<(), UnitError> {
    let first = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    if first && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') {
        return Ok(());
    }
    Err(UnitError::new("this is not the name of an environment variable")
        .with_help("write letters, digits and `_`, such as `SIGNING_KEY`"))
}

impl JsonSchema for SecretRef {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "SecretRef".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "Where a secret is found: `{ env: NAME }` or `{ file: path }`.",
            "format": FORMAT,
            "oneOf": [
                {
                    "type": "object",
                    "description": "The environment variable of this name.",
                    "properties": {
                        "env": { "type": "string", "format": ENV_FORMAT, "pattern": "^[A-Za-z_][A-Za-z0-9_]*$" }
                    },
                    "required": ["env"],
                    "additionalProperties": false,
                },
                {
                    "type": "object",
                    "description": "The file at this path, relative to the folder of `gateway.yaml`.",
                    "properties": { "file": { "type": "string", "minLength": 1 } },
                    "required": ["file"],
                    "additionalProperties": false,
                },
            ],
        })
    }
}
