//! The WebSocket of the built-in origin: a correct handshake (RFC 6455 §4.2), then every frame back.
//!
//! It negotiates no extension and does not look into messages.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, Method, StatusCode, Version, header};
use pingora::Result;
use pingora::protocols::http::v1::server::HttpSession;
use pingora_http::ResponseHeader;
use sha1::{Digest, Sha1};

use super::frames::Frames;

/// What the key is hashed with (RFC 6455 §1.3).
const GUID: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// The head that accepts the handshake; none if the request is not a correct one.
pub(super) fn accept(session: &HttpSession) -> Option<Box<ResponseHeader>> {
    let request = session.req_header();
    let fields = &request.headers;
    let is_handshake = request.method == Method::GET
        && request.version == Version::HTTP_11
        && has_token(fields, header::UPGRADE, "websocket")
        && has_token(fields, header::CONNECTION, "upgrade")
        && fields
            .get(header::SEC_WEBSOCKET_VERSION)
            .is_some_and(|version| version == "13");
    let key = fields.get(header::SEC_WEBSOCKET_KEY)?.as_bytes();
    if !is_handshake || STANDARD.decode(key).ok()?.len() != 16 {
        return None;
    }
    let mut head = ResponseHeader::build(StatusCode::SWITCHING_PROTOCOLS, Some(3)).ok()?;
    head.insert_header(header::UPGRADE, "websocket").ok()?;
    head.insert_header(header::CONNECTION, "Upgrade").ok()?;
    head.insert_header(header::SEC_WEBSOCKET_ACCEPT, accept_value(key))
        .ok()?;
    Some(Box::new(head))
}

/// Switches protocols and returns frames until one side closes.
pub(super) async fn echo(session: &mut HttpSession, head: Box<ResponseHeader>) -> Result<()> {
    session.write_response_header(head).await?;
    let mut frames = Frames::default();
    let mut out = Vec::new();
    while !frames.is_closed() {
        let Some(received) = session.read_body_bytes().await? else {
            break;
        };
        frames.answer(&received, &mut out);
        if !out.is_empty() {
            session.write_body(&out).await?;
            out.clear();
        }
    }
    session.finish_body().await?;
    Ok(())
}

fn accept_value(key: &[u8]) -> String {
    STANDARD.encode(Sha1::new().chain_update(key).chain_update(GUID).finalize())
}

fn has_token(fields: &HeaderMap, name: http::HeaderName, token: &str) -> bool {
    fields
        .get_all(name)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|listed| listed.trim().eq_ignore_ascii_case(token))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_of_the_rfc_is_accepted_with_its_value() {
        assert_eq!(
            accept_value(b"dGhlIHNhbXBsZSBub25jZQ=="),
            "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
        );
    }
}
