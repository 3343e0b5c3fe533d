//! What the issuer sends back with the browser (RFC 6749 §4.1.2): read, and not believed yet.

use adamant_filter::Reason;

use super::reason::CALLBACK;
use crate::form;

/// The parts of an answer. Others are ignored, as RFC 6749 demands.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Returned {
    /// Whose answer it is.
    pub(super) state: String,
    /// What can be made a token of.
    pub(super) code: Option<String>,
    /// Whether the issuer refused.
    pub(super) is_refusal: bool,
    /// Who answers (RFC 9207).
    pub(super) issuer: Option<String>,
}

impl Returned {
    /// Reads a query. A part that occurs twice could be read in two ways.
    pub(super) fn read(query: &str) -> Result<Self, &'static Reason> {
        let mut parts: [Option<String>; 4] = Default::default();
        for (name, value) in form::split(query) {
            let name = form::decode(name);
            let names: [&[u8]; 4] = [b"state", b"code", b"error", b"iss"];
            let Some(place) = names.iter().position(|known| *known == name) else {
                continue;
            };
            let value = String::from_utf8(form::decode(value)).map_err(|_| &CALLBACK)?;
            match parts.get_mut(place) {
                Some(part @ None) if !value.is_empty() => *part = Some(value),
                _ => return Err(&CALLBACK),
            }
        }
        let [state, code, error, issuer] = parts;
        let is_refusal = error.is_some();
        if code.is_some() == is_refusal {
            return Err(&CALLBACK);
        }
        Ok(Self {
            state: state.ok_or(&CALLBACK)?,
            code,
            is_refusal,
            issuer,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_has_each_part_once() {
        let read = |query: &str| Returned::read(query).map_err(Reason::code);
        let good = read("code=a%2Bb&state=s&iss=https%3A%2F%2Fid.test%2F&session_state=x").unwrap();
        assert_eq!(good.code.as_deref(), Some("a+b"));
        assert_eq!(
            (good.state.as_str(), good.issuer.as_deref()),
            ("s", Some("https://id.test/"))
        );
        assert!(
            read("error=access_denied&state=s&error_description=x")
                .unwrap()
                .is_refusal
        );
        for query in [
            "",
            "code=a",
            "state=s",
            "code=&state=s",
            "code=a&state=",
            "code=a&state=s&state=s",
            "code=a&code=b&state=s",
            "code=a&c%6Fde=a&state=s",
            "code=a&error=x&state=s",
            "code=%ff&state=s",
            "code=a&state=s&iss=a&iss=a",
        ] {
            assert_eq!(read(query), Err("callback"), "{query}");
        }
    }
}
