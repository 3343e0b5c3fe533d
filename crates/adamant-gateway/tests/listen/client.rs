//! A raw client: it sends exactly the bytes that a test gives it.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

pub(crate) struct Client {
    pub(crate) stream: TcpStream,
    unread: Vec<u8>,
}

impl Client {
    pub(crate) fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        stream.set_nodelay(true).unwrap();
        Self {
            stream,
            unread: Vec::new(),
        }
    }

    pub(crate) fn send(&mut self, bytes: impl AsRef<[u8]>) -> &mut Self {
        self.stream.write_all(bytes.as_ref()).unwrap();
        self
    }

    pub(crate) fn get(&mut self, path: &str) -> Answer {
        self.send(format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n"))
            .answer()
    }

    /// The next answer, delimited by its length.
    pub(crate) fn answer(&mut self) -> Answer {
        let head = loop {
            if let Some(at) = find(&self.unread, b"\r\n\r\n") {
                break at + 4;
            }
            assert!(
                self.fill(),
                "closed before an answer: {:?}",
                String::from_utf8_lossy(&self.unread)
            );
        };
        let text = String::from_utf8(self.unread.drain(..head).collect()).unwrap();
        let status = text.split(' ').nth(1).unwrap().parse().unwrap();
        let lower = text.to_ascii_lowercase();
        let length = lower
            .split("content-length: ")
            .nth(1)
            .and_then(|rest| rest.split('\r').next());
        let length = length.map_or(0, |length| length.parse().unwrap());
        while self.unread.len() < length {
            assert!(self.fill(), "closed inside a body");
        }
        Answer {
            status,
            head: lower,
            body: self.unread.drain(..length).collect(),
        }
    }

    /// Everything until the end; `Err` when the connection was reset.
    pub(crate) fn rest(&mut self) -> std::io::Result<Vec<u8>> {
        let mut bytes = std::mem::take(&mut self.unread);
        self.stream.read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    fn fill(&mut self) -> bool {
        let mut bytes = [0; 64 * 1024];
        let count = self.stream.read(&mut bytes).expect("an answer in time");
        self.unread.extend_from_slice(&bytes[..count]);
        count > 0
    }
}

pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }
}

fn find(bytes: &[u8], needle: &[u8]) -> Option<usize> {
    bytes.windows(needle.len()).position(|window| window == needle)
}
