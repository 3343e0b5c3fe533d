//! Services in which instances share state, with every default filled in.

use std::sync::Arc;
use std::time::Duration;

use adamant_filter::{SecretRef, Span};

use super::UpstreamTls;

/// A server of the Redis protocol in which instances share state.
#[derive(Clone, Debug)]
pub struct Store {
    /// Its key in the file.
    pub name: Arc<str>,
    /// Host name or IP literal without brackets, and TCP port.
    pub address: (Arc<str>, u16),
    /// TLS towards it, always verified; clear text when absent.
    pub tls: Option<UpstreamTls>,
    /// Whom to log in as; the server's default user when absent.
    pub user: Option<Arc<str>>,
    /// The password of that user.
    pub password: Option<SecretRef>,
    /// Number of the database.
    pub database: u32,
    /// Longest wait for an answer.
    pub timeout: Duration,
    /// Connections at a time.
    pub connections: u32,
    /// Place of the key in the file.
    pub span: Span,
}
