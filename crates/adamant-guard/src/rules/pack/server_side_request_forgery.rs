//! Built-in rules for addresses that make the server call itself, its network or its cloud.
//!
//! Addresses of the open Internet are no attack: whom a program may call is a list that it must have itself.

use super::super::category::Severity::Warning;
use super::super::place::{Place, Places};
use super::entry::Entry;

/// Where a program may take an address from. `origin` and `referer` name the page of a developer, too.
const DATA: Places = Places::of(&[
    Place::QueryValue,
    Place::FormValue,
    Place::JsonValue,
    Place::CookieValue,
    Place::Path,
    Place::HeaderValue,
    Place::Body,
]);

/// The same, and the page.
const EVERYWHERE: Places = DATA.with(Places::of(&[Place::PageValue]));

pub(super) const RULES: &[Entry] = &[
    Entry::regex(
        "forgery-metadata",
        EVERYWHERE,
        r"\b169\.254\.(?:169\.254|170\.2|\d{1,3}\.\d{1,3})\b|\bmetadata(?:\.google)?\.internal\b|\b100\.100\.100\.200\b|\b192\.0\.0\.192\b|/latest/(?:meta-data|user-data|dynamic|api/token)|/computemetadata/v\d|/metadata/(?:instance|identity|v1)\b|/openstack/latest|/opc/v[12]/|\bfd00:ec2::254\b|\[?::ffff:a9fe:a9fe|\binstance-data\b|\bkubernetes\.default(?:\.svc)?\b|\brancher-metadata\b",
    ),
    Entry::regex(
        "forgery-itself",
        DATA,
        r"(?:^|[^\w])(?:https?|ftps?|wss?|git|ssh|dns|imap|smtp|redis|mongodb|telnet)?:?(?://|\\\\|/\\)(?:[^/@\s?#]{0,64}@)?(?:localhost|localhost\.localdomain|127(?:\.\d{1,3}){1,3}|127\.1|0(?:\.0){0,3}|\[(?:0{0,4}:)*:?(?:0{0,3}1?|ffff:[\w.:]+)\]|\[::[^\]]*\]|0x7f[\da-f]{6}|0x7f(?:\.0x0?[\da-f]{1,2}){1,3}|0+177(?:\.0*\d{1,3}){1,3}|017700000001|2130706433|3232235\d{3}|2852039166|3221225\d{3}|0xa9fea9fe|0xc0a8[\da-f]{4})(?:[:/?#\\;\s]|$)",
    ),
    Entry::regex(
        "forgery-network",
        DATA,
        r"(?:https?|ftps?|wss?|gopher|dict|ldaps?|tftp|sftp)?:?(?://|\\\\)(?:[^/@\s?#]{0,64}@)?(?:10(?:\.\d{1,3}){3}|192\.168(?:\.\d{1,3}){2}|172\.(?:1[6-9]|2\d|3[01])(?:\.\d{1,3}){2}|100\.(?:6[4-9]|[7-9]\d|1[01]\d|12[0-7])(?:\.\d{1,3}){2}|169\.254(?:\.\d{1,3}){2}|\[f[cde][\da-f:]+\]|\w[\w.-]{0,80}\.(?:internal|intranet|corp|localdomain|local|lan|cluster\.local|consul))(?:[:/?#\\\s]|$)",
    ),
    Entry::regex(
        "forgery-written-otherwise",
        DATA,
        r"\b(?:https?|ftp|gopher)://(?:[^/@\s?#]{0,64}@)?(?:0x[\da-f]{1,8}(?:\.0x[\da-f]{1,8}){0,3}|0\d{2,3}(?:\.0\d{1,3}){1,3}|\d{8,10}|\d{1,3}\.\d{4,8}|\d{1,3}\.\d{1,3}\.\d{4,5})(?:[:/?#\\]|$)|://[^/\s]*(?:\xe2\x91[\xa0-\xbf]|\xe2\x92|\xe2\x93|\xe3\x80\x82|\xef\xbd\xa1|\xef\xbc[\x90-\x99])|\b(?:nip\.io|xip\.io|sslip\.io|localtest\.me|lvh\.me|lacolhost\.com|vcap\.me|spoofed\.burpcollaborator\.net|customer1\.app\.localhost|1u\.ms|rbndr\.us|make-\d[\w.-]+rebind)",
    ),
    Entry::regex(
        "forgery-schemes",
        EVERYWHERE,
        r"\b(?:gopher|dict|tftp|ldaps?|netdoc|jar:https?|jar:file|sftp|rmi|cpl|slp|mailto:.*\bbcc)s?://?[\w.%\[*]|\b(?:gopher|dict)://|\bjdbc:\w+:|\burl:(?:file|https?|ftp)://|\blocal_file:/",
    ),
    Entry::regex(
        "forgery-listeners",
        EVERYWHERE,
        r"\b(?:burpcollaborator\.net|oastify\.com|oast\.(?:pro|live|site|online|fun|me)|interact\.sh|interactsh\.com|requestbin\.\w+|dnslog\.cn|ceye\.io|canarytokens\.\w+|requestrepo\.com|bxss\.me|xss\.ht|ezxss\.com|r87\.(?:me|com)|pipedream\.net/x|dnsbin\.\w+|pingb\.in|eyes\.sh|tukaani\.dnslog)",
    ),
    Entry::regex(
        "forgery-user-part",
        DATA,
        r"\bhttps?:(?://|/\\|\\\\)[^/\s?#@]+(?:@|%40|#@|\\@|&@)[^/\s@]*(?:@|#|127\.|localhost|169\.254|\d+\.\d+\.\d+\.\d+|\[)",
    ),
    Entry::regex(
        "forgery-names",
        DATA,
        r"^(?:localhost|127\.\d+\.\d+\.\d+|0\.0\.0\.0|\[?::1?\]?|169\.254\.\d+\.\d+|metadata)(?::\d+)?(?:/.*)?$",
    )
    .level(2),
    Entry::regex("forgery-any-address", DATA, r"^(?:https?|ftp)://\d{1,3}(?:\.\d{1,3}){3}").severity(Warning).level(2),
    Entry::regex("forgery-any-address-strict", DATA, r"^(?:https?|ftp)://\d{1,3}(?:\.\d{1,3}){3}").level(3),
];
