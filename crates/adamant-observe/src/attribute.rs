//! The closed sets of label values: whatever a client sends, a metric has no more series than these.
//!
//! Spelled as the OpenTelemetry HTTP conventions want them. Nothing here allocates or parses.

macro_rules! closed_set {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $label:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[repr(u8)]
        pub enum $name { $($(#[$variant_doc])* $variant,)* }

        impl $name {
            /// All members, in the order of their numbers.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The spelling in metrics and in the access log.
            #[must_use]
            pub const fn label(self) -> &'static str {
                match self { $(Self::$variant => $label,)* }
            }

            /// Position in [`Self::ALL`].
            #[must_use]
            pub const fn index(self) -> usize {
                self as usize
            }
        }
    };
}

closed_set! {
    /// `http.request.method`: RFC 9110 §9 and RFC 5789; every other method is `_OTHER`.
    Method {
        /// GET.
        Get = "GET",
        /// HEAD.
        Head = "HEAD",
        /// POST.
        Post = "POST",
        /// PUT.
        Put = "PUT",
        /// DELETE.
        Delete = "DELETE",
        /// CONNECT.
        Connect = "CONNECT",
        /// OPTIONS.
        Options = "OPTIONS",
        /// TRACE.
        Trace = "TRACE",
        /// PATCH.
        Patch = "PATCH",
        /// Anything else, so that clients cannot make series.
        Other = "_OTHER",
    }
}

impl Method {
    /// The member that counts `method`.
    #[must_use]
    pub fn of(method: &http::Method) -> Self {
        match *method {
            http::Method::GET => Self::Get,
            http::Method::HEAD => Self::Head,
            http::Method::POST => Self::Post,
            http::Method::PUT => Self::Put,
            http::Method::DELETE => Self::Delete,
            http::Method::CONNECT => Self::Connect,
            http::Method::OPTIONS => Self::Options,
            http::Method::TRACE => Self::Trace,
            http::Method::PATCH => Self::Patch,
            _ => Self::Other,
        }
    }
}

closed_set! {
    /// `network.protocol.version`.
    Protocol {
        /// HTTP/1.0.
        Http10 = "1.0",
        /// HTTP/1.1.
        Http11 = "1.1",
        /// HTTP/2.
        Http2 = "2",
    }
}

impl Protocol {
    /// The member that counts `version`. What is older than HTTP/1.0 is refused before it is counted.
    #[must_use]
    pub fn of(version: http::Version) -> Self {
        match version {
            http::Version::HTTP_2 => Self::Http2,
            http::Version::HTTP_11 => Self::Http11,
            _ => Self::Http10,
        }
    }
}

closed_set! {
    /// `url.scheme`.
    Scheme {
        /// Clear text.
        Http = "http",
        /// TLS.
        Https = "https",
    }
}

closed_set! {
    /// `error.type` where no status tells it: what broke on the way.
    Failure {
        /// The endpoint's name did not resolve.
        Resolve = "name_resolution",
        /// The endpoint refused the connection or cannot be reached.
        Connect = "connect",
        /// The connection was not made in time.
        ConnectTimeout = "connect_timeout",
        /// The TLS handshake with the endpoint failed.
        Tls = "tls",
        /// No endpoint may be used: all are down.
        NoEndpoint = "no_endpoint",
        /// The answer did not begin in time.
        FirstByteTimeout = "first_byte_timeout",
        /// A body was silent for too long.
        IdleTimeout = "idle_timeout",
        /// The whole exchange took too long.
        TotalTimeout = "total_timeout",
        /// The endpoint broke the connection off.
        Reset = "reset",
        /// The endpoint did not speak HTTP.
        Protocol = "protocol",
        /// The client went away.
        ClientAborted = "client_aborted",
        /// The client was too slow.
        ClientTimeout = "client_timeout",
        /// The gateway ended before the exchange did.
        Shutdown = "shutdown",
        /// The gateway's own fault.
        Internal = "internal",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_member_stands_at_its_index() {
        assert!(
            Method::ALL
                .iter()
                .enumerate()
                .all(|(index, method)| method.index() == index)
        );
        assert!(
            Failure::ALL
                .iter()
                .enumerate()
                .all(|(index, failure)| failure.index() == index)
        );
    }

    #[test]
    fn unknown_methods_share_one_label() {
        let propfind = http::Method::from_bytes(b"PROPFIND").expect("a token");
        assert_eq!(Method::of(&propfind), Method::Other);
        assert_eq!(Method::of(&http::Method::PATCH).label(), "PATCH");
    }

    #[test]
    fn versions_are_spelled_as_the_conventions_want() {
        let cases = [
            (http::Version::HTTP_10, "1.0"),
            (http::Version::HTTP_11, "1.1"),
            (http::Version::HTTP_2, "2"),
        ];
        for (version, label) in cases {
            assert_eq!(Protocol::of(version).label(), label);
        }
    }
}
