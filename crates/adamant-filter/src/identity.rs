//! The well-known slot: who the client proved to be.
//!
//! One type for every method of authentication, so that authorization and limits never ask how.

use std::fmt::Write;
use std::sync::{Arc, OnceLock};

use serde_json::{Map, Value};

use crate::consumers::Consumer;
use crate::slot::Slot;

/// Consumer, how it was proved, and what it may.
///
/// A consumer is qualified by method and issuer: `acme` of one issuer is not `acme` of another, and an
/// API key named `acme` is neither, unless the file declares them to be one ([`Consumers`](crate::Consumers)).
///
/// It is kept for every remembered credential and made for every new one, so it is few pieces of memory.
#[derive(Debug)]
pub struct Identity {
    method: &'static str,
    /// Method, issuer and consumer, each but the last with its length in front.
    qualified: Box<str>,
    /// Where the issuer begins and ends in it; the consumer is what follows.
    issuer: (usize, usize),
    /// Each scope with [`AFTER_SCOPE`] behind it.
    scopes: Box<str>,
    claims: Claims,
    /// The consumer of the file for which it stands.
    declared: Option<Declared>,
    /// What it is called, where its own name is that of a consumer of the file.
    stranger: Option<Box<str>>,
}

/// A consumer of the file, and what it is counted by.
#[derive(Debug)]
struct Declared {
    qualified: Box<str>,
    consumer: Arc<Consumer>,
}

/// Method, issuer and name in one text: a length in front of all but the last, since a claim may contain any
/// character that could serve as a separator.
pub(crate) fn qualify(method: &str, issuer: &str, name: &str) -> String {
    let mut qualified = String::with_capacity(method.len() + issuer.len() + name.len() + 12);
    for part in [method, issuer] {
        // Writing to a `String` cannot fail.
        let _ = write!(qualified, "{}:{part}", part.len());
    }
    qualified.push_str(name);
    qualified
}

/// Ends a scope. RFC 6749 §3.3 knows no control characters in scopes.
const AFTER_SCOPE: char = '\u{1f}';

/// What a credential says about itself, read when a filter asks for it.
#[derive(Debug, Default)]
struct Claims {
    text: Box<[u8]>,
    read: OnceLock<Map<String, Value>>,
}

impl Slot for Identity {
    const NAME: &'static str = "consumer";
}

impl Identity {
    /// An identity proved by `method` (the filter's word). `issuer` is empty where a method has none.
    #[must_use]
    pub fn new(method: &'static str, issuer: &str, consumer: &str) -> Self {
        let qualified = qualify(method, issuer, consumer);
        let end = qualified.len() - consumer.len();
        Self {
            method,
            qualified: qualified.into(),
            issuer: (end - issuer.len(), end),
            scopes: Box::default(),
            claims: Claims::default(),
            declared: None,
            stranger: None,
        }
    }

    /// The same proof, as that of a consumer of the file. What it is counted by is the consumer from now on.
    pub(crate) fn of_consumer(mut self, consumer: Arc<Consumer>) -> Self {
        self.declared = Some(Declared {
            // No method has an empty word, so no proof is taken for a consumer of the file.
            qualified: qualify("", "", &consumer.name).into(),
            consumer,
        });
        self
    }

    /// The same proof, of somebody who only has the name of a consumer of the file. No consumer of the file can be
    /// called so, since their names have no colon.
    pub(crate) fn of_stranger(mut self) -> Self {
        let name = format!("{}:{}:{}", self.method, self.issuer(), self.subject());
        self.stranger = Some(name.into());
        self
    }

    /// With these scopes. One that could be taken for two is not granted.
    #[must_use]
    pub fn with_scopes<'s>(mut self, scopes: impl IntoIterator<Item = &'s str>) -> Self {
        let mut joined = String::new();
        for scope in scopes {
            if !scope.contains(AFTER_SCOPE) {
                joined.push_str(scope);
                joined.push(AFTER_SCOPE);
            }
        }
        self.scopes = joined.into();
        self
    }

    /// With these claims.
    #[must_use]
    pub fn with_claims(mut self, claims: Map<String, Value>) -> Self {
        self.claims = Claims {
            text: Box::default(),
            read: OnceLock::from(claims),
        };
        self
    }

    /// With the claims of this JSON object, which is read when one of them is asked for. Whoever calls this
    /// has proved that it is one; anything else has no claims.
    #[must_use]
    pub fn with_claims_text(mut self, text: impl Into<Box<[u8]>>) -> Self {
        self.claims = Claims {
            text: text.into(),
            read: OnceLock::new(),
        };
        self
    }

    /// The consumer's name, for people. Use [`Identity::qualified`] as a key.
    #[must_use]
    pub fn consumer(&self) -> &str {
        match &self.declared {
            Some(declared) => &declared.consumer.name,
            None => self.stranger.as_deref().unwrap_or_else(|| self.subject()),
        }
    }

    /// The name by which the credential itself calls it.
    #[must_use]
    pub fn subject(&self) -> &str {
        self.qualified.get(self.issuer.1..).unwrap_or_default()
    }

    /// The plan that the file gives it.
    #[must_use]
    pub fn plan(&self) -> Option<&str> {
        self.declared.as_ref()?.consumer.plan.as_deref()
    }

    /// Groups that the file puts it in.
    pub fn groups(&self) -> impl Iterator<Item = &str> {
        let groups = self.declared.as_ref().map(|declared| &declared.consumer.groups);
        groups.into_iter().flatten().map(|group| &**group)
    }

    /// Whether the file puts it in this group.
    #[must_use]
    pub fn is_in_group(&self, name: &str) -> bool {
        self.groups().any(|group| group == name)
    }

    /// The method that proved it: the word of the filter.
    #[must_use]
    pub const fn method(&self) -> &'static str {
        self.method
    }

    /// Who vouched for it; empty where the method has no issuer.
    #[must_use]
    pub fn issuer(&self) -> &str {
        self.qualified
            .get(self.issuer.0..self.issuer.1)
            .unwrap_or_default()
    }

    /// Who it is in one unambiguous key: the consumer of the file, or else method, issuer and name.
    #[must_use]
    pub fn qualified(&self) -> &[u8] {
        match &self.declared {
            Some(declared) => declared.qualified.as_bytes(),
            None => self.qualified.as_bytes(),
        }
    }

    /// Whether `scope` was granted.
    #[must_use]
    pub fn has_scope(&self, scope: &str) -> bool {
        self.scopes().any(|have| have == scope)
    }

    /// Granted scopes.
    pub fn scopes(&self) -> impl Iterator<Item = &str> {
        self.scopes.split_terminator(AFTER_SCOPE)
    }

    /// A claim of the credential. The first question allocates, once for each credential.
    #[must_use]
    pub fn claim(&self, name: &str) -> Option<&Value> {
        let claims = &self.claims;
        let read = || serde_json::from_slice(&claims.text).unwrap_or_default();
        claims.read.get_or_init(read).get(name)
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
        for (method, issuer, consumer) in all {
            let identity = Identity::new(method, issuer, consumer);
            assert_eq!(
                (identity.method(), identity.issuer(), identity.consumer()),
                (method, issuer, consumer)
            );
        }
    }

    #[test]
    fn scopes_are_whole_words() {
        let identity = Identity::new("jwt", "a", "acme").with_scopes(["orders:read", "a b", "x\u{1f}admin"]);
        assert_eq!(identity.scopes().collect::<Vec<_>>(), ["orders:read", "a b"]);
        assert!(identity.has_scope("a b"));
        for other in ["orders", "read", "a", "b", "admin", "x", ""] {
            assert!(!identity.has_scope(other), "{other:?}");
        }
        assert!(!Identity::new("jwt", "a", "acme").has_scope(""));
    }

    #[test]
    fn claims_are_read_from_their_text() {
        let identity = Identity::new("jwt", "a", "acme").with_claims_text(*br#"{"plan":"gold","n":[1]}"#);
        assert_eq!(identity.claim("plan"), Some(&Value::from("gold")));
        assert_eq!(identity.claim("tenant"), None);
        let broken = Identity::new("jwt", "a", "acme").with_claims_text(*b"{");
        assert_eq!(broken.claim("plan"), None);
    }
}
