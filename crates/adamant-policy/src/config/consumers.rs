//! Plans and consumers: who is the same by whichever credential, and what it has.
//!
//! Knows no credential and no limit: filters prove identities, and limits tell plans apart.

use std::sync::Arc;

use adamant_filter::Span;

/// Position of a plan in [`Config::plans`](super::Config::plans).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PlanId(pub usize);

/// A plan that consumers have. It is a name; what it is worth stands at the limits.
#[derive(Debug)]
pub struct ConsumerPlan {
    /// Its key in the file.
    pub name: Arc<str>,
    /// Place of the key in the file.
    pub span: Span,
}

/// A consumer with everything that stands for it.
#[derive(Debug)]
pub struct Consumer {
    /// Its key in the file.
    pub name: Arc<str>,
    /// The plan that it has.
    pub plan: Option<PlanId>,
    /// Groups that it belongs to, sorted, each once.
    pub groups: Vec<Arc<str>>,
    /// Identities that stand for it, sorted; at least one.
    pub known_by: Vec<KnownBy>,
    /// Place of the key in the file.
    pub span: Span,
}

/// An identity that stands for a consumer.
#[derive(Clone, Debug)]
pub struct KnownBy {
    /// The word of the filter that proves it.
    pub method: Arc<str>,
    /// Who vouches for it; empty where the method has no issuer.
    pub issuer: Arc<str>,
    /// Its name there.
    pub name: Arc<str>,
    /// Place of the method's word in the file.
    pub span: Span,
}

impl KnownBy {
    /// What makes it one identity and not another.
    #[must_use]
    pub fn key(&self) -> (&str, &str, &str) {
        (&self.method, &self.issuer, &self.name)
    }
}
