//! Who is calling: the filters that prove an identity, and those that ask what it may.
//!
//! May depend on the contract alone, as any stranger's filter may: no socket, no clock, no file system.
//! Must never trust what a credential says about itself before its signature or hash has been checked.
//!
//! | Filter | What it does |
//! |---|---|
//! | [`Jwt`] | proves an identity by a signed token (RFC 7519, RFC 9068) |
//! | [`ApiKey`] | proves an identity by a random key of which only the hash is kept |
//! | [`Basic`] | proves an identity by a name and a password (RFC 7617) |
//! | [`Introspection`] | proves an identity by a token that the authorization server is asked about (RFC 7662) |
//! | [`ForwardAuth`] | proves an identity by the word of an HTTP service that is asked about each request |
//! | [`ForwardCheck`] | lets pass what an HTTP service lets pass |
//! | [`Scopes`] | lets pass who was granted what a route needs |

mod api_key;
mod backoff;
mod basic;
mod challenge;
mod consumer;
mod credential;
mod flight;
mod forward_auth;
mod forward_check;
mod inquiry;
mod introspection;
mod jwt;
mod scopes;
mod service;

pub use api_key::{ApiKey, ApiKeyConfig, GeneratedKey, KeyList};
pub use backoff::GuardConfig;
pub use basic::{Basic, BasicConfig, UserList};
pub use forward_auth::{ForwardAuth, ForwardAuthConfig};
pub use forward_check::{ForwardCheck, ForwardCheckConfig};
pub use introspection::{ClientBy, Introspection, IntrospectionClient, IntrospectionConfig};
pub use jwt::{Algorithm, Jwt, JwtConfig, KeySource, TokenType};
pub use scopes::{Scopes, ScopesConfig};

use adamant_filter::Catalogue;

/// Adds the filters of this crate.
#[must_use]
pub fn register(catalogue: Catalogue) -> Catalogue {
    let version = env!("CARGO_PKG_VERSION");
    catalogue
        .filter::<Jwt>(version)
        .filter::<ApiKey>(version)
        .filter::<Basic>(version)
        .filter::<ForwardAuth>(version)
        .filter::<ForwardCheck>(version)
        .filter::<Introspection>(version)
        .filter::<Scopes>(version)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_catalogue_has_the_filters_under_their_words() {
        let catalogue = register(Catalogue::new());
        let names: Vec<_> = catalogue.iter().map(|filter| filter.name()).collect();
        assert_eq!(
            names,
            [
                "api-key",
                "basic",
                "forward-auth",
                "forward-check",
                "introspection",
                "jwt",
                "scopes"
            ]
        );
    }
}
