//! Puts a coding on a body, piece by piece.

use std::io::Write;

use brotli::CompressorWriter;
use flate2::Compression;
use flate2::write::{GzEncoder, ZlibEncoder};

use super::Coding;

/// Quality of brotli: the one that takes about as long as gzip's usual level.
const BROTLI_QUALITY: u32 = 4;

/// Window of brotli, as a power of two: 256 KiB.
const BROTLI_WINDOW: u32 = 18;

const ZSTD_LEVEL: i32 = 3;

const GZIP_LEVEL: u32 = 5;

/// Bytes that one step of brotli takes.
const STEP: usize = 8 * 1024;

/// Puts a coding on one body.
pub(crate) enum Encoder {
    Gzip(GzEncoder<Vec<u8>>),
    Deflate(ZlibEncoder<Vec<u8>>),
    Brotli(Box<CompressorWriter<Vec<u8>>>),
    Zstd(Box<zstd::stream::write::Encoder<'static, Vec<u8>>>),
}

impl std::fmt::Debug for Encoder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Gzip(_) => "Gzip",
            Self::Deflate(_) => "Deflate",
            Self::Brotli(_) => "Brotli",
            Self::Zstd(_) => "Zstd",
        })
    }
}

impl Encoder {
    /// An encoder; `None` when there is no memory for one.
    pub(crate) fn new(coding: Coding) -> Option<Self> {
        let out = Vec::new();
        Some(match coding {
            Coding::Gzip => Self::Gzip(GzEncoder::new(out, Compression::new(GZIP_LEVEL))),
            Coding::Deflate => Self::Deflate(ZlibEncoder::new(out, Compression::new(GZIP_LEVEL))),
            Coding::Brotli => {
                let writer = CompressorWriter::new(out, STEP, BROTLI_QUALITY, BROTLI_WINDOW);
                Self::Brotli(Box::new(writer))
            }
            Coding::Zstd => {
                let mut encoder = zstd::stream::write::Encoder::new(out, ZSTD_LEVEL).ok()?;
                encoder.window_log(BROTLI_WINDOW).ok()?;
                Self::Zstd(Box::new(encoder))
            }
        })
    }

    /// Encodes a piece; gives what came out of it. With `flush` nothing of it stays inside.
    pub(crate) fn push(&mut self, piece: &[u8], flush: bool) -> Option<Vec<u8>> {
        let writer: &mut dyn Write = match self {
            Self::Gzip(gzip) => gzip,
            Self::Deflate(deflate) => deflate,
            Self::Brotli(brotli) => brotli.as_mut(),
            Self::Zstd(zstd) => zstd.as_mut(),
        };
        // Writing into memory does not fail; the encoders' own failures are those of their memory.
        writer.write_all(piece).ok()?;
        if flush {
            writer.flush().ok()?;
        }
        Some(std::mem::take(match self {
            Self::Gzip(gzip) => gzip.get_mut(),
            Self::Deflate(deflate) => deflate.get_mut(),
            Self::Brotli(brotli) => brotli.get_mut(),
            Self::Zstd(zstd) => zstd.get_mut(),
        }))
    }

    /// Ends the body; gives what still was inside.
    pub(crate) fn finish(self) -> Option<Vec<u8>> {
        match self {
            Self::Gzip(gzip) => gzip.finish().ok(),
            Self::Deflate(deflate) => deflate.finish().ok(),
            Self::Brotli(brotli) => Some(brotli.into_inner()),
            Self::Zstd(zstd) => zstd.finish().ok(),
        }
    }
}
