//! The catalogue as the language sees it: words, schemas and canonical forms.

use adamant_filter::{Catalogue, Node, Problems};
use schemars::{Schema, SchemaGenerator};
use serde_json::Value;

use crate::language::Words;

impl Words for Catalogue {
    fn names(&self) -> Vec<&str> {
        self.iter().map(|filter| filter.name()).collect()
    }

    fn schema(&self, name: &str) -> Option<Schema> {
        Some(self.get(name)?.schema(&mut SchemaGenerator::default()))
    }

    fn canonical(&self, name: &str, config: &Node) -> Result<Value, Problems> {
        match self.get(name) {
            Some(filter) => filter.canonical(config),
            None => Ok(Value::Null),
        }
    }
}
