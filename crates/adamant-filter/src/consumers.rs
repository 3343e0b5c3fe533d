//! The consumers that the file declares: who is the same by whichever credential, and what it may.
//!
//! Knows no credential. A filter proves an identity; this table says whose it is.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use crate::identity::Identity;

/// A consumer of the file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Consumer {
    /// Its name.
    pub name: Arc<str>,
    /// The plan that it has.
    pub plan: Option<Arc<str>>,
    /// Groups that it belongs to.
    pub groups: Vec<Arc<str>>,
}

/// Consumers by the identities that stand for them.
#[derive(Debug, Default)]
pub struct Consumers {
    /// By [`Identity::qualified`].
    known: HashMap<Box<[u8]>, Arc<Consumer>>,
    names: HashSet<Arc<str>>,
    plans: Vec<Arc<str>>,
}

impl Consumers {
    /// A table with the plans of the file, and each consumer by the identities that stand for it: method,
    /// issuer (empty where the method has none) and name.
    #[must_use]
    pub fn new<'k>(
        plans: Vec<Arc<str>>,
        known: impl IntoIterator<Item = (KnownBy<'k>, Arc<Consumer>)>,
    ) -> Self {
        let known = known.into_iter().map(|(by, consumer)| {
            let key = crate::identity::qualify(by.method, by.issuer, by.name);
            (key.into_boxed_str().into_boxed_bytes(), consumer)
        });
        let known: HashMap<_, Arc<Consumer>> = known.collect();
        Self {
            names: known
                .values()
                .map(|consumer| Arc::clone(&consumer.name))
                .collect(),
            known,
            plans,
        }
    }

    /// The identity, as that of the consumer for which it stands in the file. Any other stays as it is; where it
    /// happens to have the name of a consumer of the file, it is called by its method, issuer and name from now on,
    /// so that no rule takes it for that consumer.
    #[must_use]
    pub fn resolve(&self, identity: Identity) -> Identity {
        match self.known.get(identity.qualified()) {
            Some(consumer) => identity.of_consumer(Arc::clone(consumer)),
            None if self.is_namesake(identity.subject()) => identity.of_stranger(),
            None => identity,
        }
    }

    /// Whether a credential calls itself like a consumer of the file, or as a namesake is called here.
    fn is_namesake(&self, subject: &str) -> bool {
        let last = subject.rsplit_once(':').map_or(subject, |(_, last)| last);
        self.names.contains(last)
    }

    /// Whether the file has a plan of this name.
    #[must_use]
    pub fn has_plan(&self, name: &str) -> bool {
        self.plans.iter().any(|plan| **plan == *name)
    }

    /// Whether the file declares no consumer.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.known.is_empty()
    }

    /// Whether the file puts a consumer in a group of this name.
    #[must_use]
    pub fn has_group(&self, name: &str) -> bool {
        let mut groups = self.known.values().flat_map(|consumer| &consumer.groups);
        groups.any(|group| **group == *name)
    }

    /// Names of all plans, in the order of the file.
    #[must_use]
    pub fn plans(&self) -> &[Arc<str>] {
        &self.plans
    }
}

/// An identity that stands for a consumer.
#[derive(Clone, Copy, Debug)]
pub struct KnownBy<'k> {
    /// The word of the filter that proves it.
    pub method: &'k str,
    /// Who vouches for it; empty where the method has no issuer.
    pub issuer: &'k str,
    /// Its name there.
    pub name: &'k str,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Consumers {
        let acme = Arc::new(Consumer {
            name: "acme".into(),
            plan: Some("gold".into()),
            groups: vec!["partners".into()],
        });
        let known = [("jwt", "https://id.test/", "acme-app"), ("api-key", "", "acme-1")]
            .map(|(method, issuer, name)| (KnownBy { method, issuer, name }, Arc::clone(&acme)));
        Consumers::new(vec!["gold".into()], known)
    }

    #[test]
    fn one_consumer_by_any_of_its_credentials() {
        let table = table();
        let by_token = table.resolve(Identity::new("jwt", "https://id.test/", "acme-app").with_scopes(["a"]));
        let by_key = table.resolve(Identity::new("api-key", "", "acme-1"));
        assert_eq!(by_token.qualified(), by_key.qualified());
        assert_eq!((by_token.consumer(), by_token.plan()), ("acme", Some("gold")));
        assert_eq!(
            (by_token.method(), by_token.issuer()),
            ("jwt", "https://id.test/")
        );
        assert!(by_token.has_scope("a") && by_token.is_in_group("partners") && !by_token.is_in_group("acme"));
        assert!(table.has_group("partners") && !table.has_group("acme"));
        assert!(!table.is_empty() && Consumers::default().is_empty());
    }

    #[test]
    fn whoever_the_file_does_not_know_stays_as_proved() {
        let table = table();
        for (method, issuer, name) in [
            ("jwt", "https://other.test/", "acme-app"),
            ("api-key", "", "acme"),
            ("basic", "", "acme-1"),
        ] {
            let identity = table.resolve(Identity::new(method, issuer, name));
            assert_eq!(
                identity.qualified(),
                Identity::new(method, issuer, name).qualified()
            );
            assert_eq!((identity.subject(), identity.plan()), (name, None));
            let is_namesake = name == "acme";
            let called = if is_namesake { "api-key::acme" } else { name };
            assert_eq!(identity.consumer(), called, "a namesake is not the consumer");
        }
        // Nor can anybody take the name by which a namesake is called.
        let namesake = table.resolve(Identity::new("api-key", "", "acme"));
        let impostor = table.resolve(Identity::new("jwt", "https://id.test/", "api-key::acme"));
        assert_eq!(impostor.consumer(), "jwt:https://id.test/:api-key::acme");
        assert_ne!(impostor.consumer(), namesake.consumer());
        // No credential can claim to be a consumer of the file.
        let forged = table.resolve(Identity::new("consumer", "", "acme"));
        assert_ne!(
            forged.qualified(),
            table.resolve(Identity::new("api-key", "", "acme-1")).qualified()
        );
    }
}
