//! The registered filters, behind an object-safe face: data that a binary puts together, not a global.

use std::collections::BTreeMap;
use std::marker::PhantomData;
use std::sync::{Arc, OnceLock};

use schemars::{Schema, SchemaGenerator};
use serde_json::Value;

use crate::boot::{Boot, Needs};
use crate::decode::{Form, decode_with};
use crate::filter::{Filter, Role};
use crate::hooks::{Hooks, Wired};
use crate::host::Host;
use crate::node::Node;
use crate::problem::Problems;
use crate::slot::Layout;
use crate::verdict::Reason;

/// A filter as the engine sees it.
pub trait Registered: Send + Sync {
    /// The filter's word.
    fn name(&self) -> &'static str;

    /// Version of the crate that registered it; enters the digest.
    fn version(&self) -> &str;

    /// What it is for.
    fn role(&self) -> Role;

    /// Why it may refuse.
    fn reasons(&self) -> &'static [&'static Reason];

    /// JSON Schema of its configuration.
    fn schema(&self, generator: &mut SchemaGenerator) -> Schema;

    /// The configuration in canonical form, with every default.
    ///
    /// # Errors
    /// All problems of the configuration's form.
    fn canonical(&self, config: &Node) -> Result<Value, Problems>;

    /// Who vouches for the identities that a step with this configuration proves; empty for nobody.
    ///
    /// # Errors
    /// All problems of the configuration's form.
    fn issuer(&self, config: &Node) -> Result<String, Problems>;

    /// Builds one instance that is called by the filter's word.
    ///
    /// # Errors
    /// All problems of the configuration.
    fn build(&self, config: &Node, host: &mut dyn Host, layout: &mut Layout) -> Result<Built, Problems> {
        self.build_as(self.name(), config, host, layout)
    }

    /// Builds one instance that the file calls `id`.
    ///
    /// # Errors
    /// All problems of the configuration.
    fn build_as(
        &self,
        id: &str,
        config: &Node,
        host: &mut dyn Host,
        layout: &mut Layout,
    ) -> Result<Built, Problems>;
}

/// A built step.
#[derive(Debug)]
pub struct Built {
    /// Its hooks.
    pub wired: Wired,
    /// What it asked for.
    pub needs: Needs,
}

struct Entry<F> {
    version: String,
    /// Of the configuration; made once, as a file may hold thousands of steps.
    form: OnceLock<Form>,
    filter: PhantomData<fn() -> F>,
}

impl<F: Filter> Entry<F> {
    fn decode(&self, config: &Node) -> Result<F::Config, Problems> {
        let form = self.form.get_or_init(Form::of::<F::Config>);
        decode_with(form, &format!("`{}`", F::NAME), config)
    }
}

impl<F: Filter> Registered for Entry<F> {
    fn name(&self) -> &'static str {
        F::NAME
    }

    fn version(&self) -> &str {
        &self.version
    }

    fn role(&self) -> Role {
        F::ROLE
    }

    fn reasons(&self) -> &'static [&'static Reason] {
        F::REASONS
    }

    fn schema(&self, generator: &mut SchemaGenerator) -> Schema {
        generator.subschema_for::<F::Config>()
    }

    fn canonical(&self, config: &Node) -> Result<Value, Problems> {
        let config = self.decode(config)?;
        // Configurations are maps, lists and scalars; `Null` would show in the digest of every file.
        Ok(serde_json::to_value(&config).unwrap_or(Value::Null))
    }

    fn issuer(&self, config: &Node) -> Result<String, Problems> {
        self.decode(config).map(|config| F::issuer(&config))
    }

    fn build_as(
        &self,
        id: &str,
        config: &Node,
        host: &mut dyn Host,
        layout: &mut Layout,
    ) -> Result<Built, Problems> {
        let decoded = self.decode(config)?;
        let mut boot = Boot::new(id, host, layout);
        let filter =
            F::build(decoded, &mut boot).map_err(|problem| Problems::from(problem.placed(config)))?;
        let needs = boot.into_needs();
        let filter = Arc::new(filter);
        let wired = filter.hooks(Hooks::of(Arc::clone(&filter))).into_wired();
        Ok(Built { wired, needs })
    }
}

/// The filters that a binary links.
#[derive(Default)]
pub struct Catalogue {
    entries: BTreeMap<&'static str, Box<dyn Registered>>,
}

impl std::fmt::Debug for Catalogue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.entries.keys()).finish()
    }
}

impl Catalogue {
    /// An empty catalogue.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a filter; `version` is that of the crate that defines it.
    ///
    /// # Panics
    /// When the name is taken: two filters of one name are a mistake of whoever builds the binary.
    #[must_use]
    pub fn filter<F: Filter>(mut self, version: &str) -> Self {
        let entry = Entry::<F> {
            version: version.to_owned(),
            form: OnceLock::new(),
            filter: PhantomData,
        };
        let before = self.entries.insert(F::NAME, Box::new(entry));
        assert!(before.is_none(), "two filters are named `{}`", F::NAME);
        self
    }

    /// The filter of this name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&dyn Registered> {
        self.entries.get(name).map(AsRef::as_ref)
    }

    /// All filters, by name.
    pub fn iter(&self) -> impl Iterator<Item = &dyn Registered> {
        self.entries.values().map(AsRef::as_ref)
    }
}
