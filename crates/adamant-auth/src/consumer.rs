//! Names of consumers, whatever proves them. It knows no credential.

/// Longest name, in bytes: RFC 7519 sets none, OpenID Connect 255, and longer ones fit into no key of a limit.
pub(crate) const CONSUMER_MAX: usize = 1024;

/// Whether a consumer may have this name.
pub(crate) fn is_consumer(name: &str) -> bool {
    !name.is_empty() && name.len() <= CONSUMER_MAX && !name.chars().any(char::is_control)
}
