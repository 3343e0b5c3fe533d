//! Whether another attempt is made: a pure function of what failed and what the file allows.
//!
//! A request of which the endpoint may have acted on a part is never sent again unless its method says
//! that twice is as good as once (RFC 9110 §9.2.2). It knows nothing of deadlines: whoever runs the attempts
//! stops when the total time is over.

use adamant_policy::config::Retry;
use http::Method;

/// How an attempt ended without an answer for the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// No connection, or no TLS session; nothing was sent.
    Connect,
    /// The endpoint said that it did not look at the request (HTTP/2 `REFUSED_STREAM`, or a `GOAWAY` below
    /// the stream).
    Refused,
    /// A kept connection was closed before the first byte of the answer, as happens when the endpoint's
    /// idle time ends while the request is under way.
    Stale,
    /// A new connection broke before the first byte of the answer.
    Reset,
    /// The first byte did not come in time. The endpoint may still be working.
    TimedOut,
    /// The endpoint answered with this status and the client has not seen it.
    Status(u16),
    /// Anything after bytes of the answer went to the client.
    Late,
}

/// An attempt that failed.
#[derive(Clone, Copy, Debug)]
pub struct FailedAttempt {
    /// Counted from 1.
    pub number: u32,
    /// What happened.
    pub failure: Failure,
    /// The method is idempotent.
    pub idempotent: bool,
    /// Nothing of the body was taken from the client, or all that was taken is still held.
    pub replayable: bool,
}

/// Whether the file allows another attempt after this one.
#[must_use]
pub fn is_retried(allowed: &Retry, failed: &FailedAttempt) -> bool {
    if !failed.replayable || failed.number >= attempts_max(allowed, failed) {
        return false;
    }
    match failed.failure {
        Failure::Connect | Failure::Refused => allowed.on_connect,
        Failure::Stale => failed.idempotent,
        Failure::Reset => allowed.on_reset && failed.idempotent,
        Failure::Status(status) => failed.idempotent && allowed.on_status.contains(&status),
        Failure::TimedOut | Failure::Late => false,
    }
}

/// Attempts in all. Keeping a connection was our choice and not the endpoint's failure, so the first
/// request that meets a closed one has a second attempt even where the file allows just one
/// (RFC 9112 §9.3.1).
fn attempts_max(allowed: &Retry, failed: &FailedAttempt) -> u32 {
    match failed.failure {
        Failure::Stale => allowed.attempts.max(2),
        Failure::Connect
        | Failure::Refused
        | Failure::Reset
        | Failure::TimedOut
        | Failure::Status(_)
        | Failure::Late => allowed.attempts,
    }
}

/// Whether sending this method twice is as good as once (RFC 9110 §9.2.2).
#[must_use]
pub fn is_idempotent(method: &Method) -> bool {
    matches!(
        *method,
        Method::GET | Method::HEAD | Method::OPTIONS | Method::TRACE | Method::PUT | Method::DELETE
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn retry(attempts: u32, words: &[&str]) -> Retry {
        Retry {
            attempts,
            on_connect: words.contains(&"connect"),
            on_reset: words.contains(&"reset"),
            on_status: words.iter().filter_map(|word| word.parse().ok()).collect(),
        }
    }

    fn failed(number: u32, failure: Failure) -> FailedAttempt {
        FailedAttempt {
            number,
            failure,
            idempotent: true,
            replayable: true,
        }
    }

    #[test]
    fn only_what_the_file_names_is_retried() {
        use Failure::{Connect, Late, Refused, Reset, Stale, Status, TimedOut};
        for (words, failure, get, post) in [
            (&["connect"][..], Connect, true, true),
            (&["connect"], Refused, true, true),
            (&["connect"], Stale, true, false),
            (&["connect"], Reset, false, false),
            (&["connect"], Status(503), false, false),
            (&["reset"], Connect, false, false),
            (&["reset"], Refused, false, false),
            (&["reset"], Reset, true, false),
            (&["503"], Status(503), true, false),
            (&["503"], Status(502), false, false),
            (&["503"], Stale, true, false),
            (&["connect", "reset", "503"], TimedOut, false, false),
            (&["connect", "reset", "503"], Late, false, false),
            (&[], Connect, false, false),
            (&[], Stale, true, false),
        ] {
            let allowed = retry(3, words);
            for (idempotent, expected) in [(true, get), (false, post)] {
                let failed = FailedAttempt {
                    idempotent,
                    ..failed(1, failure)
                };
                assert_eq!(is_retried(&allowed, &failed), expected, "{words:?} {failed:?}");
            }
        }
    }

    #[test]
    fn attempts_are_counted_with_the_first() {
        for (attempts, number, expected) in [
            (1, 1, false),
            (2, 1, true),
            (2, 2, false),
            (3, 2, true),
            (3, 3, false),
            (3, 4, false),
        ] {
            let allowed = retry(attempts, &["connect"]);
            assert_eq!(
                is_retried(&allowed, &failed(number, Failure::Connect)),
                expected,
                "{number} of {attempts}"
            );
        }
    }

    #[test]
    fn a_closed_kept_connection_costs_no_attempt_of_the_file() {
        let allowed = retry(1, &[]);
        assert!(is_retried(&allowed, &failed(1, Failure::Stale)));
        assert!(!is_retried(&allowed, &failed(2, Failure::Stale)));
    }

    #[test]
    fn a_body_that_is_gone_is_never_sent_again() {
        let allowed = retry(5, &["connect", "reset", "503"]);
        for failure in [
            Failure::Connect,
            Failure::Refused,
            Failure::Stale,
            Failure::Reset,
            Failure::Status(503),
        ] {
            let failed = FailedAttempt {
                replayable: false,
                ..failed(1, failure)
            };
            assert!(!is_retried(&allowed, &failed), "{failure:?}");
        }
    }

    #[test]
    fn idempotent_methods_are_those_of_the_rfc() {
        for (name, expected) in [
            ("GET", true),
            ("HEAD", true),
            ("OPTIONS", true),
            ("TRACE", true),
            ("PUT", true),
            ("DELETE", true),
            ("POST", false),
            ("PATCH", false),
            ("CONNECT", false),
            ("get", false),
        ] {
            let method = Method::from_bytes(name.as_bytes()).unwrap();
            assert_eq!(is_idempotent(&method), expected, "{name}");
        }
    }
}
