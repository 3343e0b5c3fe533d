//! Holder of idle connections: `idlers PORT REQUEST COUNT` opens them, makes one exchange on each, says how
//! many are open and holds them until its standard input ends.
//!
//! It measures nothing.

use std::error::Error;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::time::Duration;

use load_tools::message::{Kind, Reader};

/// Requests at a time, as many as under load: a gateway keeps what it needed at its busiest.
const WAVE: usize = 64;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let mut argument = || arguments.next().ok_or("usage: idlers PORT REQUEST COUNT");
    let port: u16 = argument()?.parse()?;
    let request = std::fs::read(argument()?)?;
    let count: usize = argument()?.parse()?;
    let mut open = Vec::with_capacity(count);
    while open.len() < count {
        let wave = WAVE.min(count - open.len());
        let mut streams = Vec::with_capacity(wave);
        for _ in 0..wave {
            streams.push(ask(port, &request)?);
        }
        for mut stream in streams {
            await_answer(&mut stream)?;
            open.push(stream);
        }
    }
    println!("{}", open.len());
    std::io::stdin().read_to_end(&mut Vec::new())?;
    Ok(())
}

/// Opens a connection and sends a request.
fn ask(port: u16, request: &[u8]) -> Result<TcpStream, Box<dyn Error>> {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    stream.write_all(request)?;
    Ok(stream)
}

fn await_answer(stream: &mut TcpStream) -> Result<(), Box<dyn Error>> {
    let mut reader = Reader::new(Kind::Response);
    let mut room = [0; 16 * 1024];
    while !reader.is_done() {
        let count = stream.read(&mut room)?;
        if count == 0 {
            return Err("the gateway closed a connection that should stay open".into());
        }
        reader
            .feed(room.get(..count).unwrap_or_default())
            .map_err(|_| "the answer is no HTTP")?;
    }
    Ok(())
}
