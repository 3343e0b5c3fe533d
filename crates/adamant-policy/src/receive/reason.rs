//! Why a request is refused before any filter runs. The codes stand under the word `request` or `route`.

use adamant_filter::Reason;

/// Word of the transport guard in logs, metrics and bodies.
pub const GUARD: &str = "request";

/// Word of routing in logs, metrics and bodies.
pub const ROUTING: &str = "route";

macro_rules! reasons {
    ($list:ident: $($name:ident = $code:literal, $status:literal, $text:literal;)+) => {
        $(#[doc = $text] pub const $name: Reason = Reason::new($code, $status, $text);)+

        /// All of them.
        pub const $list: &[&Reason] = &[$(&$name),+];
    };
}

reasons! { REQUEST_REASONS:
    HOST_MISSING = "host-missing", 400, "the request names no host";
    HOST_SEVERAL = "host-several", 400, "the request names more than one host";
    HOST_INVALID = "host-invalid", 400, "the host is not a valid name";
    TARGET_FORM = "target-form", 400, "the request target is not an absolute path";
    TARGET_TOO_LONG = "target-too-long", 414, "the request target is too long";
    PATH_ENCODING = "path-encoding", 400, "the path has a broken percent-encoding";
    PATH_CHARACTER = "path-character", 400, "the path has a character that must not stand there";
    PATH_ENCODED_SEPARATOR = "path-encoded-separator", 400, "the path has an encoded separator";
    PATH_DOUBLE_ENCODING = "path-double-encoding", 400, "the path is encoded twice";
    PATH_CLIMBS = "path-climbs", 400, "the path climbs above its root";
    PATH_ENCODED_DOTS = "path-encoded-dots", 400, "the path has encoded dot segments";
    PATH_EMPTY_SEGMENT = "path-empty-segment", 400, "the path has an empty segment";
    PATH_PARAMETERS = "path-parameters", 400, "the path has segment parameters";
    FIELDS_TOO_MANY = "fields-too-many", 431, "the request has too many header fields";
    FIELDS_TOO_LARGE = "fields-too-large", 431, "the header fields are too large";
    FIELD_UNDERSCORE = "field-underscore", 400, "a header field name has an underscore";
    CONNECTION_NOMINATION = "connection-nomination", 400, "Connection names a field that is not hop-by-hop";
    FRAMING_CONFLICT = "framing-conflict", 400, "the request has two framings";
    LENGTH_INVALID = "length-invalid", 400, "Content-Length is not one number";
    CODING_REFUSED = "coding-refused", 400, "only the transfer coding chunked is understood";
    EXPECTATION = "expectation", 417, "only 100-continue can be expected";
    METHOD_REFUSED = "method-refused", 501, "the method is not served here";
    UPGRADE_REFUSED = "upgrade-refused", 403, "no protocol switch is permitted here";
    HOPS_TOO_MANY = "hops-too-many", 400, "the forwarding header lists too many hops";
    FORWARDING_SEVERAL = "forwarding-invalid", 400, "the forwarding header cannot be read";
    BODY_EXCEEDED = "body-exceeded", 413, "the request body is too large";
    BODY_TIMEOUT = "body-timeout", 408, "the request body came too slowly";
    BODY_BROKEN = "body-broken", 400, "the request body is not framed properly";
    MISDIRECTED = "misdirected", 421, "this connection does not serve that host";
}

reasons! { ROUTE_REASONS:
    UNKNOWN = "unknown", 404, "there is nothing here";
    METHOD = "method", 405, "the method is not allowed here";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_occurs_once() {
        for list in [REQUEST_REASONS, ROUTE_REASONS] {
            let codes: std::collections::BTreeSet<_> = list.iter().map(|reason| reason.code()).collect();
            assert_eq!(codes.len(), list.len());
        }
    }
}
