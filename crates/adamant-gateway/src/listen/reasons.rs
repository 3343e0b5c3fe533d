//! The reasons for which the transport itself refuses a request head: one table of constants.
//!
//! What is refused here never reached Pingora, a route or a filter, and the connection is closed after
//! the answer, because nobody can know where the next request would begin.

use adamant_filter::Reason;

macro_rules! reasons {
    ($($(#[$doc:meta])* $name:ident = $code:literal, $status:literal, $text:literal;)*) => {
        $($(#[$doc])* pub static $name: Reason = Reason::new($code, $status, $text);)*

        /// Every reason of this page, for the manual and for metrics.
        pub static ALL: &[&Reason] = &[$(&$name),*];
    };
}

reasons! {
    /// The request line is not `method SP target SP version` (RFC 9112 §3); also HTTP/0.9.
    REQUEST_LINE = "request-line", 400, "the request line is malformed";
    /// A method that is not a token (RFC 9110 §9.1).
    METHOD = "method", 400, "the method is malformed";
    /// CONNECT and TRACE are not served for any resource.
    METHOD_UNSUPPORTED = "method-unsupported", 501, "the method is not supported";
    /// Neither origin form, nor absolute form of http or https, nor `*` of OPTIONS; or a byte that
    /// must be percent-encoded (RFC 9112 §3.2).
    TARGET = "target", 400, "the request target is malformed";
    /// Longer than `target-bytes`.
    TARGET_TOO_LONG = "target-too-long", 414, "the request target is too long";
    /// Neither HTTP/1.1 nor HTTP/1.0.
    VERSION = "version", 505, "the version of HTTP is not supported";
    /// LF without CR (RFC 9112 §2.2): others may see a line end where we see none.
    BARE_LF = "bare-lf", 400, "a line of the request head ends without a carriage return";
    /// CR without LF (RFC 9112 §2.2).
    BARE_CR = "bare-cr", 400, "the request head has a carriage return inside a line";
    /// NUL or another control byte (RFC 9110 §5.5).
    CONTROL_BYTE = "control-byte", 400, "the request head has a control byte";
    /// A line that continues the one before (RFC 9112 §5.2).
    OBS_FOLD = "obs-fold", 400, "a header field is folded over several lines";
    /// Empty, not a token, or with whitespace before the colon (RFC 9112 §5.1).
    FIELD_NAME = "field-name", 400, "the name of a header field is malformed";
    /// More lines than `header-fields`.
    TOO_MANY_FIELDS = "too-many-fields", 431, "the request has too many header fields";
    /// More bytes than `header-bytes`.
    HEAD_TOO_LARGE = "head-too-large", 431, "the request head is too large";
    /// No Host, or an empty one (RFC 9112 §3.2).
    HOST_MISSING = "host-missing", 400, "the request names no host";
    /// More than one Host (RFC 9112 §3.2).
    HOST_TWICE = "host-twice", 400, "the request names more than one host";
    /// Not an authority, or another one than the target's (RFC 9112 §3.2.2).
    HOST = "host", 400, "the host is malformed or differs from the request target";
    /// Several, a list, not digits, or out of range (RFC 9112 §6.3).
    CONTENT_LENGTH = "content-length", 400, "the content length is malformed";
    /// Content-Length together with Transfer-Encoding (RFC 9112 §6.1).
    LENGTH_AND_CODING = "length-and-coding", 400, "the request has a content length and a transfer coding";
    /// Anything but exactly one `chunked` (RFC 9112 §6.1).
    TRANSFER_CODING = "transfer-coding", 400, "the transfer coding is not exactly chunked";
    /// Transfer-Encoding in HTTP/1.0 (RFC 9112 §6.1).
    CODING_IN_HTTP10 = "coding-in-http10", 400, "a request of version 1.0 has a transfer coding";
    /// `Connection` names a field that is not ours to remove: it could delete an identity.
    NOMINATION = "nomination", 400, "the connection field names a field that must not be removed";
    /// An expectation other than `100-continue` (RFC 9110 §10.1.1).
    EXPECTATION = "expectation", 417, "the expectation is not supported";
    /// The head was not complete within `header-time`.
    HEAD_TOO_SLOW = "head-too-slow", 408, "the request head took too long";
}
