//! Who is calling: the filters that prove an identity, and the one that asks what it may.
//!
//! May depend on the contract alone, as any stranger's filter may: no socket, no clock, no file system.
//! Must never trust what a credential says about itself before its signature or hash has been checked.
//!
//! | Filter | What it does |
//! |---|---|
//! | [`Jwt`] | proves an identity by a signed token (RFC 7519, RFC 9068) |
//! | [`ApiKey`] | proves an identity by a random key of which only the hash is kept |
//! | [`ClientCertificate`] | proves an identity by the certificate of the TLS connection |
//! | [`Scopes`] | lets pass who was granted what a route needs |

mod api_key;
mod challenge;
mod client_certificate;
mod consumer;
mod credential;
mod jwt;
mod scopes;

pub use api_key::{ApiKey, ApiKeyConfig, GeneratedKey, KeyList};
pub use client_certificate::{CertificateName, ClientCertificate, ClientCertificateConfig};
pub use jwt::{
    Algorithm, AtBoot, DpopConfig, Jwt, JwtConfig, KeySource, KeysConfig, Published, SenderConfig, TokenType,
};
pub use scopes::{Scopes, ScopesConfig};

use adamant_filter::Catalogue;

/// Adds the filters of this crate.
#[must_use]
pub fn register(catalogue: Catalogue) -> Catalogue {
    let version = env!("CARGO_PKG_VERSION");
    catalogue
        .filter::<Jwt>(version)
        .filter::<ApiKey>(version)
        .filter::<ClientCertificate>(version)
        .filter::<Scopes>(version)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_catalogue_has_the_filters_under_their_words() {
        let catalogue = register(Catalogue::new());
        let names: Vec<_> = catalogue.iter().map(|filter| filter.name()).collect();
        assert_eq!(names, ["api-key", "client-certificate", "jwt", "scopes"]);
    }
}
