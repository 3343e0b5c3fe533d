//! A small HTTP/1.1 origin on threads: it answers by path and counts what it has seen.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

/// The origin; its threads end with the process.
pub(crate) struct Origin {
    pub(crate) port: u16,
    pub(crate) requests: Arc<AtomicUsize>,
}

impl Origin {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let requests = Arc::new(AtomicUsize::new(0));
        let counter = requests.clone();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let counter = counter.clone();
                thread::spawn(move || while answer(&stream, &counter).is_some() {});
            }
        });
        Self { port, requests }
    }
}

fn answer(stream: &TcpStream, counter: &AtomicUsize) -> Option<()> {
    stream.set_nodelay(true).ok()?;
    let mut reader = BufReader::with_capacity(1, stream);
    let mut head = Vec::new();
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        if line == "\r\n" {
            break;
        }
        head.push(line.trim_end().to_ascii_lowercase());
    }
    counter.fetch_add(1, Ordering::Relaxed);
    let path = head.first()?.split(' ').nth(1)?.to_owned();
    let length = head
        .iter()
        .find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
    let chunked = head.iter().any(|line| line == "transfer-encoding: chunked");
    let mut writer = stream;
    if path == "/websocket" {
        let switched =
            "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n";
        writer.write_all(switched.as_bytes()).ok()?;
        let mut bytes = [0; 64];
        while let Ok(count @ 1..) = reader.read(&mut bytes) {
            writer.write_all(&bytes[..count]).ok()?;
        }
        return None;
    }
    let mut body = vec![0; length.unwrap_or(0)];
    reader.read_exact(&mut body).ok()?;
    let mut unread = chunked;
    while unread {
        let mut size = String::new();
        reader.read_line(&mut size).ok()?;
        let size = usize::from_str_radix(size.trim(), 16).ok()?;
        let mut chunk = vec![0; size + 2];
        reader.read_exact(&mut chunk).ok()?;
        body.extend_from_slice(&chunk[..size]);
        unread = size > 0;
    }
    match path.as_str() {
        "/slow" => thread::sleep(Duration::from_millis(400)),
        "/slower" => thread::sleep(Duration::from_secs(3)),
        "/large" => body = vec![b'x'; 4 * 1024 * 1024],
        _ if body.is_empty() => body = format!("path {path}").into_bytes(),
        _ => {}
    }
    let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len());
    writer.write_all(&[head.as_bytes(), &body].concat()).ok()
}
