//! `body-size`: how large the body of a request may be.
//!
//! Counts, and keeps no byte. A declared length that is too large is refused before anything is read.

use adamant_filter::prelude::*;

/// Refuses requests whose body is larger than the bound with 413.
///
/// A body with a declared length is refused before anything of it is read; one without (chunked, or HTTP/2
/// without `content-length`) as soon as it has passed the bound. What came before may have reached the
/// upstream by then, which sees the request end early. The bound of the route itself, 1 MiB unless it says
/// otherwise, holds beside this one.
///
/// Example: `body-size: { at-most: 64KiB }`
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct BodySizeConfig {
    /// The largest body that passes. `0B` lets only requests without a body pass. Example: `1MiB`
    at_most: Size,
}

/// The filter.
#[derive(Debug)]
pub(crate) struct BodySize {
    at_most: u64,
    /// Bytes of the body so far. The engine gives every byte to body hooks exactly once, whatever is sent
    /// again to another endpoint, so a sum is the size.
    seen: Word,
}

impl Filter for BodySize {
    const NAME: &'static str = "body-size";
    const ROLE: Role = Role::Guard;
    const REASONS: &'static [&'static Reason] = &[&Self::EXCEEDED];
    type Config = BodySizeConfig;

    fn build(config: BodySizeConfig, boot: &mut Boot<'_>) -> Result<Self, Problem> {
        Ok(Self {
            at_most: config.at_most.bytes(),
            seen: boot.word(),
        })
    }

    fn hooks(&self, hooks: Hooks<Self>) -> Hooks<Self> {
        hooks.request(Self::check_declared).request_body(Self::count)
    }
}

impl BodySize {
    const EXCEEDED: Reason = Reason::new("exceeded", 413, "the body is larger than is accepted here");

    fn check_declared(&self, request: &mut Request) -> Verdict {
        match request.declared_length() {
            Some(length) if length > self.at_most => Self::EXCEEDED.deny(),
            Some(_) | None => Verdict::Pass,
        }
    }

    fn count(&self, request: &mut Request, chunk: &mut Chunk) -> Verdict {
        let piece = u64::try_from(chunk.data().len()).unwrap_or(u64::MAX);
        let seen = request.word(self.seen).saturating_add(piece);
        request.set_word(self.seen, seen);
        if seen > self.at_most {
            Self::EXCEEDED.deny()
        } else {
            Verdict::Pass
        }
    }
}

#[cfg(test)]
mod tests {
    use adamant_filter::serde_json::json;
    use adamant_filter::trial::Trial;
    use proptest::prelude::*;

    use super::*;

    fn post() -> Request {
        Request::build(Method::POST, "/").unwrap()
    }

    fn piece(bytes: usize) -> Chunk {
        Chunk::new(vec![b'x'; bytes].into(), false)
    }

    #[test]
    fn a_declared_length_is_judged_before_anything_is_read() {
        let trial = Trial::of::<BodySize>(&json!({"at-most": "1KiB"}));
        let declared = |length: &str| trial.request(post().with_header("content-length", length));
        declared("0").passes();
        declared("1024").passes();
        assert_eq!(declared("1025").denied("body-size.exceeded").reason.status(), 413);
        declared("18446744073709551615").denied("body-size.exceeded");
        trial.request(post()).passes();
    }

    #[test]
    fn a_body_without_length_is_refused_by_the_byte_that_is_too_many() {
        let trial = Trial::of::<BodySize>(&json!({"at-most": "10B"}));
        let mut request = trial.prepare(post());
        for _ in 0..2 {
            assert!(matches!(trial.body(&mut request, &mut piece(5)), Verdict::Pass));
        }
        assert!(
            matches!(trial.body(&mut request, &mut piece(0)), Verdict::Pass),
            "an empty piece adds nothing"
        );
        let Verdict::Deny(denial) = trial.body(&mut request, &mut piece(1)) else {
            panic!("11 bytes")
        };
        assert_eq!(denial.reason, &BodySize::EXCEEDED);
    }

    #[test]
    fn a_length_that_was_declared_too_small_does_not_help() {
        let trial = Trial::of::<BodySize>(&json!({"at-most": "10B"}));
        let mut request = trial.prepare(post().with_header("content-length", "3"));
        assert!(matches!(trial.ask(&mut request), Verdict::Pass));
        assert!(matches!(
            trial.body(&mut request, &mut piece(11)),
            Verdict::Deny(_)
        ));
    }

    #[test]
    fn nothing_may_be_allowed() {
        let trial = Trial::of::<BodySize>(&json!({"at-most": "0B"}));
        trial
            .request(post().with_header("content-length", "1"))
            .denied("body-size.exceeded");
        let mut request = trial.prepare(post());
        assert!(matches!(trial.body(&mut request, &mut piece(0)), Verdict::Pass));
        assert!(matches!(
            trial.body(&mut request, &mut piece(1)),
            Verdict::Deny(_)
        ));
    }

    proptest! {
        #[test]
        fn the_pieces_of_a_body_do_not_matter(bound in 0_usize..300, pieces in prop::collection::vec(0_usize..60, 0..12)) {
            let trial = Trial::of::<BodySize>(&json!({"at-most": format!("{bound}B")}));
            let mut request = trial.prepare(post());
            let mut sum = 0;
            for bytes in pieces {
                sum += bytes;
                let denied = matches!(trial.body(&mut request, &mut piece(bytes)), Verdict::Deny(_));
                prop_assert_eq!(denied, sum > bound);
            }
        }
    }
}
