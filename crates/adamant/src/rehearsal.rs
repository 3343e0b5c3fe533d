//! What stands in for the outside world in `adamant test`: keys and tokens made for the run, and a host
//! that hands out those keys in place of the policy's own.
//!
//! Never used by a running gateway, and no key of it leaves the process.

mod host;
mod key;
mod ring;
mod token;

use std::path::Path;

use adamant_policy::config::Config;

use crate::failure::Failure;
use host::RehearsalHost;
use token::TokenIssuer;

/// The stand-ins of one policy.
#[derive(Debug)]
pub(crate) struct Rehearsal {
    host: RehearsalHost,
    issuer: TokenIssuer,
}

impl Rehearsal {
    /// Makes keys for every step of the file that reads tokens.
    pub(crate) fn new(folder: &Path, config: &Config) -> Result<Self, Failure> {
        let issuer = TokenIssuer::new(config).map_err(|error| Failure::Machine(error.to_string()))?;
        let mut host = RehearsalHost::new(folder);
        for (source, ring) in issuer.rings() {
            host.put(source, ring);
        }
        Ok(Self { host, issuer })
    }

    /// Lets the made keys stand for the file at `path` as well. `false` when no step reads a file of keys.
    pub(crate) fn stand_for(&mut self, path: &Path) -> bool {
        let Some(ring) = self.issuer.first_published() else {
            return false;
        };
        self.host.put_file(path, ring.jwks());
        true
    }

    /// What grants the made keys to filters.
    pub(crate) const fn host(&mut self) -> &mut RehearsalHost {
        &mut self.host
    }

    /// What makes tokens with them.
    pub(crate) const fn issuer(&mut self) -> &mut TokenIssuer {
        &mut self.issuer
    }
}

#[cfg(test)]
mod tests;
