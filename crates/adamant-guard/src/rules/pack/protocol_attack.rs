//! Built-in rules for attacks on what reads a request: line feeds, zero bytes, other protocols, query languages of
//! directories and document stores, parsers of XML and of objects, log libraries.
//!
//! The framing of the request itself is checked by the gateway before any filter.

use super::super::category::Severity::Warning;
use super::super::place::{Place, Places};
use super::entry::{Entry, View};

/// Values that have one line.
const LINES: Places = Places::of(&[
    Place::Path,
    Place::QueryName,
    Place::QueryValue,
    Place::CookieName,
    Place::CookieValue,
    Place::HeaderValue,
    Place::FormalValue,
    Place::FormName,
    Place::FileName,
    Place::JsonKey,
]);

/// Where data of a client is read by something else.
const DATA: Places = Places::VALUES.with(Places::of(&[
    Place::QueryName,
    Place::FormName,
    Place::FormalValue,
]));

/// Names that may hold operators.
const NAMES: Places = Places::of(&[
    Place::QueryName,
    Place::CookieName,
    Place::FormName,
    Place::JsonKey,
]);

pub(super) const RULES: &[Entry] = &[
    Entry::regex(
        "protocol-line-feed",
        LINES,
        r"(?:[\r\n]|\xe5\x98[\x8a\x8d]|\xc4[\x8a\x8d])+\s*(?:set-cookie|content-(?:type|length|disposition|encoding|security-policy)|location|refresh|http/\d|transfer-encoding|host|x-[\w-]+|access-control-[\w-]+|status|link|connection|cookie|referer|origin|user-agent|[\w-]{3,30})\s*(?::|%3a)",
    ),
    Entry::regex(
        "protocol-line-feed-form",
        DATA,
        r"[\r\n]+\s*(?:set-cookie\s*:\s*\w+=|content-length\s*:\s*\d|transfer-encoding\s*:\s*chunked|http/\d\.\d\s+\d{3}|x-forwarded-\w+\s*:)|(?:\xe5\x98[\x8a\x8d]){2}|[\r\n]{2,}\s*<(?:html|script|svg|!doctype)",
    ),
    Entry::regex(
        "protocol-request",
        DATA,
        r"(?:^|[\r\n]|\d\s)(?:get|post|put|delete|head|options|trace|connect|patch|propfind)\s+(?:https?://[\w.:-]+|/)[^\s]{0,300}\s+http/\d",
    ),
    Entry::regex(
        "protocol-mail",
        DATA,
        r"[\r\n]+\s*(?:b?cc|to|from|subject|reply-to|mime-version|x-mailer)\s*:\s*[^\r\n]{0,80}(?:@|%40|\r|\n)|[\r\n]\.?[\r\n]*\s*(?:rcpt\s+to|mail\s+from|ehlo|helo|quit|vrfy|expn|data)\b\s*(?::|[\r\n]|$|\w+\.)|[\r\n]\s*[av]\d{2,4}\s+(?:capability|examine|fetch|logout|select|login|list|create|delete|noop)\b",
    ),
    Entry::regex(
        "protocol-null",
        Places::of(&[
            Place::Path,
            Place::QueryName,
            Place::QueryValue,
            Place::CookieName,
            Place::CookieValue,
            Place::FormName,
            Place::FormValue,
            Place::FileName,
            Place::JsonKey,
        ]),
        r"\x00",
    )
    .view(View::Unescaped),
    Entry::regex(
        "protocol-log-lookup",
        DATA.with(NAMES),
        r"\$\{\s*(?:jndi|(?:lower|upper|env|sys|java|date|ctx|main|bundle|map|marker|k8s|docker|spring|web|log4j|event|sd|base64|::-)\s*:|::-|[^{}]{0,60}\$\{)|\bjndi\s*:\s*(?:ldaps?|rmi|dns|iiop|corba|nis|nds|https?|\$)|\$\{[^}]{0,100}:-[^}]{0,20}\}",
    ),
    Entry::regex(
        "protocol-directory",
        DATA,
        r##"\)\s*\(\s*[|&!]?\s*\(?\s*[\w.;:-]+\s*[~<>:]*=|\*\s*\)\s*\(|\*\)+(?:\x00|%00|$)|\(\s*[|&]\s*\(\s*[\w-]+\s*=|\)\s*\(\s*[&|!]\s*[()]|^\s*[*(][\w*]*\s*[|&)(]{1,3}\s*[\w(*]*=|\(\s*[&|!]\s*\)|^\s*\*?\(\s*[|&]|\)\)\s*\(\s*[|&]|^\(?(?:objectclass|uid|cn|sn|mail|userpassword|samaccountname)\s*=\s*\*|^\*[|)(&]+"##,
    ),
    Entry::regex(
        "protocol-document-path",
        DATA,
        r##"'\s*(?:or|and)\s+(?:count|string-length|substring|contains|starts-with|name|position|text|last|not|true|false|normalize-space)\s*\(|\b(?:count|name|string-length|substring|local-name|string)\s*\(\s*(?:\(?/|\.\.?/|//|\*[/\[]|@|child::|parent::|self::|doc\s*\(|name\s*\()|(?:^|[/\['"(|])\s*(?:child|parent|ancestor|descendant|following|preceding|attribute|self|ancestor-or-self|descendant-or-self|following-sibling)::(?:\w+|\*)\s*(?:$|[/\[(|=])|\]\s*\|\s*(?://?|\.)|'\s*\]\s*(?:\||/|\()|/\*\[\d|\bdoc(?:-available)?\s*\(\s*(?:concat|["']https?)|//(?:\*\s*(?:$|[\[/|])|user|node\(\)|[\w-]+\[)|\bstring\s*\(//|\bor\s+name\s*\("##,
    ),
    Entry::regex(
        "protocol-store-names",
        NAMES,
        r"\[\s*\$(?:ne|eq|gte?|lte?|n?in|regex|where|exists|or|and|not|nor|type|mod|size|all|elemmatch|options|expr|jsonschema|text|comment)\s*\]|^\$(?:ne|gte?|lte?|nin|regex|where|exists|nor|elemmatch|function|accumulator|expr|jsonschema|lookup|regexmatch)$|\.\$(?:ne|gt|regex|where)$|^\$or$",
    ),
    Entry::regex(
        "protocol-store",
        DATA,
        r##"[{,\[]\s*["']?\\?["']?\$(?:ne|eq|gte?|lte?|n?in|regex|where|exists|or|and|not|nor|elemmatch|expr|func|function|set|unset|push|inc|comment|options)["'\\]*\s*:|(?:^|[\s"'|&;,=(\[{])\$(?:where|regex|ne|gt|func)\b|["']?\s*(?:\|\||&&)\s*(?:["']?\d+["']?\s*={1,3}\s*["']?\d|this\b|["'][^"']*["']\s*={1,3}\s*["'])|\bthis\.\w+\s*(?:={2,3}|\.match|!=|\.length|\[)|\bthis\[|[;'"}]\s*return\s+(?:true|1|\(|this|db|!|['"])|\bdb\.\w+\.(?:find|insert|drop|remove|update|count|stats|aggregate|mapreduce|save)\w*\s*\(|\bdb\.(?:getcollectionnames|version|stats|hostinfo|injection)|\bmapreduce\s*\(|\bnew\s+date\s*\(\s*\)\s*;\s*(?:do|while|var)|\bsleep\s*\(\s*\d{3,}\s*\)|'\s*;\s*while\s*\(|\btojson\s*\(|\bemit\s*\(|,\s*\$or\s*:|\bfunction\s*\(\s*\)\s*\{\s*(?:return|var|sleep|do|while)"##,
    ),
    Entry::regex(
        "protocol-cache-commands",
        DATA,
        r"[\r\n]+\s*(?:(?:flushall|flushdb|config\s+(?:set|get)|slaveof|replicaof|eval\s|script\s+load|save|shutdown|monitor|debug\s+sleep|module\s+load)\b|(?:set|get|add|delete|stats|gets|incr|flush_all)\s+\S{1,60}(?:\s+\d+){0,3}\s*[\r\n])",
    ),
    Entry::regex(
        "protocol-markup-entities",
        DATA,
        r##"<!entity\b|<!doctype\b[^>]{0,300}\[|<!doctype\b[^>]{0,200}\bsystem\s+["']|\bsystem\s+["'](?:file|https?|ftp|php|expect|gopher|jar|netdoc|data|/)|<\w*:?include\b[^>]{0,200}\b(?:href|parse)\s*=|\bxinclude\b|<!\[cdata\[[^\]]{0,200}(?:<script|<\?|<!\[|\]\]>|alert|system)|<!element\s|<!attlist\s|<xsl:(?:value-of|template|stylesheet|include|import|variable|copy-of)|\bxsi:schemalocation\s*=\s*["']http|%\w+;\s*(?:%\w+;|\]>)|<\?xml\b[^>]{0,100}\?>\s*<!doctype"##,
    ),
    Entry::regex(
        "protocol-objects",
        DATA,
        r##"\brO0AB[\w+/]|\xac\xed\x00\x05|(?:^|[;{"':])O:\+?\d{1,4}:["'][\w\\]+["']:\d+:\{|(?:^|[;{"'])a:\d{1,5}:\{[is]:\d+|_\$\$nd_func\$\$_|!!(?:python|javax?|ruby|perl|com|org)[/.:]|!ruby/(?:object|hash|struct|array)|\bysoserial\b|\bAAEAAAD/{2,}|\bcos\nsystem|c__builtin__|c(?:posix|os|subprocess)\n\w+|\bgASV[\w+/]{8}|\btype\.javascriptobject|\bsystem\.(?:windows\.data\.objectdataprovider|data\.services\.internal|configuration\.install)|"\$type"\s*:\s*"system\.|"@(?:type|class)"\s*:\s*"(?:com|org|java|net)\."##,
    ),
    Entry::regex(
        "protocol-prototype",
        DATA.with(NAMES),
        r"(?:^|[\[.{,'\x22])__proto__(?:$|[\].\['\x22:=])|\bconstructor(?:\]\[|\.|\[['\x22]?|['\x22]\s*:\s*\{\s*['\x22])prototype\b|\b__(?:define|lookup)(?:getter|setter)__",
    ),
    Entry::regex(
        "protocol-graph",
        DATA,
        r"\b__schema\s*\{|\b__type\s*\(\s*name|\bintrospectionquery\b",
    )
    .severity(Warning)
    .level(2),
    Entry::regex(
        "protocol-formula",
        Places::of(&[Place::QueryValue, Place::FormValue, Place::JsonValue]),
        r##"^\s*[=+@-]\s*(?:cmd|powershell|mshta|rundll32|dde|msexcel)\s*\||^\s*[=+@-].{0,80}!\s*['"]?[a-z]{1,2}\d|^\s*=\s*(?:hyperlink|webservice|importxml|importdata|importfeed|importhtml|importrange|image|rtd|exec|call|dde)\s*\("##,
    ),
    Entry::regex("protocol-control", LINES, r"[\x01-\x08\x0e-\x1f\x7f]")
        .severity(Warning)
        .level(3),
    Entry::regex("protocol-line", LINES, r"[\r\n]").level(3),
];
