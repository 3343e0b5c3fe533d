//! WebSocket frames of a client turned into the server's answer to them (RFC 6455 §5).
//!
//! Works on bytes as they come, in whatever pieces, and holds no more than a frame's head. It knows no
//! socket.

/// Longest payload of one frame; there is no reason to send the echo more.
const PAYLOAD_MAX: u64 = 16 << 20;

const OPCODE_CLOSE: u8 = 0x8;
const OPCODE_PING: u8 = 0x9;
const OPCODE_PONG: u8 = 0xA;

/// Close codes of RFC 6455 §7.4.1.
const PROTOCOL_ERROR: u16 = 1002;
const TOO_BIG: u16 = 1009;

/// The frames of one connection.
#[derive(Debug, Default)]
pub(super) struct Frames {
    head: Vec<u8>,
    payload: Option<Payload>,
    closed: bool,
}

/// A frame whose payload is arriving.
#[derive(Debug)]
struct Payload {
    opcode: u8,
    mask: [u8; 4],
    /// Bytes seen, for the place in the mask.
    seen: u64,
    left: u64,
}

/// What the bytes of a head say so far.
enum Head {
    Incomplete,
    Wrong(u16),
    Complete { first: u8, length: u64, mask: [u8; 4] },
}

impl Frames {
    /// The closing frame was answered, or the client broke the rules; nothing more is to be said.
    pub(super) const fn is_closed(&self) -> bool {
        self.closed
    }

    /// Takes bytes of the client and appends the answer to `out`: data frames come back as they are, pings
    /// as pongs, a close as a close.
    pub(super) fn answer(&mut self, mut received: &[u8], out: &mut Vec<u8>) {
        while !self.closed && !received.is_empty() {
            received = if self.payload.is_some() {
                self.pass_on(received, out)
            } else {
                self.read_head(received, out)
            };
        }
    }

    fn read_head<'a>(&mut self, received: &'a [u8], out: &mut Vec<u8>) -> &'a [u8] {
        let Some((&byte, rest)) = received.split_first() else {
            return received;
        };
        self.head.push(byte);
        match parse(&self.head) {
            Head::Incomplete => {}
            Head::Wrong(code) => self.close(code, out),
            Head::Complete { first, length, mask } => {
                self.head.clear();
                self.begin(first, length, mask, out);
            }
        }
        rest
    }

    fn begin(&mut self, first: u8, length: u64, mask: [u8; 4], out: &mut Vec<u8>) {
        let opcode = first & 0x0F;
        match opcode {
            // An unasked pong needs no answer (§5.5.3); its payload is skipped.
            OPCODE_PONG => {}
            OPCODE_PING => write_head(first & 0xF0 | OPCODE_PONG, length, out),
            _ => write_head(first, length, out),
        }
        self.payload = Some(Payload {
            opcode,
            mask,
            seen: 0,
            left: length,
        });
        self.end_if_done();
    }

    fn pass_on<'a>(&mut self, received: &'a [u8], out: &mut Vec<u8>) -> &'a [u8] {
        let Some(payload) = &mut self.payload else {
            return received;
        };
        let taken = usize::try_from(payload.left).map_or(received.len(), |left| left.min(received.len()));
        let (part, rest) = received.split_at(taken);
        if payload.opcode != OPCODE_PONG {
            let mask = payload.mask.iter().cycle().skip((payload.seen % 4) as usize);
            out.extend(part.iter().zip(mask).map(|(byte, mask)| byte ^ mask));
        }
        payload.seen += taken as u64;
        payload.left -= taken as u64;
        self.end_if_done();
        rest
    }

    fn end_if_done(&mut self) {
        if let Some(done) = self.payload.take_if(|payload| payload.left == 0) {
            self.closed = done.opcode == OPCODE_CLOSE;
        }
    }

    fn close(&mut self, code: u16, out: &mut Vec<u8>) {
        write_head(0x80 | OPCODE_CLOSE, 2, out);
        out.extend(code.to_be_bytes());
        self.closed = true;
    }
}

/// Reads a client's head: FIN, no extension bits, a known opcode, a mask, a length within bounds.
fn parse(head: &[u8]) -> Head {
    let Some((&[first, second], rest)) = head.split_first_chunk::<2>() else {
        return Head::Incomplete;
    };
    let is_control = first & 0x08 != 0;
    let is_known = matches!(first & 0x0F, 0x0..=0x2 | OPCODE_CLOSE | OPCODE_PING | OPCODE_PONG);
    let short = second & 0x7F;
    // Control frames are short and whole (§5.5); a client always masks (§5.1).
    let is_wrong = first & 0x70 != 0
        || !is_known
        || second & 0x80 == 0
        || is_control && (short > 125 || first & 0x80 == 0);
    if is_wrong {
        return Head::Wrong(PROTOCOL_ERROR);
    }
    let length_bytes = match short {
        126 => 2,
        127 => 8,
        _ => 0,
    };
    let Some((length, mask)) = rest.split_at_checked(length_bytes) else {
        return Head::Incomplete;
    };
    let length = match length_bytes {
        0 => u64::from(short),
        _ => length
            .iter()
            .fold(0, |length, &byte| length << 8 | u64::from(byte)),
    };
    if length > PAYLOAD_MAX {
        return Head::Wrong(TOO_BIG);
    }
    match mask.first_chunk::<4>() {
        Some(&mask) => Head::Complete { first, length, mask },
        None => Head::Incomplete,
    }
}

/// A server's head has no mask.
fn write_head(first: u8, length: u64, out: &mut Vec<u8>) {
    out.push(first);
    match length {
        ..=125 => out.push(length as u8),
        126..=0xFFFF => {
            out.push(126);
            out.extend((length as u16).to_be_bytes());
        }
        _ => {
            out.push(127);
            out.extend(length.to_be_bytes());
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MASK: [u8; 4] = [0x37, 0xFA, 0x21, 0x3D];

    /// A client's frame.
    fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::new();
        write_head(first, payload.len() as u64, &mut bytes);
        bytes[1] |= 0x80;
        bytes.extend(MASK);
        bytes.extend(
            payload
                .iter()
                .zip(MASK.iter().cycle())
                .map(|(byte, mask)| byte ^ mask),
        );
        bytes
    }

    /// A server's frame.
    fn answer(first: u8, payload: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::new();
        write_head(first, payload.len() as u64, &mut bytes);
        bytes.extend(payload);
        bytes
    }

    fn answered(received: &[u8]) -> (Vec<u8>, bool) {
        let (mut frames, mut out) = (Frames::default(), Vec::new());
        frames.answer(received, &mut out);
        (out, frames.is_closed())
    }

    #[test]
    fn frames_come_back_unmasked() {
        for (received, expected, closed) in [
            (frame(0x81, b"Hello"), answer(0x81, b"Hello"), false),
            (frame(0x01, b"Hel"), answer(0x01, b"Hel"), false),
            (frame(0x82, &[7; 126]), answer(0x82, &[7; 126]), false),
            (frame(0x82, &[7; 70_000]), answer(0x82, &[7; 70_000]), false),
            (frame(0x82, b""), answer(0x82, b""), false),
            (frame(0x89, b"there?"), answer(0x8A, b"there?"), false),
            (frame(0x8A, b"unasked"), Vec::new(), false),
            (frame(0x88, &[3, 232]), answer(0x88, &[3, 232]), true),
        ] {
            assert_eq!(answered(&received), (expected, closed));
        }
    }

    #[test]
    fn broken_rules_close_the_connection() {
        let unmasked = answer(0x81, b"Hello");
        let too_big = [&[0x82, 0xFF][..], &(PAYLOAD_MAX + 1).to_be_bytes(), &MASK].concat();
        let long_ping = frame(0x89, &[0; 126]);
        for (received, code) in [
            (unmasked, PROTOCOL_ERROR),
            (frame(0xC1, b"compressed"), PROTOCOL_ERROR),
            (frame(0x83, b"unknown"), PROTOCOL_ERROR),
            (frame(0x09, b"split ping"), PROTOCOL_ERROR),
            (long_ping, PROTOCOL_ERROR),
            (too_big, TOO_BIG),
        ] {
            assert_eq!(answered(&received), (answer(0x88, &code.to_be_bytes()), true));
        }
    }

    proptest! {
        #[test]
        fn pieces_do_not_matter(
            messages in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..300), 1..5),
            cuts in prop::collection::vec(1..50_usize, 1..40),
        ) {
            let received: Vec<u8> = messages.iter().flat_map(|message| frame(0x82, message)).collect();
            let (mut frames, mut out) = (Frames::default(), Vec::new());
            let mut rest = &received[..];
            for cut in cuts.iter().cycle() {
                let (piece, later) = rest.split_at((*cut).min(rest.len()));
                frames.answer(piece, &mut out);
                rest = later;
                if rest.is_empty() {
                    break;
                }
            }
            prop_assert_eq!(out, messages.iter().flat_map(|message| answer(0x82, message)).collect::<Vec<_>>());
        }
    }
}
