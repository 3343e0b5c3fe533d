//! What the built-in origin received, as JSON.
//!
//! It is what an endpoint sees after the gateway's work; nothing is hidden or interpreted.

use bytes::BytesMut;
use pingora::Result;
use pingora::protocols::http::v1::server::HttpSession;
use serde_json::{Map, Value, json};

/// Longest body that is shown; of longer ones only the length is.
const SHOWN_MAX: usize = 16 * 1024;

/// Reads the body to its end and describes the request. Field names are lower case; each has the list of
/// its values.
pub(super) async fn of(session: &mut HttpSession) -> Result<Value> {
    let mut shown = BytesMut::new();
    let mut length = 0_u64;
    while let Some(part) = session.read_body_bytes().await? {
        length += part.len() as u64;
        if length <= SHOWN_MAX as u64 {
            shown.extend_from_slice(&part);
        }
    }
    let is_whole = shown.len() as u64 == length;
    let body = is_whole.then(|| std::str::from_utf8(&shown).ok()).flatten();
    let head = session.req_header();
    Ok(json!({
        "method": head.method.as_str(),
        "path": head.uri.path(),
        "query": head.uri.query(),
        "headers": fields(head),
        "body_length": length,
        "body": body,
    }))
}

fn fields(head: &pingora_http::RequestHeader) -> Value {
    let mut fields = Map::new();
    for (name, value) in &head.headers {
        let values = fields
            .entry(name.as_str())
            .or_insert_with(|| Value::Array(Vec::new()));
        if let Value::Array(values) = values {
            values.push(String::from_utf8_lossy(value.as_bytes()).into());
        }
    }
    Value::Object(fields)
}
