//! Names of fields that a filter of this crate may write on the way to the upstream.
//!
//! Knows no value.

use adamant_filter::prelude::*;

/// Fields that frame a message, name its host or belong to one connection (RFC 9110 §7.6.1, RFC 9112 §6,
/// RFC 9113 §8.2.2), and those that the gateway writes itself.
const TAKEN: [&str; 20] = [
    "connection",
    "content-length",
    "expect",
    "forwarded",
    "host",
    "http2-settings",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authentication-info",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-port",
    "x-forwarded-proto",
    "x-request-id",
    "proxy-authorization",
];

/// The field of this name at `path` of the configuration, when a filter may write it.
pub(crate) fn owned_field(name: &str, path: &str) -> Result<HeaderName, Problem> {
    let field = HeaderName::try_from(name)
        .map_err(|_| Problem::at(path, format!("`{name}` is not the name of a header field")))?;
    if TAKEN.contains(&field.as_str()) {
        return Err(Problem::at(
            path,
            format!("`{field}` belongs to the connection or is written by the gateway itself"),
        ));
    }
    if field.as_str().contains('_') {
        // Receivers that merge both would merge what the client sends, too; requests with a `_` are refused.
        return Err(Problem::at(path, format!("`{field}` has an underscore"))
            .with_help("receivers take `_` and `-` for the same: write a hyphen"));
    }
    Ok(field)
}
