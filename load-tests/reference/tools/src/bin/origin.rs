//! Origin: `origin PORT` answers every request with 1 KiB, or 100 KiB if its target contains `/large`.
//!
//! One thread, prepared answers, no log: it must never be what limits a measurement.

use std::collections::HashMap;
use std::error::Error;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Ipv4Addr, SocketAddrV4, TcpListener, TcpStream};

use load_tools::message::{Kind, Reader};
use load_tools::poller::Poller;
use rustix::net::{AddressFamily, SocketFlags, SocketType, bind, listen, socket_with, sockopt};

/// Connections that may wait to be accepted.
const BACKLOG: i32 = 4096;

/// The listener's token; connections count up from 1.
const LISTENER: u64 = 0;

/// The prepared answers.
struct Answers {
    small: Vec<u8>,
    large: Vec<u8>,
}

/// A connection of the gateway.
struct Client {
    stream: TcpStream,
    reader: Reader,
    /// What did not fit into the connection at once.
    pending: Vec<u8>,
}

fn main() -> Result<(), Box<dyn Error>> {
    let port = std::env::args().nth(1).ok_or("usage: origin PORT")?.parse()?;
    let listener = listener(port)?;
    let answers = Answers {
        small: answer(1024),
        large: answer(100 * 1024),
    };
    let mut poller = Poller::new()?;
    poller.listen(&listener, LISTENER)?;
    let mut clients = HashMap::new();
    let mut accepted = LISTENER;
    let mut room = vec![0; 256 * 1024];
    loop {
        let tokens = poller.wait(None)?;
        for token in &tokens {
            if *token == LISTENER {
                while let Some(stream) = accept(&listener)? {
                    accepted += 1;
                    poller.watch(&stream, accepted)?;
                    clients.insert(
                        accepted,
                        Client {
                            stream,
                            reader: Reader::new(Kind::Request),
                            pending: Vec::new(),
                        },
                    );
                }
            } else if let Some(client) = clients.get_mut(token)
                && client.serve(&answers, &mut room).is_err()
            {
                clients.remove(token);
            }
        }
        poller.recycle(tokens);
    }
}

fn listener(port: u16) -> io::Result<TcpListener> {
    let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
    let socket = socket_with(AddressFamily::INET, SocketType::STREAM, flags, None)?;
    sockopt::set_socket_reuseaddr(&socket, true)?;
    bind(&socket, &SocketAddrV4::new(Ipv4Addr::LOCALHOST, port))?;
    listen(&socket, BACKLOG)?;
    Ok(TcpListener::from(socket))
}

fn accept(listener: &TcpListener) -> io::Result<Option<TcpStream>> {
    match listener.accept() {
        Ok((stream, _)) => {
            stream.set_nonblocking(true)?;
            stream.set_nodelay(true)?;
            Ok(Some(stream))
        }
        Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(None),
        // A client that is gone before it was accepted is nobody's failure.
        Err(error) if error.kind() == ErrorKind::ConnectionAborted => Ok(None),
        Err(error) => Err(error),
    }
}

/// A complete answer whose body has `size` bytes.
fn answer(size: usize) -> Vec<u8> {
    let head = format!(
        "HTTP/1.1 200 OK\r\nServer: origin\r\nDate: Mon, 23 Nov 2026 12:00:00 GMT\r\n\
         Content-Type: application/json\r\nContent-Length: {size}\r\nCache-Control: no-store\r\n\
         X-Cost: 1\r\n\r\n"
    );
    let item = b"{\"id\":12345,\"name\":\"one of many\",\"tags\":[\"red\",\"green\"],\"price\":9.99},\n";
    head.into_bytes()
        .into_iter()
        .chain(item.iter().copied().cycle().take(size))
        .collect()
}

impl Client {
    /// Does what can be done now; an error ends the connection.
    fn serve(&mut self, answers: &Answers, room: &mut [u8]) -> io::Result<()> {
        self.flush()?;
        loop {
            let count = match self.stream.read(room) {
                Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
                Ok(count) => count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            };
            self.take(room.get(..count).unwrap_or_default(), answers)?;
            // Less than fits: nothing more is there, and what comes later is reported anew.
            if count < room.len() {
                return Ok(());
            }
        }
    }

    fn take(&mut self, mut bytes: &[u8], answers: &Answers) -> io::Result<()> {
        while !bytes.is_empty() {
            let taken = self.reader.feed(bytes).map_err(|_| ErrorKind::InvalidData)?;
            bytes = bytes.get(taken..).unwrap_or_default();
            if self.reader.is_done() {
                self.send(if self.reader.wants_large() {
                    &answers.large
                } else {
                    &answers.small
                })?;
                self.reader.restart();
            }
        }
        Ok(())
    }

    fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        let sent = if self.pending.is_empty() {
            self.write(bytes)?
        } else {
            0
        };
        self.pending
            .extend_from_slice(bytes.get(sent..).unwrap_or_default());
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.pending.is_empty() {
            return Ok(());
        }
        let pending = std::mem::take(&mut self.pending);
        let sent = self.write(&pending)?;
        self.pending = pending;
        self.pending.drain(..sent);
        Ok(())
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self.stream.write(bytes) {
            Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(0),
            other => other,
        }
    }
}
