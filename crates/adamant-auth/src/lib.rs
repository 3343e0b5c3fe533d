//! Who is calling: the filters that prove an identity, ask what it may, and tell the upstream of it.
//!
//! May depend on the contract alone, as any stranger's filter may: no socket, no clock, no file system.
//! Must never trust what a credential says about itself before its signature or hash has been checked.
//!
//! | Filter | What it does |
//! |---|---|
//! | [`Jwt`] | proves an identity by a signed token (RFC 7519, RFC 9068) |
//! | [`ApiKey`] | proves an identity by a random key of which only the hash is kept |
//! | [`Scopes`] | lets pass who was granted what a route needs |
//! | [`Authorize`] | lets pass who fulfils the rules of a route |
//! | [`IdentityHeaders`] | tells the upstream who was proved to be calling |
//! | [`UpstreamCredential`] | sends the gateway's own credential to the upstream |

mod api_key;
mod authorize;
mod challenge;
mod claim;
mod consumer;
mod credential;
mod escape;
mod identity_headers;
mod jwt;
mod owned_field;
mod scopes;
mod upstream_credential;

pub use api_key::{ApiKey, ApiKeyConfig, GeneratedKey, KeyList};
pub use authorize::{Authorize, AuthorizeConfig, ClaimPresence, ClaimValue, NeededRoles, NeededScopes};
pub use identity_headers::{IdentityHeaders, IdentityHeadersConfig};
pub use jwt::{Algorithm, Jwt, JwtConfig, KeySource, TokenType};
pub use scopes::{Scopes, ScopesConfig};
pub use upstream_credential::{
    BasicCredential, HeaderCredential, UpstreamCredential, UpstreamCredentialConfig,
};

use adamant_filter::Catalogue;

/// Adds the filters of this crate.
#[must_use]
pub fn register(catalogue: Catalogue) -> Catalogue {
    let version = env!("CARGO_PKG_VERSION");
    catalogue
        .filter::<Jwt>(version)
        .filter::<ApiKey>(version)
        .filter::<Scopes>(version)
        .filter::<Authorize>(version)
        .filter::<IdentityHeaders>(version)
        .filter::<UpstreamCredential>(version)
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
                "authorize",
                "identity-headers",
                "jwt",
                "scopes",
                "upstream-credential"
            ]
        );
    }
}
