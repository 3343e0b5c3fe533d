//! Content codings (RFC 9110 §8.4): what a body is when it is not compressed, and back.
//!
//! Everything here is bounded by its caller: a body that would become longer than it may be is an error before the
//! bytes are there. It never looks at what it decodes.

mod decoder;
mod encoder;

use bytes::Bytes;
use http::header::HeaderValue;

pub(crate) use decoder::Decoder;
pub(crate) use encoder::Encoder;

/// Codings that one body may have on top of each other. Nobody needs two.
const CODINGS_MAX: usize = 2;

/// A coding that is understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Coding {
    /// RFC 1952.
    Gzip,
    /// The zlib format, RFC 1950.
    Deflate,
    /// RFC 7932.
    Brotli,
    /// RFC 8878, with windows of at most 8 MiB (RFC 9659).
    Zstd,
}

impl Coding {
    /// The coding as it is written in fields.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Deflate => "deflate",
            Self::Brotli => "br",
            Self::Zstd => "zstd",
        }
    }

    fn of(word: &str) -> Option<Self> {
        // `x-gzip` is an old name of gzip (RFC 9110 §8.4.1.3).
        let known = [
            ("gzip", Self::Gzip),
            ("x-gzip", Self::Gzip),
            ("deflate", Self::Deflate),
            ("br", Self::Brotli),
            ("zstd", Self::Zstd),
        ];
        let found = known
            .into_iter()
            .find(|(known, _)| word.eq_ignore_ascii_case(known));
        found.map(|(_, coding)| coding)
    }
}

/// The codings of a body, in the order in which they were applied.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Codings(Vec<Coding>);

/// Why a body cannot be decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum CodingError {
    /// A coding that is not known, or more of them than anybody needs.
    #[error("the body is coded in a way that is not understood")]
    Unknown,
    /// The bytes are not of that coding, or more follow behind its end.
    #[error("the body is not of the coding that it claims to have")]
    Malformed,
    /// The bytes end before the coding does, or their checksum is another one.
    #[error("the body ends too early")]
    Truncated,
    /// Decoded, it is longer than it may be.
    #[error("the body is too long when it is decoded")]
    TooLong,
}

impl Codings {
    /// Reads the values of `Content-Encoding`.
    ///
    /// # Errors
    /// [`CodingError::Unknown`].
    pub(crate) fn of<'v>(values: impl IntoIterator<Item = &'v HeaderValue>) -> Result<Self, CodingError> {
        let mut codings = Vec::new();
        for value in values {
            let text = value.to_str().map_err(|_| CodingError::Unknown)?;
            let words = text.split(',').map(str::trim).filter(|word| !word.is_empty());
            for word in words.filter(|word| !word.eq_ignore_ascii_case("identity")) {
                if codings.len() == CODINGS_MAX {
                    return Err(CodingError::Unknown);
                }
                codings.push(Coding::of(word).ok_or(CodingError::Unknown)?);
            }
        }
        Ok(Self(codings))
    }

    /// Whether the body is as it is.
    pub(crate) const fn is_identity(&self) -> bool {
        self.0.is_empty()
    }

    /// Those to be taken off, the last one that was applied first.
    fn outermost_first(&self) -> impl Iterator<Item = Coding> {
        self.0.iter().rev().copied()
    }
}

/// A whole body without its codings, of `at_most` so many bytes. Without codings it is the same memory.
///
/// # Errors
/// What is wrong with it.
pub(crate) fn decode(codings: &Codings, body: &Bytes, at_most: u64) -> Result<Bytes, CodingError> {
    if codings.is_identity() {
        return if body.len() as u64 <= at_most {
            Ok(body.clone())
        } else {
            Err(CodingError::TooLong)
        };
    }
    let mut decoder = Decoder::new(codings, at_most)?;
    let mut decoded = decoder.push(body)?;
    decoded.extend(decoder.finish()?);
    Ok(decoded.into())
}

#[cfg(test)]
mod tests;
