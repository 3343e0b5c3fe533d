//! Pingora's errors as what they mean: a retry, a refusal, or a client that went away.

use adamant_observe::Failure;
use adamant_policy::plan::Refusal;
use adamant_policy::receive::reason as guard;
use pingora::{Error, ErrorSource, ErrorType};

use crate::exchange::Exchange;
use crate::listen::Breach;
use crate::reasons;
use crate::upstream::retry::Failure as Failed;

/// How the attempt ended, for the decision about another one.
pub(crate) fn of_attempt(error: &Error, exchange: &Exchange, reused: bool) -> Failed {
    if exchange.upstream.is_answering || *error.esource() == ErrorSource::Downstream {
        return Failed::Late;
    }
    match error.etype() {
        ErrorType::HTTPStatus(status) if exchange.upstream.status == Some(*status) => Failed::Status(*status),
        ErrorType::ReadTimedout | ErrorType::WriteTimedout => Failed::TimedOut,
        // HTTP/2 says in so many words that the stream was not looked at.
        ErrorType::H2Error | ErrorType::H2Downgrade if error.retry == pingora::RetryType::Decided(true) => {
            Failed::Refused
        }
        // An answer that cannot be read is one: the endpoint was not silent.
        ErrorType::InvalidHTTPHeader => Failed::Late,
        _ if reused => Failed::Stale,
        _ => Failed::Reset,
    }
}

/// The answer to an error; `None` when the client is gone.
pub(super) fn refusal(error: &Error, exchange: &mut Exchange) -> Option<Refusal> {
    note(error, exchange);
    if *error.esource() == ErrorSource::Downstream {
        return match exchange
            .connection
            .as_ref()
            .and_then(|connection| connection.breach())
        {
            Some(Breach::Body) => Some(Refusal::new(guard::GUARD, &guard::BODY_TIMEOUT)),
            Some(Breach::Chunk) => Some(Refusal::new(guard::GUARD, &guard::BODY_BROKEN)),
            Some(Breach::Idle | Breach::Head | Breach::Send) => None,
            None => match error.etype() {
                ErrorType::ReadTimedout => Some(Refusal::new(guard::GUARD, &guard::BODY_TIMEOUT)),
                _ => None,
            },
        };
    }
    match exchange.failure {
        Some(Failure::ClientAborted | Failure::ClientTimeout) => None,
        failure => Some(refusal_for(failure)),
    }
}

/// The refusal that tells a client what broke between the gateway and the endpoint.
pub(crate) fn refusal_for(failure: Option<Failure>) -> Refusal {
    let (by, reason) = match failure {
        Some(Failure::Connect | Failure::Resolve) => (reasons::UPSTREAM, &reasons::CONNECT),
        Some(Failure::Tls) => (reasons::UPSTREAM, &reasons::TLS),
        Some(Failure::ConnectTimeout | Failure::FirstByteTimeout | Failure::IdleTimeout) => {
            (reasons::UPSTREAM, &reasons::TIMEOUT)
        }
        Some(Failure::TotalTimeout) => (reasons::UPSTREAM, &reasons::TOTAL_TIMEOUT),
        Some(Failure::Reset) => (reasons::UPSTREAM, &reasons::RESET),
        Some(Failure::Protocol) => (reasons::UPSTREAM, &reasons::PROTOCOL),
        Some(Failure::NoEndpoint) => (reasons::UPSTREAM, &reasons::UNAVAILABLE),
        Some(Failure::Internal | Failure::ClientAborted | Failure::ClientTimeout | Failure::Shutdown)
        | None => (reasons::GATEWAY, &reasons::INTERNAL),
    };
    Refusal::new(by, reason)
}

/// Writes down what broke.
pub(super) fn note(error: &Error, exchange: &mut Exchange) {
    if exchange.failure.is_some() || exchange.refused.is_some() {
        return;
    }
    exchange.failure = Some(of(error, exchange));
}

/// What broke, in the words of the metrics.
pub(crate) fn of(error: &Error, exchange: &Exchange) -> Failure {
    if *error.esource() == ErrorSource::Downstream {
        let breach = exchange
            .connection
            .as_ref()
            .and_then(|connection| connection.breach());
        let is_slow = matches!(error.etype(), ErrorType::ReadTimedout | ErrorType::WriteTimedout);
        return if breach.is_some() || is_slow {
            Failure::ClientTimeout
        } else {
            Failure::ClientAborted
        };
    }
    match error.etype() {
        ErrorType::ConnectTimedout => Failure::ConnectTimeout,
        ErrorType::TLSHandshakeTimedout
        | ErrorType::TLSHandshakeFailure
        | ErrorType::InvalidCert
        | ErrorType::HandshakeError => Failure::Tls,
        ErrorType::ConnectRefused
        | ErrorType::ConnectNoRoute
        | ErrorType::ConnectError
        | ErrorType::BindError
        | ErrorType::AcceptError
        | ErrorType::SocketError
        | ErrorType::ConnectProxyFailure => Failure::Connect,
        ErrorType::ReadTimedout | ErrorType::WriteTimedout if exchange.upstream.is_answering => {
            Failure::IdleTimeout
        }
        ErrorType::ReadTimedout | ErrorType::WriteTimedout => Failure::FirstByteTimeout,
        ErrorType::InvalidHTTPHeader | ErrorType::H1Error | ErrorType::H2Error | ErrorType::InvalidH2 => {
            Failure::Protocol
        }
        ErrorType::ConnectionClosed | ErrorType::ReadError | ErrorType::WriteError => Failure::Reset,
        _ if *error.esource() == ErrorSource::Upstream => Failure::Reset,
        _ => Failure::Internal,
    }
}
