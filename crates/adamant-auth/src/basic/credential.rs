//! `Authorization: Basic …` as RFC 7617 defines it: one field, base64 of a name, a colon and a password in UTF-8.
//!
//! Nothing is repaired: what another reader could take for another name is no credential.

use adamant_filter::prelude::*;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

const AUTHORIZATION: HeaderName = HeaderName::from_static("authorization");

/// Longest name and password together, with their colon, in bytes.
pub(super) const TEXT_MAX: usize = 768;

/// Room for a decoded credential, so that reading one allocates nothing. The decoder asks for whole groups.
pub(super) type Room = [u8; TEXT_MAX + 3];

/// A name and a password; borrowed, and without `Debug`.
#[derive(Clone, Copy)]
pub(super) struct Credential<'c> {
    /// Bytes before the first colon.
    pub(super) name: &'c str,
    /// Bytes after it; may hold colons.
    pub(super) password: &'c str,
}

/// Why there is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NoCredential {
    /// No field, or another scheme.
    Absent,
    /// Two fields.
    Several,
    /// Not base64 of a name and a password.
    Unreadable,
}

impl<'c> Credential<'c> {
    /// Reads the credential of a request into `room`.
    pub(super) fn read(request: &Request, room: &'c mut Room) -> Result<Self, NoCredential> {
        let value = match request.single(&AUTHORIZATION) {
            Single::Absent => return Err(NoCredential::Absent),
            Single::Several => return Err(NoCredential::Several),
            Single::One(value) => value.as_bytes(),
        };
        let scheme = value.get(..5).unwrap_or_default();
        if !scheme.eq_ignore_ascii_case(b"basic") {
            return Err(NoCredential::Absent);
        }
        let encoded = match value.get(5..) {
            Some([b' ', encoded @ ..]) => encoded.trim_ascii_start(),
            Some([]) | None => return Err(NoCredential::Unreadable),
            // `Basically abc` is another scheme.
            Some(_) => return Err(NoCredential::Absent),
        };
        Self::decode(encoded, room).ok_or(NoCredential::Unreadable)
    }

    fn decode(encoded: &[u8], room: &'c mut Room) -> Option<Self> {
        if encoded.is_empty() || encoded.len() > TEXT_MAX.div_ceil(3) * 4 {
            return None;
        }
        let length = STANDARD.decode_slice(encoded, room).ok()?;
        let text = str::from_utf8(room.get(..length)?).ok()?;
        // RFC 7617 §2: neither has control characters. A name is not empty, since it is somebody's.
        if length > TEXT_MAX || text.chars().any(char::is_control) {
            return None;
        }
        let (name, password) = text.split_once(':')?;
        (!name.is_empty()).then_some(Self { name, password })
    }

    /// Whether a request carries something that is meant to be one, good or not.
    pub(super) fn is_sent(request: &Request) -> bool {
        let mut room: Room = [0; TEXT_MAX + 3];
        request.came_to_group(&AUTHORIZATION)
            && !matches!(Credential::read(request, &mut room), Err(NoCredential::Absent))
    }

    /// Takes the credential away.
    pub(super) fn strip(request: &mut Request) {
        request.remove_header(&AUTHORIZATION);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    type Read = Result<(String, String), NoCredential>;

    fn read(fields: &[&str]) -> Read {
        let request = Request::build(Method::GET, "/").unwrap();
        let request = fields.iter().fold(request, |request, value| {
            request.with_header("authorization", value)
        });
        let mut room = [0; TEXT_MAX + 3];
        Credential::read(&request, &mut room).map(|found| (found.name.to_owned(), found.password.to_owned()))
    }

    fn basic(text: impl AsRef<[u8]>) -> String {
        format!("Basic {}", STANDARD.encode(text))
    }

    #[test]
    fn a_credential_has_one_reading() {
        use NoCredential::{Absent, Several, Unreadable};
        let found = |name: &str, password: &str| Ok((name.to_owned(), password.to_owned()));
        let long = basic(format!("a:{}", "b".repeat(TEXT_MAX - 2)));
        let cases: Vec<(Vec<&str>, Read)> = vec![
            (vec![], Err(Absent)),
            // RFC 7617 §2 and §2.1.
            (
                vec!["Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="],
                found("Aladdin", "open sesame"),
            ),
            (vec!["Basic dGVzdDoxMjPCow=="], found("test", "123\u{a3}")),
            (vec!["bASIC   dGVzdDoxMjPCow=="], found("test", "123\u{a3}")),
            (vec!["Basic YTpiOmM="], found("a", "b:c")),
            (vec!["Basic YTo="], found("a", "")),
            (vec!["Basic OmI="], Err(Unreadable)),
            (vec!["Basic YWI="], Err(Unreadable)),
            (vec!["Basic YTo"], Err(Unreadable)),
            (vec!["Basic YTp="], Err(Unreadable)),
            (vec!["Basic YTpi YTpi"], Err(Unreadable)),
            (vec!["Basic a:b"], Err(Unreadable)),
            (vec!["Basic"], Err(Unreadable)),
            (vec!["Basic "], Err(Unreadable)),
            (vec!["Basically YTpi"], Err(Absent)),
            (vec!["Bearer YTpi"], Err(Absent)),
            (vec!["Basic YTpi", "Basic YTpi"], Err(Several)),
            (vec!["Basic YTpi", "Bearer x"], Err(Several)),
            (vec![&long], found("a", &"b".repeat(TEXT_MAX - 2))),
        ];
        for (fields, expected) in cases {
            assert_eq!(read(&fields), expected, "{fields:?}");
        }
        for text in [
            &b"a:\xff"[..],
            b"a:\x00",
            b"a\n:b",
            b"a:b\x7f",
            "a:\u{85}".as_bytes(),
        ] {
            assert_eq!(read(&[&basic(text)]), Err(Unreadable), "{text:?}");
        }
        let too_long = basic(format!("a:{}", "b".repeat(TEXT_MAX - 1)));
        assert_eq!(read(&[&too_long]), Err(Unreadable));
    }

    proptest! {
        #[test]
        fn what_was_written_is_read(name in "[^\\p{Cc}:]{1,40}", password in "[^\\p{Cc}]{0,40}") {
            let field = basic(format!("{name}:{password}"));
            prop_assert_eq!(read(&[&field]), Ok((name, password)));
        }

        #[test]
        fn nothing_that_is_sent_panics(bytes in proptest::collection::vec(any::<u8>(), 0..1200)) {
            let mut room = [0; TEXT_MAX + 3];
            let _ = Credential::decode(&bytes, &mut room);
            let encoded = STANDARD.encode(&bytes);
            let _ = Credential::decode(encoded.as_bytes(), &mut room);
        }
    }
}
