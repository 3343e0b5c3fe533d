//! The well-known slot: who the client proved to be.
//!
//! One type for every method of authentication, so that authorization and limits never ask how.

use std::sync::Arc;

use serde_json::{Map, Value};

use crate::slot::Slot;

/// Consumer, how it was proved, and what it may.
///
/// A consumer is qualified by method and issuer: `acme` of one issuer is not `acme` of another, and an
/// API key named `acme` is neither.
#[derive(Debug)]
pub struct Identity {
    consumer: Box<str>,
    method: &'static str,
    issuer: Box<str>,
    scopes: Box<[Box<str>]>,
    claims: Map<String, Value>,
    qualified: Box<[u8]>,
}

impl Slot for Identity {
    const NAME: &'static str = "consumer";
}

impl Identity {
    /// An identity proved by `method` (the filter's word). `issuer` is empty where a method has none.
    #[must_use]
    pub fn new(method: &'static str, issuer: &str, consumer: &str) -> Self {
        let mut qualified = Vec::with_capacity(method.len() + issuer.len() + consumer.len() + 16);
        for part in [method, issuer] {
            // A length in front, since a claim may contain any character that could serve as a separator.
            qualified.extend_from_slice(&part.len().to_be_bytes());
            qualified.extend_from_slice(part.as_bytes());
        }
        qualified.extend_from_slice(consumer.as_bytes());
        Self {
            consumer: consumer.into(),
            method,
            issuer: issuer.into(),
            scopes: Box::default(),
            claims: Map::new(),
            qualified: qualified.into(),
        }
    }

    /// With these scopes.
    #[must_use]
    pub fn with_scopes<'s>(mut self, scopes: impl IntoIterator<Item = &'s str>) -> Self {
        self.scopes = scopes.into_iter().map(Box::from).collect();
        self
    }

    /// With these claims.
    #[must_use]
    pub fn with_claims(mut self, claims: Map<String, Value>) -> Self {
        self.claims = claims;
        self
    }

    /// The consumer's name, for people. Use [`Identity::qualified`] as a key.
    #[must_use]
    pub fn consumer(&self) -> &str {
        &self.consumer
    }

    /// The method that proved it: the word of the filter.
    #[must_use]
    pub const fn method(&self) -> &'static str {
        self.method
    }

    /// Who vouched for it; empty where the method has no issuer.
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// Method, issuer and consumer in one unambiguous key.
    #[must_use]
    pub fn qualified(&self) -> &[u8] {
        &self.qualified
    }

    /// Whether `scope` was granted.
    #[must_use]
    pub fn has_scope(&self, scope: &str) -> bool {
        self.scopes.iter().any(|have| have.as_ref() == scope)
    }

    /// Granted scopes.
    pub fn scopes(&self) -> impl Iterator<Item = &str> {
        self.scopes.iter().map(AsRef::as_ref)
    }

    /// A claim of the credential.
    #[must_use]
    pub fn claim(&self, name: &str) -> Option<&Value> {
        self.claims.get(name)
    }
}

/// Facts of the client's TLS connection.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TlsFacts {
    /// `TLSv1.2` or `TLSv1.3`.
    pub version: &'static str,
    /// Name of the cipher suite.
    pub cipher: Arc<str>,
    /// Server name that the client asked for.
    pub server_name: Option<Arc<str>>,
    /// The client's certificate, DER, leaf first; empty when it sent none.
    pub client_chain: Vec<Arc<[u8]>>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_name_by_another_method_or_issuer_is_another_consumer() {
        let all = [
            ("jwt", "a", "acme"),
            ("jwt", "b", "acme"),
            ("api-key", "", "acme"),
            ("jwt", "", "aacme"),
            ("jwt", "aa", "cme"),
        ];
        let keys: std::collections::HashSet<Vec<u8>> = all
            .iter()
            .map(|(m, i, c)| Identity::new(m, i, c).qualified().to_vec())
            .collect();
        assert_eq!(keys.len(), all.len());
    }
}
