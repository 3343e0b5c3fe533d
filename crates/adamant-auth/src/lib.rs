//! Who is calling: the filters that prove an identity, those that ask what it may, and those that tell it on.
//!
//! May depend on the contract alone, as any stranger's filter may: no socket, no clock, no file system.
//! Must never trust what a credential says about itself before its signature or hash has been checked.
//!
//! | Filter | What it does |
//! |---|---|
//! | [`Jwt`] | proves an identity by a signed token (RFC 7519, RFC 9068) |
//! | [`ApiKey`] | proves an identity by a random key of which only the hash is kept |
//! | [`Basic`] | proves an identity by a name and a password (RFC 7617) |
//! | [`ClientCertificate`] | proves an identity by the certificate of the TLS connection |
//! | [`ForwardAuth`] | proves an identity by the word of an HTTP service that is asked about each request |
//! | [`Introspection`] | proves an identity by a token that the authorization server is asked about (RFC 7662) |
//! | [`Signature`] | proves an identity by a signature over the request (RFC 9421) |
//! | [`OidcLogin`] | signs people in at an OpenID provider and keeps their session in a cookie |
//! | [`ForwardCheck`] | lets pass what an HTTP service lets pass |
//! | [`WebhookSignature`] | lets pass messages that their sender has signed (Standard Webhooks) |
//! | [`Scopes`] | lets pass who was granted what a route needs |
//! | [`Authorize`] | lets pass who fulfils the rules of a route |
//! | [`IdentityHeaders`] | tells the upstream who was proved to be calling |
//! | [`UpstreamCredential`] | tells the upstream who the gateway is |

mod api_key;
mod authorize;
mod backoff;
mod basic;
mod challenge;
mod claim;
mod client_certificate;
#[cfg(test)]
mod conformance;
mod consumer;
mod credential;
mod credential_file;
mod escape;
mod flight;
mod form;
mod forward_auth;
mod forward_check;
mod identity_headers;
mod inquiry;
mod introspection;
mod jwt;
mod oidc_login;
mod owned_field;
mod replay;
mod room;
mod scopes;
mod service;
mod signature;
mod upstream_credential;
mod webhook_signature;

pub use api_key::{ApiKey, ApiKeyConfig, GeneratedKey, KeyList};
pub use authorize::{Authorize, AuthorizeConfig, ClaimPresence, ClaimValue, NeededRoles, NeededScopes};
pub use backoff::GuardConfig;
pub use basic::{Basic, BasicConfig, UserList};
pub use client_certificate::{CertificateName, ClientCertificate, ClientCertificateConfig};
pub use forward_auth::{ForwardAuth, ForwardAuthConfig};
pub use forward_check::{ForwardCheck, ForwardCheckConfig};
pub use identity_headers::{IdentityHeaders, IdentityHeadersConfig};
pub use introspection::{ClientBy, Introspection, IntrospectionClient, IntrospectionConfig};
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
pub use upstream_credential::{
    BasicCredential, HeaderCredential, UpstreamCredential, UpstreamCredentialConfig,
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
        .filter::<Basic>(version)
        .filter::<ClientCertificate>(version)
        .filter::<ForwardAuth>(version)
        .filter::<ForwardCheck>(version)
        .filter::<Introspection>(version)
        .filter::<OidcLogin>(version)
        .filter::<Signature>(version)
        .filter::<Scopes>(version)
        .filter::<Authorize>(version)
        .filter::<IdentityHeaders>(version)
        .filter::<UpstreamCredential>(version)
        .filter::<WebhookSignature>(version)
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
                "basic",
                "client-certificate",
                "forward-auth",
                "forward-check",
                "identity-headers",
                "introspection",
                "jwt",
                "oidc-login",
                "scopes",
                "signature",
                "upstream-credential",
                "webhook-signature",
            ]
        );
    }
}
