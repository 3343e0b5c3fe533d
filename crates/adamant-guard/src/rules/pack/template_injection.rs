//! Built-in rules for expressions of template engines.
//!
//! A name in braces is how people fill in letters; a computation in braces is not.

use super::super::category::Severity::Warning;
use super::super::place::{Place, Places};
use super::entry::Entry;

/// Where data of a client may become part of a template.
const DATA: Places = Places::VALUES.with(Places::of(&[Place::QueryName, Place::FormName, Place::JsonKey]));

pub(super) const RULES: &[Entry] = &[
    Entry::regex(
        "template-computation",
        DATA,
        r##"(?:\{\{-?|\$\{\{?|#\{|\*\{|@\{|~\{|%\{|<%=?|\{%=?|\[\[\$?\{?|\{=|\[=|@\(|\{@|\$\{=|\{\[|\(\(|\{!|\$!?\{)\s*["'(\[]*-?\d+["')\]]*\s*[-*+/%^|<>=]{1,2}\s*["'(\[]*-?\d+["')\]]*|^\s*\{-?\d+\s*[*+/-]\s*-?\d+\}|\{\{\s*["'][^"'}]{0,40}["']\s*[*+|~.\[%]|#\{\s*["'(\[]?\d+\s*[*+]|\{\{=|\{\{\s*(?:\[\]|\(\)|''|"")|<%\s*=?\s*\d+|\{\{\s*\d+\s*\}\}|\$\{\s*\d+\s*\}"##,
    ),
    Entry::regex(
        "template-insides",
        DATA,
        r##"__(?:class|mro|subclasses|globals|builtins|import|init|base|bases|getattribute|dict|self|code|getitem|loader|reduce\w*|name|doc|module)__|\|\s*attr\s*\(|\battr\s*\(\s*["']\\?_|\b(?:lipsum|cycler|joiner|namespace|url_for|get_flashed_messages|config|self|request)\s*(?:\.|\[|\|)\s*["'\\]?(?:_|__|globals|items|application|environ|from_object|root_path|args|iteritems|mro|class|import_name|attr|secret_key|dict)|\{\{\s*(?:config|self|request|settings|app|_self|_context|dump|debug|this|constructor|session|lipsum|cycler|joiner|range|dict|namespace|g|_)\s*(?:\(|\.|\[|\||\}\})|\{%-?\s*(?:for|if|set|import|include|debug|extends|raw|load|macro|block|with|autoescape|print|do|from|filter|call)\b[^%]{0,200}%?\}?|\b_self\.env|\bregisterundefinedfiltercallback|\bgetfilter\s*\(|\|\s*(?:filter|map|sort|reduce)\s*\(\s*["'](?:system|exec|passthru|shell_exec|phpinfo|assert)|\[\s*["'](?:id|ls|cat[^"']*|whoami)["']\s*(?:,\s*["']?\w*["']?)?\]\s*\|\s*(?:filter|map|sort)"##,
    ),
    Entry::regex(
        "template-calls",
        DATA,
        r##"(?:\{\{|\$\{|#\{|\*\{|<%=?|@\(|\[\[\$?\{?)[^}\n]{0,200}?(?:\bnew\s+\w+|\.\s*(?:exec|getclass|forname|invoke|constructor|newinstance|getruntime|popen|read|system|eval|execute|getmethod|classloader|tochararray|class\b|\$new|\$eval|\$on)|\bT\s*\(|\bsystem\s*\(|\bexec\s*\(|\beval\s*\(|\bphpinfo\s*\(|\bfile_get_contents|\bfile\.open|\bdir\.entries|\bio\.popen|\bkernel|`[^`]+`|%x\(|\bself\.\w+\(|\bglobal\.process|\bprocess\.|\brequire\s*\(|\brange\.constructor|\bconstructor\b|\["constructor|\['constructor|\bobject\.|\bruntime\b|\bprint\s*\(|\bsleep\s*\(|\bprintln\s*\(|\bclass\.|\bapplication\.|\bpageContext|\bparam\.|\bheader\[|\bsessionScope|\binitParam)"##,
    ),
    Entry::regex(
        "template-directives",
        DATA,
        r##"<#(?:assign|list|if|include|macro|function|import|setting)\b|\?(?:new|api|eval|interpret)\s*\(\s*\)|\?(?:api|interpret)\b|#set\s*\(\s*\$|\$class\.inspect|#(?:foreach|evaluate|parse|include|macro)\s*\(|\$\{\s*(?:class|self|application|session|request|beans?)\.|<%\s*(?:=|import|for|if|require|system|exec|@|\w+\.)|\{php\}|\{/?literal\}|\{system\s*\(|\{\$smarty|\{(?:self|smarty)::|\bsmarty_internal|\{if\s+\w+\s*\(|\{\{#(?:with|each|if)\s+["'(\w]|\{\{\{?\s*(?:@root|lookup|this)\b|@\{\s*\w+|@(?:system|using|model|html\.raw|functions)\b\s*[.{(]|\[\[\$\{|\bth:\w+\s*=|__\$\{|\}__::|\$\$\{|\#\{\s*(?:global|root|process|runtime|session|facescontext|request)\b|-\s*var\s+\w+\s*=\s*require"##,
    ),
    Entry::regex(
        "template-polyglot",
        DATA,
        r##"\$\{\{<%\[%|\{\{<%|<%'|%\[%'|\{\{.{0,40}\}\}[\s\S]{0,20}\$\{|\$\{\{[^}]+\}\}|<\?lisp|\{\*comment\*\}|\{\{[!#^>&]\s*['"(]"##,
    ),
    Entry::regex(
        "template-braces",
        DATA,
        r"\{\{.{1,200}?\}\}|\$\{[^}]{1,200}\}|#\{[^}]{1,200}\}|<%.{1,200}?%>",
    )
    .severity(Warning)
    .level(2),
    Entry::regex("template-braces-strict", DATA, r"\{\{|\$\{|#\{|<%|\{%").level(3),
];
