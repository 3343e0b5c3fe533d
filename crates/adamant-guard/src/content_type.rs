//! `content-type`: which media types a request may carry.
//!
//! Goes by what the request says of itself; whether the body is that is for whoever reads it.

use adamant_filter::prelude::*;
use http::header::{ACCEPT, CONTENT_LENGTH, CONTENT_TYPE, TRANSFER_ENCODING};

use crate::media_range::{MediaRange, essence};

/// Lets only requests pass whose body has one of the listed media types; others get 415.
///
/// A body without the field `Content-Type` is refused, too, since its reader would have to guess. Requests without a body
/// pass.
///
/// Example: `content-type: { allow: [application/json] }`
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct ContentTypeConfig {
    /// Media types, without parameters. `*` stands for any subtype, or for its part before a `+`.
    /// Example: `[application/json, image/*, application/*+json]`
    #[serde(serialize_with = "crate::media_range::canonical")]
    allow: Vec<String>,
}

/// The filter.
#[derive(Debug)]
pub(crate) struct ContentType {
    allow: Box<[MediaRange]>,
    /// Value of the field `Accept` of refusals (RFC 9110 §12.5.1).
    listed: HeaderValue,
    /// Whether a body has to be refused as soon as its first byte comes: the request does not say what it is.
    unnamed: Word,
}

impl Filter for ContentType {
    const NAME: &'static str = "content-type";
    const ROLE: Role = Role::Guard;
    const REASONS: &'static [&'static Reason] = &[&Self::REFUSED, &Self::MISSING, &Self::SEVERAL];
    type Config = ContentTypeConfig;

    fn build(config: ContentTypeConfig, boot: &mut Boot<'_>) -> Result<Self, Problem> {
        Ok(Self {
            listed: crate::media_range::listed("allow", &config.allow)?,
            allow: crate::media_range::all_of("allow", &config.allow)?,
            unnamed: boot.word(),
        })
    }

    fn hooks(&self, hooks: Hooks<Self>) -> Hooks<Self> {
        hooks.request(Self::check).request_body(Self::check_body)
    }
}

impl ContentType {
    const REFUSED: Reason = Reason::new("refused", 415, "bodies of this media type are not accepted here");
    const MISSING: Reason = Reason::new(
        "missing",
        415,
        "the request does not say of which media type its body is",
    );
    const SEVERAL: Reason = Reason::new(
        "several",
        415,
        "the request names several media types for its body",
    );

    fn check(&self, request: &mut Request) -> Verdict {
        match request.single(&CONTENT_TYPE) {
            Single::One(value) => {
                let media = essence(value);
                if self.allow.iter().any(|range| range.holds(media)) {
                    return Verdict::Pass;
                }
                self.refuse(&Self::REFUSED)
            }
            Single::Several => self.refuse(&Self::SEVERAL),
            Single::Absent => {
                let has_body = request.declared_length().is_some_and(|length| length > 0)
                    || request.header(&TRANSFER_ENCODING).is_some();
                if has_body {
                    return self.refuse(&Self::MISSING);
                }
                // HTTP/2 needs neither field for a body.
                let is_open = request.header(&CONTENT_LENGTH).is_none();
                request.set_word(self.unnamed, u64::from(is_open));
                Verdict::Pass
            }
        }
    }

    fn check_body(&self, request: &mut Request, chunk: &mut Chunk) -> Verdict {
        if request.word(self.unnamed) == 1 && !chunk.data().is_empty() {
            return self.refuse(&Self::MISSING);
        }
        Verdict::Pass
    }

    fn refuse(&self, reason: &'static Reason) -> Verdict {
        reason.deny_with(vec![(ACCEPT, self.listed.clone())])
    }
}

#[cfg(test)]
mod tests {
    use adamant_filter::serde_json::json;
    use adamant_filter::trial::{Trial, TrialHost};

    use super::*;

    fn trial() -> Trial {
        Trial::of::<ContentType>(&json!({"allow": ["application/json", "image/*"]}))
    }

    fn request(lines: &[(&'static str, &str)]) -> Request {
        let request = Request::build(Method::POST, "/").unwrap();
        lines
            .iter()
            .fold(request, |request, (name, value)| request.with_header(name, value))
    }

    #[test]
    fn only_listed_media_types_pass() {
        let cases: &[(&[(&'static str, &str)], &str)] = &[
            (&[("content-type", "Application/JSON; charset=utf-8")], ""),
            (&[("content-type", "image/png"), ("content-length", "3")], ""),
            (&[("content-length", "0")], ""),
            (&[], ""),
            (&[("content-type", "text/plain")], "refused"),
            (&[("content-type", "application/jsonp")], "refused"),
            (&[("content-type", "")], "refused"),
            (&[("content-type", "application/json, text/plain")], "refused"),
            (
                &[
                    ("content-type", "application/json"),
                    ("content-type", "text/plain"),
                ],
                "several",
            ),
            (&[("content-length", "3")], "missing"),
            (&[("transfer-encoding", "chunked")], "missing"),
        ];
        for (lines, code) in cases {
            let outcome = trial().request(request(lines));
            if code.is_empty() {
                outcome.passes();
            } else {
                let denial = outcome.denied(&format!("content-type.{code}"));
                assert_eq!(
                    denial.fields,
                    [(ACCEPT, HeaderValue::from_static("application/json, image/*"))]
                );
            }
        }
    }

    #[test]
    fn a_body_that_nothing_announced_is_refused_by_its_first_byte() {
        let trial = trial();
        let mut open = trial.prepare(request(&[]));
        assert!(matches!(trial.ask(&mut open), Verdict::Pass));
        assert!(matches!(
            trial.body(&mut open, &mut Chunk::new("".into(), true)),
            Verdict::Pass
        ));
        assert!(matches!(
            trial.body(&mut open, &mut Chunk::new("x".into(), true)),
            Verdict::Deny(_)
        ));
    }

    #[test]
    fn what_is_no_media_type_is_refused_at_boot() {
        for allow in [json!([]), json!(["json"]), json!(["a/b", "A/b"])] {
            let config = json!({"allow": allow});
            assert!(
                Trial::try_build::<ContentType>(&config, &mut TrialHost::new()).is_err(),
                "{config}"
            );
        }
    }
}
