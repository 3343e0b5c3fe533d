//! The origin's side of HTTP/1.1.
//!
//! It answers one request after the other and never guesses where a message ends.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;

use bytes::Bytes;
use tokio::io::{AsyncWriteExt, copy, split};
use tokio::net::TcpStream;

use super::Shared;
use crate::script::{Framing, Step};
use crate::wire::{Body, Stream, Wire};
use crate::{Answer, Fields, Seen};

/// What follows an answer.
enum After {
    Next,
    Close,
}

/// Makes the close of a connection a reset: a second descriptor of it, as the first is inside a stream.
#[derive(Debug)]
pub(super) struct Lever(OwnedFd);

impl Lever {
    pub(super) fn of(stream: &TcpStream) -> io::Result<Self> {
        stream.as_fd().try_clone_to_owned().map(Self)
    }

    /// With no time to linger, closing discards what is unsent and sends RST.
    fn pull(self) -> io::Result<()> {
        TcpStream::from_std(self.0.into())?.set_zero_linger()
    }
}

pub(super) async fn serve(
    stream: Box<dyn Stream>,
    lever: Lever,
    shared: &Arc<Shared>,
    number: usize,
) -> io::Result<()> {
    let mut wire = Wire::new(stream);
    let mut lever = Some(lever);
    while let Some(head) = wire.through(b"\r\n\r\n").await? {
        let seen = read_head(head, number);
        let place = shared.arrived(seen.clone());
        let early = (shared.script)(&seen);
        let answer = if early.early {
            early
        } else {
            let mut seen = seen;
            read_body(&mut wire, &mut seen).await?;
            shared.amend(place, |known| known.clone_from(&seen));
            (shared.script)(&seen)
        };
        tokio::time::sleep(answer.delay).await;
        let mut player = Player {
            wire: &mut wire,
            lever: &mut lever,
        };
        match player.play(&answer, &seen_method(shared, place)).await {
            Ok(After::Next) if !answer.early => {}
            Ok(_) => break,
            Err(error) => {
                shared.amend(place, |seen| seen.gone = true);
                return Err(error);
            }
        }
    }
    wire.stream.shutdown().await
}

fn seen_method(shared: &Shared, place: usize) -> String {
    let mut method = String::new();
    shared.amend(place, |seen| method.clone_from(&seen.method));
    method
}

fn read_head(head: Vec<u8>, connection: usize) -> Seen {
    let text = String::from_utf8_lossy(&head).into_owned();
    let (line, rest) = text.split_once("\r\n").unwrap_or((&text, ""));
    let mut words = line.split(' ');
    let mut word = || words.next().unwrap_or_default().to_owned();
    let (method, target, fields) = (word(), word(), Fields::parse(rest));
    let host = fields.all("host").join(" and ");
    Seen {
        connection,
        head,
        method,
        target,
        host,
        fields,
        ..Seen::default()
    }
}

async fn read_body(wire: &mut Wire, seen: &mut Seen) -> io::Result<()> {
    if seen.field("expect").is_some() {
        wire.stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").await?;
    }
    let mut body = Body::default();
    if !seen.fields.all("transfer-encoding").is_empty() {
        wire.chunked(&mut body).await?;
    } else {
        let length = seen.field("content-length").map_or(Ok(0), str::parse);
        let length = length.map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
        wire.length(length, &mut body).await?;
    }
    (seen.body, seen.body_length) = (body.kept, body.length);
    (seen.trailers, seen.complete) = (body.trailers, body.complete);
    Ok(())
}

struct Player<'a> {
    wire: &'a mut Wire,
    lever: &'a mut Option<Lever>,
}

impl Player<'_> {
    async fn play(&mut self, answer: &Answer, method: &str) -> io::Result<After> {
        if !answer.raw {
            self.wire.stream.write_all(head(answer).as_bytes()).await?;
        }
        if answer.tunnel {
            return self.echo().await;
        }
        if method == "HEAD" {
            return Ok(After::Next);
        }
        let chunked = !answer.raw && answer.framing == Framing::Chunked;
        for step in &answer.steps {
            if matches!(self.step(step, chunked).await?, After::Close) {
                return Ok(After::Close);
            }
        }
        if chunked {
            let mut end = "0\r\n".to_owned();
            for (name, value) in &answer.trailers {
                end += &format!("{name}: {value}\r\n");
            }
            self.wire.stream.write_all((end + "\r\n").as_bytes()).await?;
        }
        self.wire.stream.flush().await?;
        Ok(if answer.framing == Framing::Close {
            After::Close
        } else {
            After::Next
        })
    }

    async fn step(&mut self, step: &Step, chunked: bool) -> io::Result<After> {
        match step {
            Step::Data(bytes) => self.data(bytes, chunked).await?,
            Step::Fill(length) => {
                let piece = Bytes::from(vec![b'x'; 64 * 1024]);
                let mut left = *length;
                while left > 0 {
                    let now = usize::try_from(left).unwrap_or(usize::MAX).min(piece.len());
                    self.data(&piece.slice(..now), chunked).await?;
                    left -= now as u64;
                }
            }
            Step::Pause(period) => tokio::time::sleep(*period).await,
            Step::Gate(gate) => tokio::select! {
                () = gate.passed() => {}
                gone = gone(self.wire) => return Err(gone),
            },
            Step::Hang => return Err(gone(self.wire).await),
            Step::Reset => {
                self.lever.take().map_or(Ok(()), Lever::pull)?;
                return Err(io::ErrorKind::ConnectionReset.into());
            }
            Step::Close => return Ok(After::Close),
        }
        Ok(After::Next)
    }

    async fn data(&mut self, bytes: &[u8], chunked: bool) -> io::Result<()> {
        let stream = &mut self.wire.stream;
        if chunked {
            stream
                .write_all(format!("{:x}\r\n", bytes.len()).as_bytes())
                .await?;
            stream.write_all(bytes).await?;
            stream.write_all(b"\r\n").await?;
        } else {
            stream.write_all(bytes).await?;
        }
        stream.flush().await
    }

    /// Everything back, until the other side ends its direction.
    async fn echo(&mut self) -> io::Result<After> {
        let ahead = self.wire.take_buffered();
        let stream = &mut self.wire.stream;
        stream.write_all(&ahead).await?;
        let (mut from, mut to) = split(stream);
        copy(&mut from, &mut to).await?;
        Ok(After::Close)
    }
}

/// Waits until the other side has gone away.
async fn gone(wire: &mut Wire) -> io::Error {
    while let Ok(true) = wire.fill().await {}
    io::ErrorKind::ConnectionAborted.into()
}

fn head(answer: &Answer) -> String {
    let phrase = http::StatusCode::from_u16(answer.status)
        .ok()
        .and_then(|status| status.canonical_reason());
    let mut head = format!("HTTP/1.1 {} {}\r\n", answer.status, phrase.unwrap_or("Scripted"));
    for (name, value) in &answer.fields {
        head += &format!("{name}: {value}\r\n");
    }
    let bare = answer.status < 200 || answer.status == 204 || answer.status == 304;
    match answer.framing {
        Framing::Length(_) if bare => {}
        Framing::Length(length) => head += &format!("content-length: {length}\r\n"),
        Framing::Chunked => head += "transfer-encoding: chunked\r\n",
        Framing::Close => head += "connection: close\r\n",
    }
    head + "\r\n"
}
