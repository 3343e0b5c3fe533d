//! The few header fields that decide where a message ends and what happens to its connection.
//!
//! All other fields pass unread; they are the business of filters and of the endpoint.

use adamant_filter::Reason;

use super::super::reasons;
use super::bytes::{is_host_byte, is_token};
use super::{BodyFraming, HeadFacts, RequestLine};

/// What was seen so far.
#[derive(Default)]
pub(super) struct Fields<'a> {
    host: Option<&'a [u8]>,
    content_length: Option<u64>,
    chunked: bool,
    expect_continue: bool,
    upgrade: bool,
    keep_alive: bool,
    close: bool,
}

impl<'a> Fields<'a> {
    /// Judge one field line.
    #[inline]
    pub(super) fn read(&mut self, line: &'a [u8]) -> Result<(), &'static Reason> {
        let end = line
            .iter()
            .position(|byte| !is_token(*byte))
            .unwrap_or(line.len());
        let (name, rest) = line.split_at_checked(end).unwrap_or_default();
        let [b':', value @ ..] = rest else {
            let folded = matches!(line, [b' ' | b'\t', ..]);
            return Err(if folded {
                &reasons::OBS_FOLD
            } else {
                &reasons::FIELD_NAME
            });
        };
        // Lengths first: most fields are told apart without a comparison.
        match name.len() {
            0 => Err(&reasons::FIELD_NAME),
            4 if name.eq_ignore_ascii_case(b"host") => self.read_host(trim(value)),
            6 if name.eq_ignore_ascii_case(b"expect") => self.read_expect(trim(value)),
            7 if name.eq_ignore_ascii_case(b"upgrade") => {
                self.upgrade = true;
                Ok(())
            }
            10 if name.eq_ignore_ascii_case(b"connection") => self.read_connection(value),
            14 if name.eq_ignore_ascii_case(b"content-length") => self.read_length(trim(value)),
            17 if name.eq_ignore_ascii_case(b"transfer-encoding") => self.read_coding(trim(value)),
            _ => Ok(()),
        }
    }

    /// What all fields together say; `head_len` counts the empty line.
    #[inline]
    pub(super) fn facts(
        &self,
        request: &RequestLine<'_>,
        head_len: usize,
    ) -> Result<HeadFacts, &'static Reason> {
        let host = self
            .host
            .filter(|host| !host.is_empty())
            .ok_or(&reasons::HOST_MISSING)?;
        if request
            .authority
            .is_some_and(|authority| !authority.eq_ignore_ascii_case(host))
        {
            return Err(&reasons::HOST);
        }
        let body = match (self.content_length, self.chunked) {
            (Some(_), true) => return Err(&reasons::LENGTH_AND_CODING),
            (None, true) if request.http10 => return Err(&reasons::CODING_IN_HTTP10),
            (None, true) => BodyFraming::Chunked,
            (Some(0) | None, false) => BodyFraming::None,
            (Some(length), false) => BodyFraming::Length(length),
        };
        Ok(HeadFacts {
            head_len,
            body,
            upgrade: self.upgrade && !request.http10,
            // RFC 9110 §10.1.1: to be ignored in HTTP/1.0, and without a body there is nothing to wait for.
            expect_continue: self.expect_continue && !request.http10 && !matches!(body, BodyFraming::None),
            http10: request.http10,
            close: self.close || (request.http10 && !self.keep_alive),
        })
    }

    fn read_host(&mut self, value: &'a [u8]) -> Result<(), &'static Reason> {
        if self.host.is_some() {
            return Err(&reasons::HOST_TWICE);
        }
        if !value.iter().copied().all(is_host_byte) {
            return Err(&reasons::HOST);
        }
        self.host = Some(value);
        Ok(())
    }

    fn read_length(&mut self, value: &[u8]) -> Result<(), &'static Reason> {
        if self.content_length.is_some() || value.is_empty() {
            return Err(&reasons::CONTENT_LENGTH);
        }
        let mut length: u64 = 0;
        for byte in value {
            if !byte.is_ascii_digit() {
                return Err(&reasons::CONTENT_LENGTH);
            }
            length = length
                .checked_mul(10)
                .and_then(|length| length.checked_add(u64::from(byte - b'0')))
                .ok_or(&reasons::CONTENT_LENGTH)?;
        }
        self.content_length = Some(length);
        Ok(())
    }

    fn read_coding(&mut self, value: &[u8]) -> Result<(), &'static Reason> {
        if self.chunked || !value.eq_ignore_ascii_case(b"chunked") {
            return Err(&reasons::TRANSFER_CODING);
        }
        self.chunked = true;
        Ok(())
    }

    fn read_expect(&mut self, value: &[u8]) -> Result<(), &'static Reason> {
        if !value.eq_ignore_ascii_case(b"100-continue") {
            return Err(&reasons::EXPECTATION);
        }
        self.expect_continue = true;
        Ok(())
    }

    fn read_connection(&mut self, value: &[u8]) -> Result<(), &'static Reason> {
        for option in value.split(|byte| *byte == b',').map(trim) {
            match option.len() {
                0 => {}
                2 if option.eq_ignore_ascii_case(b"te") => {}
                5 if option.eq_ignore_ascii_case(b"close") => self.close = true,
                7 if option.eq_ignore_ascii_case(b"upgrade") => {}
                10 if option.eq_ignore_ascii_case(b"keep-alive") => self.keep_alive = true,
                14 if option.eq_ignore_ascii_case(b"http2-settings") => {}
                _ => return Err(&reasons::NOMINATION),
            }
        }
        Ok(())
    }
}

/// Without optional whitespace at both ends.
#[inline]
fn trim(mut value: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] = value {
        value = rest;
    }
    while let [rest @ .., b' ' | b'\t'] = value {
        value = rest;
    }
    value
}
