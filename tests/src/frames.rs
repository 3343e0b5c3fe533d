//! Frames of HTTP/2 (RFC 9113 §4) put together by hand, for what no honest client sends.
//!
//! Field blocks are written without compression; received ones are not decoded.

/// The connection preface with empty settings.
#[must_use]
pub fn preface() -> Vec<u8> {
    let mut bytes = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
    bytes.extend(frame(SETTINGS, 0, 0, &[]));
    bytes
}

/// Type of a DATA frame.
pub const DATA: u8 = 0;
/// Type of a HEADERS frame.
pub const HEADERS: u8 = 1;
/// Type of an RST_STREAM frame.
pub const RST_STREAM: u8 = 3;
/// Type of a SETTINGS frame.
pub const SETTINGS: u8 = 4;
/// Type of a PING frame.
pub const PING: u8 = 6;
/// Type of a GOAWAY frame.
pub const GOAWAY: u8 = 7;
/// Type of a CONTINUATION frame.
pub const CONTINUATION: u8 = 9;
/// Flag: the stream's last frame.
pub const END_STREAM: u8 = 1;
/// Flag: the field block is complete.
pub const END_HEADERS: u8 = 4;

/// A frame.
#[must_use]
pub fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).expect("a small frame").to_be_bytes();
    let mut bytes = vec![length[1], length[2], length[3], kind, flags];
    bytes.extend(stream.to_be_bytes());
    bytes.extend(payload);
    bytes
}

/// A field block (RFC 7541 §6.2.2: literal fields without indexing, new names).
#[must_use]
pub fn block(fields: &[(&str, &str)]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (name, value) in fields {
        bytes.push(0);
        for text in [name, value] {
            integer(&mut bytes, text.len());
            bytes.extend(text.as_bytes());
        }
    }
    bytes
}

/// RFC 7541 §5.1 with a prefix of seven bits.
fn integer(bytes: &mut Vec<u8>, value: usize) {
    let Some(mut left) = value.checked_sub(127) else {
        return bytes.push(value.to_le_bytes()[0]);
    };
    bytes.push(127);
    while left >= 128 {
        bytes.push(left.to_le_bytes()[0] | 128);
        left >>= 7;
    }
    bytes.push(left.to_le_bytes()[0]);
}

/// HEADERS with a whole field block.
#[must_use]
pub fn headers(stream: u32, fields: &[(&str, &str)], end: bool) -> Vec<u8> {
    let flags = END_HEADERS | if end { END_STREAM } else { 0 };
    frame(HEADERS, flags, stream, &block(fields))
}

/// RST_STREAM with CANCEL.
#[must_use]
pub fn cancel(stream: u32) -> Vec<u8> {
    frame(RST_STREAM, 0, stream, &8_u32.to_be_bytes())
}

/// A frame that was received.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// Its type.
    pub kind: u8,
    /// Its flags.
    pub flags: u8,
    /// Its stream.
    pub stream: u32,
    /// Its payload.
    pub payload: Vec<u8>,
}

/// Takes whole frames off the front of received bytes.
pub fn take(bytes: &mut Vec<u8>) -> Vec<Frame> {
    let mut frames = Vec::new();
    while let Some((head, rest)) = bytes.split_first_chunk::<9>() {
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize;
        let Some(payload) = rest.get(..length) else { break };
        let stream = u32::from_be_bytes([head[5], head[6], head[7], head[8]]) & 0x7fff_ffff;
        frames.push(Frame {
            kind: head[3],
            flags: head[4],
            stream,
            payload: payload.to_vec(),
        });
        bytes.drain(..9 + length);
    }
    frames
}
