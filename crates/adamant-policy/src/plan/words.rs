//! The catalogue as the language sees it: words, schemas and canonical forms.

use adamant_filter::{Catalogue, Node, Problems, Role};
use schemars::Schema;
use schemars::generate::SchemaSettings;
use serde_json::Value;

use crate::language::Words;

impl Words for Catalogue {
    fn names(&self) -> Vec<&str> {
        self.iter().map(|filter| filter.name()).collect()
    }

    fn schema(&self, name: &str) -> Option<Schema> {
        let mut generator = SchemaSettings::draft2020_12().into_generator();
        let mut schema = self.get(name)?.schema(&mut generator);
        // A filter's schema is a reference into the definitions, which must come along.
        let definitions = generator.take_definitions(true);
        schema.insert("$defs".to_owned(), definitions.into());
        Some(schema)
    }

    fn role(&self, name: &str) -> Option<Role> {
        self.get(name).map(|filter| filter.role())
    }

    fn issuer(&self, name: &str, config: &Node) -> Option<String> {
        self.get(name)?.issuer(config).ok()
    }

    fn canonical(&self, name: &str, config: &Node) -> Result<Value, Problems> {
        match self.get(name) {
            Some(filter) => filter.canonical(config),
            None => Ok(Value::Null),
        }
    }
}
