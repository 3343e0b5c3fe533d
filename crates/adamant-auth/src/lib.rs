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
//! | [`OidcLogin`] | signs people in at an OpenID provider and keeps their session in a cookie |
//! | [`Signature`] | proves an identity by a signature over the request (RFC 9421) |
//! | [`WebhookSignature`] | lets pass messages that their sender has signed (Standard Webhooks) |
//! | [`Scopes`] | lets pass who was granted what a route needs |

mod api_key;
mod challenge;
mod client_certificate;
mod consumer;
mod credential;
mod form;
mod jwt;
mod oidc_login;
mod replay;
mod scopes;
mod signature;
mod webhook_signature;

pub use api_key::{ApiKey, ApiKeyConfig, GeneratedKey, KeyList};
pub use client_certificate::{CertificateName, ClientCertificate, ClientCertificateConfig};
pub use jwt::{
    Algorithm, AtBoot, DpopConfig, Jwt, JwtConfig, KeySource, KeysConfig, Published, SenderConfig, TokenType,
};
pub use oidc_login::{
    ClientAuthentication, EndpointsConfig, IssuerKeys, OidcLogin, OidcLoginConfig, SessionConfig,
};
pub use scopes::{Scopes, ScopesConfig};
pub use signature::{
    BodyRule, ReplayRule, Required, Signature, SignatureConfig, SignerList, SigningAlgorithm,
};
pub use webhook_signature::{WebhookSignature, WebhookSignatureConfig};

use adamant_filter::Catalogue;

/// Adds the filters of this crate.
#[must_use]
pub fn register(catalogue: Catalogue) -> Catalogue {
    let version = env!("CARGO_PKG_VERSION");
    catalogue
        .filter::<Jwt>(version)
        .filter::<ApiKey>(version)
        .filter::<ClientCertificate>(version)
        .filter::<OidcLogin>(version)
        .filter::<Scopes>(version)
        .filter::<Signature>(version)
        .filter::<WebhookSignature>(version)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_catalogue_has_the_filters_under_their_words() {
        let catalogue = register(Catalogue::new());
        let names: Vec<_> = catalogue.iter().map(|filter| filter.name()).collect();
        let expected = [
            "api-key",
            "client-certificate",
            "jwt",
            "oidc-login",
            "scopes",
            "signature",
            "webhook-signature",
        ];
        assert_eq!(names, expected);
    }
}
