//! Where the frames of an HTTP/2 connection begin and end, followed while they pass.
//!
//! A client that stops in the middle of a frame, or of a header block, makes everyone wait; between
//! frames it may be silent. Nothing else about HTTP/2 is known here: frames are Pingora's business.

/// Client preface, RFC 9113 §3.4.
const PREFACE: usize = 24;
/// Header of a frame, RFC 9113 §4.1.
const HEADER: usize = 9;

const HEADERS: u8 = 1;
const CONTINUATION: u8 = 9;
const END_HEADERS: u8 = 4;

/// Progress through the frames that a client sends.
#[derive(Debug)]
pub(super) struct Frames {
    /// Bytes of the preface or of a payload that are still due.
    skip: usize,
    header: [u8; HEADER],
    /// Bytes of `header` that are there.
    collected: usize,
    /// A header block goes on in the next frame.
    in_block: bool,
}

impl Frames {
    /// Before the preface.
    pub(super) const START: Self = Self {
        skip: PREFACE,
        header: [0; HEADER],
        collected: 0,
        in_block: false,
    };

    /// The client has begun something that it must end.
    #[inline]
    pub(super) const fn is_inside(&self) -> bool {
        self.skip > 0 || self.collected > 0 || self.in_block
    }

    /// Follow these bytes.
    #[inline]
    pub(super) fn pass(&mut self, mut bytes: &[u8]) {
        loop {
            let skipped = self.skip.min(bytes.len());
            self.skip -= skipped;
            bytes = bytes.get(skipped..).unwrap_or_default();
            if bytes.is_empty() {
                return;
            }
            let part = bytes.len().min(HEADER - self.collected);
            for (slot, byte) in self.header.iter_mut().skip(self.collected).zip(bytes) {
                *slot = *byte;
            }
            self.collected += part;
            bytes = bytes.get(part..).unwrap_or_default();
            if self.collected < HEADER {
                return;
            }
            self.collected = 0;
            let [high, middle, low, kind, flags, ..] = self.header;
            self.skip = usize::from(high) << 16 | usize::from(middle) << 8 | usize::from(low);
            if matches!(kind, HEADERS | CONTINUATION) {
                self.in_block = flags & END_HEADERS == 0;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(kind: u8, flags: u8, payload: &[u8]) -> Vec<u8> {
        let mut bytes = vec![0, 0, payload.len() as u8, kind, flags, 0, 0, 0, 1];
        bytes.extend_from_slice(payload);
        bytes
    }

    #[test]
    fn silence_is_allowed_between_frames_only() {
        let wire = [
            vec![b'p'; PREFACE],
            frame(4, 0, &[]),
            frame(0, 0, b"data"),
            frame(HEADERS, END_HEADERS, b"h"),
        ]
        .concat();
        let mut frames = Frames::START;
        let mut outside = Vec::new();
        for (index, byte) in wire.iter().enumerate() {
            frames.pass(&[*byte]);
            if !frames.is_inside() {
                outside.push(index + 1);
            }
        }
        assert_eq!(outside, [24, 33, 46, 56]);
        let mut at_once = Frames::START;
        at_once.pass(&wire);
        assert!(!at_once.is_inside());
    }

    #[test]
    fn a_header_block_is_one_thing() {
        let mut frames = Frames::START;
        frames.pass(&[b'p'; PREFACE]);
        frames.pass(&frame(HEADERS, 0, b"h"));
        assert!(frames.is_inside());
        frames.pass(&frame(CONTINUATION, 0, b"h"));
        assert!(frames.is_inside());
        frames.pass(&frame(CONTINUATION, END_HEADERS, b"h"));
        assert!(!frames.is_inside());
    }
}
