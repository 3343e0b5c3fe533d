//! Built-in rules for script that would run in the browser of somebody else.
//!
//! Markup alone is no attack: programs let people write it. What runs is.

use super::super::category::Severity::Warning;
use super::super::place::{Place, Places};
use super::entry::Entry;

/// Where data of a client is shown to others.
const DATA: Places = Places::VALUES.with(Places::of(&[Place::QueryName, Place::FormName, Place::JsonKey]));

pub(super) const RULES: &[Entry] = &[
    Entry::regex(
        "xss-elements",
        DATA,
        r##"\+adw-\w+|(?:\xc2)?\xbcscript|<[\s/+\x00]*(?:script|iframe|object|embed|applet|frameset|frame|base|isindex|bgsound|layer|xml|xss|noembed|noframes)(?:[\s/>+"':;.\x00-\x1f]|$)|<[^>a-z]{0,4}script\b|<scr(?:<|\x00|\s)|<[a-z0-9]+:script\b|<\s*meta\b[^>]*(?:http-equiv|charset|url)|<\s*link\b[^>]*(?:href|rel)\s*=|<\s*style\b[^>]*>[^<]*(?:@import|expression|javascript|url\s*\(|-moz-binding|behavior)|<\s*(?:style|marquee|isindex)\b[^>]*\bon\w+|<\?xml-stylesheet|<!--\[if\b"##,
    ),
    Entry::regex(
        "xss-handlers",
        DATA,
        r##"<[a-z!?/\x80-\xff][^>]{0,400}?[\s/"'`\x0b\x0c+;,]on[a-z]{3,24}[\s\x00-\x1f]*=|<[a-z][^<>]{0,400}\bon(?:load|error|click|focus|mouse\w+|toggle|begin|start|finish|animation\w+|pointer\w+|transition\w+|key\w+|wheel|scroll\w*|drag\w*|copy|cut|paste|play\w*|input|change|submit|resize|page\w+|hash\w+|message|unload|before\w+|auxclick|contextmenu|dblclick|blur|select\w*|search|reset|invalid|show|popstate|storage|end|repeat)[\s\x00-\x1f]*="##,
    ),
    Entry::regex(
        "xss-attributes",
        DATA,
        r##"(?:["'`/\s]|^)on(?:abort|activate|afterprint|animation\w+|auxclick|before\w+|begin|blur|bounce|canplay\w*|change|click|close|contextmenu|copy|cuechange|cut|dblclick|drag\w*|drop|durationchange|end|ended|error|finish|focus\w*|fullscreenchange|gotpointercapture|hashchange|input|invalid|key(?:down|press|up)|load\w*|lostpointercapture|message|mouse\w+|online|offline|page(?:hide|show)|paste|pause|play\w*|pointer\w+|popstate|progress|propertychange|ratechange|readystatechange|repeat|reset|resize|scroll\w*|search|seek\w+|select\w*|show|start|stalled|storage|submit|suspend|timeupdate|toggle|touch\w+|transition\w+|unload|volumechange|waiting|webkit\w+|wheel)[\s\x00-\x1f]*=[\s\x00-\x1f]*["'`]?[\s\x00-\x1f]*[^"'`&\s]*[(`=\[.]"##,
    ),
    Entry::regex(
        "xss-addresses",
        DATA,
        r##"\b(?:java|vb|live)script[\s\x00-\x1f]*:(?:[^\s<]|[\s\x00-\x1f]*[\w.$]+[\s]*[(`=\[])|(?:href|src|data|action|formaction|xlink:href|srcdoc|background|lowsrc|dynsrc|values|to|from|poster)\s*=\s*["'`]?\s*(?:javascript|vbscript|data\s*:\s*(?:text/html|image/svg|application/x|text/xml|,|;))|\bdata\s*:\s*(?:text/html|image/svg\+xml|text/xml|application/xhtml)[^,]{0,60},|\burl\s*\(\s*["']?\s*javascript|\bexpression\s*\(\s*[\w.]+\s*\(|-moz-binding\s*:|\bbehavior\s*:\s*url"##,
    ),
    Entry::regex(
        "xss-addresses-broken",
        DATA,
        r##"\b(?:j[\t\n\r\x00]+a|ja[\t\n\r\x00]+v|jav[\t\n\r\x00]+a|java[\t\n\r\x00]+s|javas[\t\n\r\x00]+c|javasc[\t\n\r\x00]+r|javascr[\t\n\r\x00]+i|javascri[\t\n\r\x00]+p|javascrip[\t\n\r\x00]+t|v[\t\n\r\x00]+b|vb[\t\n\r\x00]+s|vbs[\t\n\r\x00]+c)[a-z\s\x00-\x1f]{0,60}:"##,
    ),
    Entry::regex(
        "xss-markup",
        DATA,
        r##"<\s*(?:svg|math)\b[^>]*>[\s\S]{0,200}?<\s*(?:script|set|animate\w*|foreignobject|use|a\b|image|handler|style|mglyph|maction|annotation)|<\s*(?:svg|math|form|input|button|isindex|a|area|use|image|img|video|audio|source|track|details|body|table|td|textarea|keygen|select|maction|iframe|embed)\b[^>]{0,300}?(?:formaction|srcdoc|xlink:href|action|href|src|data|background|actiontype|poster)\s*=\s*["'`]?[\s\x00-\x1f]*(?:javascript|vbscript|data:|&#|\\j|j\x00|jav\s|//[\w.-]+/[\w.]+\.js)|<\s*template\b[^>]*>\s*<|<\s*(?:noscript|title|textarea|style|xmp|plaintext|listing)[^>]*>\s*<\s*/?\s*(?:img|svg|script|noscript|p|a)\b[^>]*(?:title|on)|<\s*a\b[^>]*\bhref\s*=\s*["']?\s*(?:javas|\\x6a|%6a)"##,
    ),
    Entry::regex(
        "xss-code",
        DATA,
        r##"(?:["'`;(){}\[\]>*/+,=|&?:!~-]|^)[\s\x00-\x1f]*\(?(?:(?:window|self|top|parent|frames|this|globalthis)\s*\.\s*)?(?:alert|prompt|confirm|eval|execscript)\)?[\s\x00-\x1f]*(?:/\*.*?\*/)?(?:\(|`|\.call|\.apply|\?\.\(?)[\s\x00-\x1f]*(?:["'`]?[^"'`()]{0,60}["'`]?[\s\x00-\x1f]*[)`]|document|window|location|string\.|atob|unescape|this|top|self|/\w+/|\w+\s*\+)|["'`>)]\s*[-;+*/^|,]?\s*(?:print|import|fetch|settimeout|setinterval|setimmediate|atob)\s*[(`]|\b(?:settimeout|setinterval|setimmediate)\s*\(\s*(?:["'`]|location|name\b)|\beval\s*\(\s*(?:atob|string|unescape|location|name)|\bdocument\s*(?:\.|\[\s*["'`])\s*(?:cookie|write(?:ln)?|domain|location|body\s*\.\s*innerhtml|documentelement\s*\.\s*innerhtml)\b|\b(?:window|self|top|parent|frames|this|globalthis)\s*\[\s*(?:["'`/]|\w+\s*\+|\d+\s*\[|atob|string)|\bstring\s*\.\s*fromcharcode\s*\(|\b(?:window|document|self|top|parent)\s*\.\s*(?:location|name|open)\s*(?:=|\(|\.\s*(?:href|assign|replace|hash))|\bnew\s+(?:function|image)\s*\(|\.\s*constructor\s*(?:\(\s*["'`]|\[|\.\s*constructor)|\[\s*\]\s*\[\s*["'`(]|\[["'`](?:constructor|filter|map|sort|flat|at|find)["'`]\]|\binnerhtml\s*=|\bonerror\s*=\s*(?:alert|eval|prompt|confirm)|throw\s*[^\s]*\s*(?:onerror|alert|\d)|\blocation\s*=\s*["'`]?\s*(?:javascript|name|atob|\w+:)"##,
    ),
    Entry::regex(
        "xss-hidden-code",
        DATA,
        r##"(?:\(\s*!\s*\[\s*\]\s*\+|\[\s*\]\s*\+\s*\[|\+\s*!\s*!\s*\[|!\s*\[\s*\]\s*\+\s*!)|(?:\\x[0-9a-f]{2}){4}|\$\{\s*(?:alert|eval|prompt|confirm|document|fetch|window|top)\b|\b(?:a\s*=\s*(?:alert|eval|prompt)|\[\s*(?:\d+\s*,?\s*)+\]\s*\.\s*(?:map|find|some|every|filter|foreach)\s*\(\s*(?:alert|eval|confirm|prompt))|\bfind(?:index)?\s*\(\s*(?:alert|confirm|prompt)|\bal\\?u0065rt|["'`]\s*(?:[-+*/^&|,;]|\.\s*concat)+\s*(?:alert|confirm|prompt|eval)\b|\b(?:alert|confirm|prompt)\s*[(`][^)`]{0,60}[)`]\s*(?://|;|["'`<}])"##,
    ),
    Entry::regex(
        "xss-markup-open",
        DATA,
        r##"["'`]\s*/?>\s*<\s*/?\s*[a-z!]|</?\s*(?:script|svg|iframe|body|html|head|title|textarea|style)\s*>\s*<\s*[a-z]"##,
    )
    .severity(Warning),
    Entry::regex("xss-elements-rare", DATA, r"<\s*(?:svg|math|form|input|button|body|html|video|audio|details|marquee|style|template|textarea|select|keygen|img)\b[^>]*[=/>]")
        .severity(Warning)
        .level(2),
    Entry::regex("xss-any-element", DATA, r"<[a-z!/?][^<]{0,200}>").level(3),
    Entry::regex("xss-angle", DATA, r"[<>]").severity(Warning).level(4),
];
