//! Takes codings off a body, piece by piece.
//!
//! Between two pieces it keeps what the coding refers back to: 32 KiB for gzip and deflate, up to 16 MiB for brotli
//! and 8 MiB for zstd.

use std::io::{self, Write};

use brotli::DecompressorWriter;
use flate2::write::{MultiGzDecoder, ZlibDecoder};
use zstd::stream::raw::{DParameter, Operation};

use super::{Coding, CodingError, Codings};

/// Bytes that one step of brotli or zstd decodes at most.
const STEP: usize = 8 * 1024;

/// Greatest window of zstd, as a power of two (RFC 9659).
const WINDOW_MAX: u32 = 23;

/// Takes the codings of one body off.
pub(crate) struct Decoder {
    layers: Vec<Layer>,
}

enum Layer {
    Gzip(MultiGzDecoder<Sink>),
    Deflate(ZlibDecoder<Sink>),
    Brotli(Box<DecompressorWriter<Sink>>),
    Zstd(Zstd),
}

struct Zstd {
    raw: zstd::stream::raw::Decoder<'static>,
    sink: Sink,
    /// The last frame has ended.
    is_complete: bool,
}

/// Takes decoded bytes, and no more than it may.
struct Sink {
    bytes: Vec<u8>,
    left: u64,
    is_over: bool,
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let Some(left) = self.left.checked_sub(bytes.len() as u64) else {
            self.is_over = true;
            return Err(io::ErrorKind::FileTooLarge.into());
        };
        self.left = left;
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl std::fmt::Debug for Decoder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Decoder")
            .field("layers", &self.layers.len())
            .finish_non_exhaustive()
    }
}

impl Decoder {
    /// A decoder of a body that has `at_most` so many bytes when it is decoded, under each of its codings.
    ///
    /// # Errors
    /// [`CodingError::Malformed`] when there is no memory for one.
    pub(crate) fn new(codings: &Codings, at_most: u64) -> Result<Self, CodingError> {
        let layers = codings
            .outermost_first()
            .map(|coding| Layer::new(coding, at_most));
        Ok(Self {
            layers: layers.collect::<Result<_, _>>()?,
        })
    }

    /// Decodes a piece; gives what came out of it.
    ///
    /// # Errors
    /// What is wrong with the body.
    pub(crate) fn push(&mut self, piece: &[u8]) -> Result<Vec<u8>, CodingError> {
        let mut bytes = piece.to_vec();
        for layer in &mut self.layers {
            bytes = layer.push(&bytes)?;
        }
        Ok(bytes)
    }

    /// Ends the body; gives what still was inside.
    ///
    /// # Errors
    /// [`CodingError::Truncated`] when its end was not there.
    pub(crate) fn finish(&mut self) -> Result<Vec<u8>, CodingError> {
        let mut bytes = Vec::new();
        for layer in &mut self.layers {
            let mut decoded = layer.push(&bytes)?;
            decoded.extend(layer.finish()?);
            bytes = decoded;
        }
        Ok(bytes)
    }
}

impl Layer {
    fn new(coding: Coding, at_most: u64) -> Result<Self, CodingError> {
        let sink = Sink {
            bytes: Vec::new(),
            left: at_most,
            is_over: false,
        };
        Ok(match coding {
            Coding::Gzip => Self::Gzip(MultiGzDecoder::new(sink)),
            Coding::Deflate => Self::Deflate(ZlibDecoder::new(sink)),
            Coding::Brotli => Self::Brotli(Box::new(DecompressorWriter::new(sink, STEP))),
            Coding::Zstd => {
                let mut raw = zstd::stream::raw::Decoder::new().map_err(|_| CodingError::Malformed)?;
                raw.set_parameter(DParameter::WindowLogMax(WINDOW_MAX))
                    .map_err(|_| CodingError::Malformed)?;
                Self::Zstd(Zstd {
                    raw,
                    sink,
                    is_complete: false,
                })
            }
        })
    }

    fn push(&mut self, piece: &[u8]) -> Result<Vec<u8>, CodingError> {
        if piece.is_empty() {
            return Ok(Vec::new());
        }
        let written = match self {
            Self::Gzip(gzip) => gzip.write_all(piece).and_then(|()| gzip.flush()),
            Self::Deflate(deflate) => deflate.write_all(piece).and_then(|()| deflate.flush()),
            Self::Brotli(brotli) => brotli.write_all(piece),
            Self::Zstd(zstd) => zstd.push(piece),
        };
        self.taken(written, CodingError::Malformed)
    }

    fn finish(&mut self) -> Result<Vec<u8>, CodingError> {
        let ended = match self {
            Self::Gzip(gzip) => gzip.try_finish(),
            Self::Deflate(deflate) => deflate.try_finish(),
            Self::Brotli(brotli) => brotli.close(),
            Self::Zstd(zstd) if zstd.is_complete => Ok(()),
            Self::Zstd(_) => Err(io::ErrorKind::UnexpectedEof.into()),
        };
        self.taken(ended, CodingError::Truncated)
    }

    fn taken(&mut self, result: io::Result<()>, failure: CodingError) -> Result<Vec<u8>, CodingError> {
        let sink = match self {
            Self::Gzip(gzip) => gzip.get_mut(),
            Self::Deflate(deflate) => deflate.get_mut(),
            Self::Brotli(brotli) => brotli.get_mut(),
            Self::Zstd(zstd) => &mut zstd.sink,
        };
        match result {
            Ok(()) => Ok(std::mem::take(&mut sink.bytes)),
            Err(_) if sink.is_over => Err(CodingError::TooLong),
            Err(_) => Err(failure),
        }
    }
}

impl Zstd {
    fn push(&mut self, mut piece: &[u8]) -> io::Result<()> {
        let mut step = [0; STEP];
        loop {
            let status = self.raw.run_on_buffers(piece, &mut step)?;
            piece = piece.get(status.bytes_read..).unwrap_or_default();
            self.sink
                .write_all(step.get(..status.bytes_written).unwrap_or_default())?;
            self.is_complete = status.remaining == 0;
            // Asked once more behind a frame's end, it would begin another one.
            if piece.is_empty() && (self.is_complete || status.bytes_written < step.len()) {
                return Ok(());
            }
        }
    }
}
