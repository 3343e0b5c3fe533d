//! The file that a command works on: read once, loaded, compiled.
//!
//! Every command comes through here, so that all of them see one meaning.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use adamant_filter::{Catalogue, Problems};
use adamant_gateway::{LiveHost, PolicyHost};
use adamant_policy::config::Config;
use adamant_policy::plan::Plan;
use adamant_policy::text::Source;
use clap::Args;
use serde_json::Value;

use crate::failure::Failure;

/// Which file is meant.
#[derive(Args, Clone, Debug)]
pub(crate) struct ConfigArgument {
    /// The policy file.
    #[arg(long, short, value_name = "FILE", default_value = "gateway.yaml")]
    pub(crate) config: PathBuf,
}

/// A policy file as it was read.
#[derive(Clone, Debug)]
pub(crate) struct PolicyFile {
    source: Arc<Source>,
    folder: PathBuf,
}

impl PolicyFile {
    /// Reads the file, once.
    pub(crate) fn read(at: &ConfigArgument) -> Result<Self, Failure> {
        let source = Arc::new(read_source(&at.config)?);
        let folder = at.config.parent().map(Path::to_owned).unwrap_or_default();
        Ok(Self { source, folder })
    }

    /// The folder to which its paths are relative.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// What the file is called.
    pub(crate) fn name(&self) -> &str {
        self.source.name()
    }

    /// What the text means, with its canonical form.
    pub(crate) fn load(&self, catalogue: &Catalogue) -> Result<(Config, Value), Failure> {
        adamant_policy::load(&self.source, catalogue).map_err(|problems| self.failure(problems))
    }

    /// The executable policy, with what `host` grants.
    pub(crate) fn compile(&self, catalogue: &Catalogue, host: &mut impl PolicyHost) -> Result<Plan, Failure> {
        let (config, canonical) = self.load(catalogue)?;
        host.know(&config);
        Plan::compile(config, &canonical, catalogue, host).map_err(|problems| self.failure(problems))
    }

    /// The executable policy of a command that starts nothing and knows no secrets.
    pub(crate) fn compile_offline(&self, catalogue: &Catalogue) -> Result<Plan, Failure> {
        self.compile(catalogue, &mut LiveHost::offline(&self.folder))
    }

    fn failure(&self, problems: Problems) -> Failure {
        Failure::Problems {
            source: Arc::clone(&self.source),
            problems,
        }
    }
}

/// Reads a file of the policy's language.
pub(crate) fn read_source(path: &Path) -> Result<Source, Failure> {
    let bytes = std::fs::read(path)
        .map_err(|error| Failure::Usage(format!("{} cannot be read: {error}", path.display())))?;
    Ok(Source::new(path.display().to_string(), &bytes))
}
