//! What each path of the built-in origin answers.
//!
//! Sizes and times that a path asks for are bounded; beyond the bound it is refused, never shortened.

use std::time::Duration;

use http::{Method, StatusCode, header};
use pingora::Result;
use pingora::protocols::http::v1::server::HttpSession;
use pingora_http::ResponseHeader;
use serde_json::{Value, json};
use tokio::time::sleep;

use super::{report, websocket};

/// Longest delay that `/delay` gives.
const DELAY_MAX: u64 = 10_000;

/// Most bytes that `/bytes` gives.
const BYTES_MAX: u64 = 2 << 30;

/// Events that `/events` sends, and the time between them.
const EVENTS: u32 = 5;
const EVENT_PAUSE: Duration = Duration::from_millis(100);

/// What `/bytes` consists of.
static FILLING: [u8; 64 * 1024] = [b'.'; 64 * 1024];

/// Answers the request whose head was just read, and reads its body.
pub(super) async fn answer(session: &mut HttpSession) -> Result<()> {
    if expects_continue(session) {
        session.write_continue_response().await?;
    }
    let path = session.req_header().uri.path().to_owned();
    let (word, amount) = path
        .strip_prefix('/')
        .unwrap_or(&path)
        .split_once('/')
        .unwrap_or((&path, ""));
    match (word, amount, amount.parse::<u64>()) {
        ("status", _, Ok(code @ 200..=599)) => report(session, code as u16).await,
        ("status", _, _) => refuse(session, "a status is a number from 200 to 599").await,
        ("delay", _, Ok(milliseconds @ ..=DELAY_MAX)) => {
            sleep(Duration::from_millis(milliseconds)).await;
            report(session, 200).await
        }
        ("delay", _, _) => refuse(session, "a delay is a number of milliseconds up to 10000").await,
        ("bytes", _, Ok(length @ ..=BYTES_MAX)) => bytes(session, length).await,
        ("bytes", _, _) => refuse(session, "a length is a number of bytes up to 2147483648").await,
        ("/events", "", _) => events(session).await,
        ("/ws", "", _) => match websocket::accept(session) {
            Some(head) => websocket::echo(session, head).await,
            None => refuse(session, "this path wants a WebSocket handshake").await,
        },
        _ => report(session, 200).await,
    }
}

fn expects_continue(session: &HttpSession) -> bool {
    session
        .get_header_bytes(header::EXPECT)
        .eq_ignore_ascii_case(b"100-continue")
}

async fn report(session: &mut HttpSession, status: u16) -> Result<()> {
    let report = report::of(session).await?;
    json(session, status, &report).await
}

async fn refuse(session: &mut HttpSession, reason: &str) -> Result<()> {
    session.drain_request_body().await?;
    json(session, 400, &json!({ "error": reason })).await
}

async fn json(session: &mut HttpSession, status: u16, value: &Value) -> Result<()> {
    let mut text = format!("{value:#}\n");
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::OK);
    let mut head = ResponseHeader::build(status, Some(4))?;
    if matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED) {
        text.clear();
    } else {
        head.insert_header(header::CONTENT_TYPE, "application/json")?;
        head.insert_header(header::CONTENT_LENGTH, text.len())?;
    }
    session.write_response_header(Box::new(head)).await?;
    if !text.is_empty() && session.req_header().method != Method::HEAD {
        session.write_body(text.as_bytes()).await?;
    }
    session.finish_body().await?;
    Ok(())
}

async fn bytes(session: &mut HttpSession, length: u64) -> Result<()> {
    session.drain_request_body().await?;
    let mut head = ResponseHeader::build(StatusCode::OK, Some(4))?;
    head.insert_header(header::CONTENT_TYPE, "application/octet-stream")?;
    head.insert_header(header::CONTENT_LENGTH, length)?;
    session.write_response_header(Box::new(head)).await?;
    let mut left = if session.req_header().method == Method::HEAD {
        0
    } else {
        length
    };
    while left > 0 {
        let part = FILLING.get(..left as usize).unwrap_or(&FILLING);
        session.write_body(part).await?;
        left -= part.len() as u64;
    }
    session.finish_body().await?;
    Ok(())
}

async fn events(session: &mut HttpSession) -> Result<()> {
    session.drain_request_body().await?;
    let mut head = ResponseHeader::build(StatusCode::OK, Some(4))?;
    head.insert_header(header::CONTENT_TYPE, "text/event-stream")?;
    head.insert_header(header::CACHE_CONTROL, "no-store")?;
    head.insert_header(header::TRANSFER_ENCODING, "chunked")?;
    session.write_response_header(Box::new(head)).await?;
    if session.req_header().method != Method::HEAD {
        for number in 1..=EVENTS {
            if number > 1 {
                sleep(EVENT_PAUSE).await;
            }
            session
                .write_body(format!("id: {number}\ndata: {{\"event\":{number}}}\n\n").as_bytes())
                .await?;
        }
    }
    session.finish_body().await?;
    Ok(())
}
