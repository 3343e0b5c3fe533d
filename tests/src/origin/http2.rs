//! The origin's side of HTTP/2.
//!
//! Streams are answered independently; what only HTTP/1.1 has (raw bytes, switched protocols) is absent.

use std::io;
use std::sync::Arc;

use bytes::Bytes;
use h2::server::{self, SendResponse};
use h2::{Reason, RecvStream, SendStream};
use http::{HeaderMap, HeaderName, HeaderValue, Request};
use tokio::task::JoinSet;

use super::Shared;
use crate::script::Step;
use crate::wire::{KEPT, Stream};
use crate::{Answer, Fields, Seen};

pub(super) async fn serve(stream: Box<dyn Stream>, shared: &Arc<Shared>, number: usize) -> io::Result<()> {
    let mut connection = server::Builder::new()
        .initial_window_size(1024 * 1024)
        .initial_connection_window_size(4 * 1024 * 1024)
        .handshake(stream)
        .await
        .map_err(io::Error::other)?;
    let mut streams = JoinSet::new();
    while let Some(next) = connection.accept().await {
        let (request, respond) = next.map_err(io::Error::other)?;
        let shared = Arc::clone(shared);
        streams.spawn(async move { exchange(request, respond, &shared, number).await });
    }
    Ok(())
}

async fn exchange(
    request: Request<RecvStream>,
    respond: SendResponse<Bytes>,
    shared: &Shared,
    number: usize,
) -> Result<(), h2::Error> {
    let (parts, body) = request.into_parts();
    let mut seen = Seen {
        connection: number,
        method: parts.method.to_string(),
        target: parts
            .uri
            .path_and_query()
            .map_or_else(|| "*".to_owned(), ToString::to_string),
        host: parts.uri.authority().map(ToString::to_string).unwrap_or_default(),
        fields: Fields::of(&parts.headers),
        ..Seen::default()
    };
    seen.head = format!("{} {} HTTP/2\r\n{:?}", seen.method, seen.target, seen.fields).into_bytes();
    let place = shared.arrived(seen.clone());
    let early = (shared.script)(&seen);
    let answer = if early.early {
        early
    } else {
        let read = read_body(body, &mut seen).await;
        shared.amend(place, |known| known.clone_from(&seen));
        if let Err(error) = read {
            shared.amend(place, |known| known.gone = true);
            return Err(error);
        }
        (shared.script)(&seen)
    };
    tokio::time::sleep(answer.delay).await;
    let played = play(&answer, respond, &seen.method).await;
    if played.is_err() {
        shared.amend(place, |seen| seen.gone = true);
    }
    played
}

async fn read_body(mut body: RecvStream, seen: &mut Seen) -> Result<(), h2::Error> {
    while let Some(data) = body.data().await {
        let data = data?;
        body.flow_control().release_capacity(data.len())?;
        let room = KEPT - seen.body.len();
        seen.body.extend_from_slice(&data[..data.len().min(room)]);
        seen.body_length += data.len() as u64;
    }
    if let Some(trailers) = body.trailers().await? {
        seen.trailers = Fields::of(&trailers);
    }
    seen.complete = true;
    Ok(())
}

async fn play(answer: &Answer, mut respond: SendResponse<Bytes>, method: &str) -> Result<(), h2::Error> {
    if answer.raw && matches!(answer.steps.first(), Some(Step::Reset | Step::Hang)) {
        if matches!(answer.steps.first(), Some(Step::Hang)) {
            let reset = std::future::poll_fn(|context| respond.poll_reset(context)).await?;
            return Err(reset.into());
        }
        respond.send_reset(Reason::INTERNAL_ERROR);
        return Ok(());
    }
    let mut head = http::Response::builder().status(answer.status);
    for (name, value) in &answer.fields {
        head = head.header(name, value);
    }
    let head = head.body(()).expect("the fields of a script are well formed");
    let empty = answer.steps.is_empty() && answer.trailers.is_empty();
    let mut stream = respond.send_response(head, empty || method == "HEAD")?;
    if empty || method == "HEAD" {
        return Ok(());
    }
    for step in &answer.steps {
        if !play_step(&mut stream, step).await? {
            return Ok(());
        }
    }
    if answer.trailers.is_empty() {
        stream.send_data(Bytes::new(), true)
    } else {
        stream.send_trailers(map(answer))
    }
}

/// False: the stream is over.
async fn play_step(stream: &mut SendStream<Bytes>, step: &Step) -> Result<bool, h2::Error> {
    match step {
        Step::Data(bytes) => send(stream, bytes.clone()).await?,
        Step::Fill(length) => {
            let piece = Bytes::from(vec![b'x'; 64 * 1024]);
            let mut left = *length;
            while left > 0 {
                let now = usize::try_from(left).unwrap_or(usize::MAX).min(piece.len());
                send(stream, piece.slice(..now)).await?;
                left -= now as u64;
            }
        }
        Step::Pause(period) => tokio::time::sleep(*period).await,
        Step::Gate(gate) => tokio::select! {
            () = gate.passed() => {}
            reset = std::future::poll_fn(|context| stream.poll_reset(context)) => return Err(reset?.into()),
        },
        Step::Hang => {
            let reset = std::future::poll_fn(|context| stream.poll_reset(context)).await?;
            return Err(reset.into());
        }
        Step::Reset | Step::Close => {
            stream.send_reset(Reason::INTERNAL_ERROR);
            return Ok(false);
        }
    }
    Ok(true)
}

/// Sends bytes as fast as the window allows.
pub(crate) async fn send(stream: &mut SendStream<Bytes>, mut bytes: Bytes) -> Result<(), h2::Error> {
    while !bytes.is_empty() {
        stream.reserve_capacity(bytes.len());
        let room = std::future::poll_fn(|context| stream.poll_capacity(context)).await;
        let room = room.unwrap_or_else(|| Err(Reason::CANCEL.into()))?;
        stream.send_data(bytes.split_to(room.min(bytes.len())), false)?;
    }
    Ok(())
}

fn map(answer: &Answer) -> HeaderMap {
    let field = |(name, value): &(String, String)| {
        let name: HeaderName = name.parse().expect("the trailers of a script are well formed");
        let value: HeaderValue = value.parse().expect("the trailers of a script are well formed");
        (name, value)
    };
    answer.trailers.iter().map(field).collect()
}
