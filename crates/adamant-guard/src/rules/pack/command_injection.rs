//! Built-in rules for commands of shells, and for code that runs on the server.
//!
//! Names of commands are words of English, too: they count behind a mark that ends another command, with what commands
//! are given.

use super::super::category::Severity::{Error, Warning};
use super::super::place::{Place, Places};
use super::entry::Entry;

/// Where data of a client may reach a shell or an interpreter.
const DATA: Places = Places::VALUES.with(Places::of(&[
    Place::QueryName,
    Place::FormName,
    Place::FormalValue,
]));

/// The same, without the fields of a browser, which hold `;` and parentheses.
const SHORT: Places = Places::of(&[
    Place::Path,
    Place::QueryName,
    Place::QueryValue,
    Place::CookieValue,
    Place::FormName,
    Place::FormValue,
    Place::JsonValue,
    Place::FileName,
    Place::HeaderValue,
]);

pub(super) const RULES: &[Entry] = &[
    // Names that are no words.
    Entry::regex(
        "command-chained",
        SHORT,
        r##"(?:[;|&\n\r]|\\n|\$\(|<\(|>\(|%0a)[\s'"\\^+]*(?:/(?:usr/)?(?:local/)?s?bin/)?(?:ls|id|pwd|whoami|uname|wget|curl|ncat|netcat|nc|bash|zsh|ksh|csh|dash|sh|python[\d.]*|perl|ruby|php[\d.]*|lua|powershell|pwsh|cmd(?:\.exe)?|nslookup|dig|ifconfig|ipconfig|netstat|systeminfo|chmod|chown|rm|cp|mv|awk|sed|grep|egrep|printenv|systemctl|ps|xxd|crontab|telnet|ssh|scp|tftp|socat|certutil|bitsadmin|mshta|regsvr32|rundll32|wmic|tasklist|hostname|ping6?|traceroute|tracert|arp|route|gcc|mkfifo|mknod|base64|tar|gunzip|gzip|useradd|adduser|passwd|sudo|su|reg|schtasks|getent|lsof|sysinfo|lsb_release|iptables|busybox|nohup|xargs|tcpdump|netsh|mysql|psql|dir|phpinfo|sysctl|env)(?:[\s'"\\^;|&)`$<>{,+]|\.exe\b|$)(?:[\s'"\\^+]*(?:$|[-/$~.*'"\\;|&)`<>{%\d]|(?:https?|ftp)|[a-z]:|localhost|-|aux\b|etc\b|passwd\b|[a-z]\w*(?:\.\w+|/)))"##,
    ),
    // Names that are words, with what a command is given.
    Entry::regex(
        "command-words",
        SHORT,
        r##"(?:[;|&\n\r]|\\n|\$\(|<\(|>\(|%0a)[\s'"\\^+]*(?:/(?:usr/)?s?bin/)?(?:(?:cat|find|more|less|head|tail|type|touch|tee|net|ping|dir|host|kill|nl|tac|od|file|cut|sort|strings|which|whereis|locate|ln|mail|vi|vim|nano|set|env|export|dd|du|df|copy|del|xcopy|start|time|date|at|read|source|node|go|make|install|apt(?:-get)?|yum|history|who|last|finger|users|groups|top|free|uptime|ver|vol|reboot|shutdown|halt|service|docker|kubectl|mount)(?:\s|\$\{?IFS\}?|<|\+|%20)+(?:[-/$~*'"\\<>{%]|\.{0,2}/|[a-z]:\\|/?etc/|\d{1,3}(?:\.\d+){1,3}|localhost|user\b|\w+\.(?:txt|php|conf|ini|sh|log|py|passwd|html?|cfg|exe|bat))|(?:sleep|timeout)(?:\s|\$\{?IFS\}?|\+)+/?t?\s*-?\d|echo(?:\s|\$\{?IFS\}?|\+|\.)+(?:["'$`\\(-]|\w+\s*(?:$|[;|&>`)\\])|\w*[\d_])|net\s+(?:view|user|share|use|start|stop|localgroup|session|config)\b|netsh\s+\w|reg\s+(?:add|query|delete)\s|ping(?:\s|\$\{?IFS\}?|\+)+(?:-\w|/n|\d|localhost|[\w-]+\.\w)|ver\s*$|set\s*$|env\s*$|dir\s*(?:$|[/\\;|&])|cat\s*<|type\s+%|print\s*\(|exit\s*(?:$|[;&|]))"##,
    ),
    // A command as the whole of a value.
    Entry::regex(
        "command-alone",
        SHORT,
        r##"^\W{0,3}(?:/(?:usr/)?(?:local/)?s?bin/\w+(?:\s|$)|(?:cat|ls|head|tail|more|less|find|grep|rm|cp|mv|chmod|chown|touch|nano|vi|vim|dir|type|del|copy|wget|curl|nc|bash|sh|python\d?|perl|php|ping|nslookup|dig|id|uname|whoami|netstat|ifconfig|ipconfig|ps|net|echo)\s+(?:-{1,2}[a-z]\w*(?:[\s=]|$)|/(?:etc|bin|tmp|var|usr|dev|home|root|proc|opt)\b|\.\./|~/|[a-z]:\\|https?://|\$\w|["']?\$\(|user\s+/)|which\s+(?:curl|gcc|nc|netcat|perl|python\d?|wget|ruby|php)\s*$|sleep\s+\d+\s*$|(?:whoami|ipconfig|ifconfig|systeminfo|uname)\s*(?:$|[;|&/-]))"##,
    ),
    Entry::regex(
        "command-separators",
        SHORT,
        r##"^[\w.@-]{0,40}[\s'"]*(?:;|\|{1,2}|&{1,2}|`|\$\(|%0a|\n)\s*(?:/(?:usr/)?s?bin/)?(?:ls|id|dir|pwd|whoami|uname|hostname|ifconfig|ipconfig|netstat|env|ps|systeminfo|reboot|phpinfo\(\)|sleep\s+\d+|ping\s+\S+|echo\s+\S+|cat\s+\S+|curl\s+\S+|wget\s+\S+|nslookup\s+\S+|dig\s+\S+)\s*(?:[;|&`)'"#]*)(?:\s|\\[nr])*$"##,
    ),
    Entry::regex(
        "command-substituted",
        DATA,
        r##"\$\(\s*(?:ls|id|pwd|whoami|uname|wget|curl|cat|nc|bash|sh|python\d?|perl|ping|nslookup|dig|sleep|echo|printf|env|hostname|ps|find|rm|base64|rev|tr|head|tail|expr|cut|sed|awk|grep|touch|\(|<|/|\$)|^\W{0,4}`\s*(?:/\w+/|)(?:\w+/)*(?:ls|id|pwd|whoami|uname|wget|curl|cat|nc|bash|sh|ping|nslookup|dig|sleep|echo|env|hostname|ps|find|rm)\b[^`]{0,120}`\W{0,4}$|[\w=;|&]`\s*(?:/\w+/)?(?:id|find|ps|ls|netstat|ifconfig|head|echo|python\d?|rm|whoami|uname|wget|curl|cat|nc|ping|nslookup|sleep|hostname)\b[^`]*`|<\(\s*(?:curl|wget|cat|echo|base64)\b"##,
    ),
    Entry::regex(
        "command-hidden",
        Places::VALUES,
        r##"\$\{?IFS\b|\$\{?(?:PATH|HOME|PWD|SHELL|PS1|BASH\w*)(?:%%|##|:|\})[^\s]|\$@\w|/\?\?\?/|/[?*]+/[\w?*]*[?*]\w*\s+/|\{(?:cat|ls|echo|curl|wget|nc|bash|sh|id|ping)\s*,|\b(?:c'a't|c"a"t|c\\at|ca\\t|c''at|ca''t|w'h'o|who\$@ami|l\\s|l''s|l's'|w\\ho|/b'?i'?n/)|\b\w+\$\{?[*@9]\}?\w+\b\s+/|\brev\s*<<<|<<<|\b(?:w""?get|cu""?rl)\b|\b(?:p\^?o\^?w\^?e\^?r\^|c\^m\^?d)|%(?:comspec|programfiles|systemroot|windir|path|username|userprofile|temp)(?::[^%]*)?%"##,
    ),
    Entry::regex(
        "command-interpreters",
        DATA,
        r##"/bin/(?:ba|z|k|c|da|a|tc)?sh\b|/dev/(?:tcp|udp)/|/bin/(?:cat|ls|id|uname|ping|nc|echo|rm|sleep|wget|curl|kill|ps|chmod|cp|mv|touch|grep|sed)\b|/usr/bin/(?:id|whoami|wget|curl|perl|python\d?|php|nc|env|nmap|gcc|passwd|find|awk|less|tail|head|uname)\b|\bcmd(?:\.exe)?["']?\s*/[ck]\b|\bpowershell(?:\.exe)?["']?\s+(?:-|iex|invoke|\(|/|\$)|\b(?:nc|ncat|netcat)(?:\.\w+)?\s+-[a-z]*[elvnpzc]|\b(?:wget|curl)\s+(?:-\S+\s+)*["']?(?:https?|ftp)://|\b(?:wget|curl)\s+-\w|\bbash\s+-[ic]\b|\bsh\s+-[ic]\b|\bpython[\d.]*\s+-c\b|\bperl\s+-(?:e|mio)|\bphp\s+-r\b|\bruby\s+-(?:e|rsocket)|\bnode\s+-e\b|\blua\s+-e\b|\bsocat\s+\w+:|[>]\s*/dev/null|\b[12]\s*>\s*&\s*[12]|\bchmod\s+(?:[0-7]{3,4}|[ugoa]*\+[rwxs])\s|\brm\s+-[rf]{1,2}\s+[/*~.\w]|\|\s*(?:sh|bash|zsh|cmd|powershell|base64|xargs|tee|python\d?|perl)\b|;\s*(?:exec|system|eval)\s*\(|\binvoke-(?:expression|webrequest|command|item)\b|\biex\s*\(|\bnew-object\s+(?:net|system)\.|\bdownloadstring\s*\(|\b(?:certutil|bitsadmin)(?:\.exe)?\s+[-/]|\bnet\s+(?:user|localgroup)\b[^.]*(?:/add|/domain)|\breg\s+(?:add|query)\s+hk|\bnslookup\s+[\w.-]+\.\w|\$\(\(\s*\d"##,
    ),
    Entry::regex(
        "code-php",
        DATA,
        r##"<\?(?:php\b|=|\s*(?:system|echo|eval|exec|passthru|print|phpinfo|shell_exec|@|\$_))|\b(?:system|exec|shell_exec|passthru|popen|proc_open|pcntl_exec|assert|eval|create_function|call_user_func(?:_array)?|array_map|preg_replace|file_get_contents|file_put_contents|readfile|show_source|highlight_file|include(?:_once)?|require(?:_once)?|base64_decode|gzinflate|str_rot13|fopen|unlink|scandir|move_uploaded_file|print_r|var_dump|print|echo|die|md5|ini_set|error_log|getenv|putenv|dl|hex2bin|usort|register_shutdown_function|extract|parse_str|mail)[ \t]?\(\s*(?:\$_(?:get|post|request|cookie|server|files|env|session)|\$\{?_|base64_decode|gz\w+|str_rot13|chr\(|hex2bin)|\b(?:system|exec|shell_exec|passthru|popen|proc_open|pcntl_exec|assert|eval|include|require|readfile|show_source|highlight_file|file_get_contents|scandir)\s*\(\s*["'\\](?:[^"']{1,400})["'\\]|\bphpinfo\s*\(|\bphpversion\s*\(|\bget(?:cwd|current_user)\s*\(\s*\)\s*;|\$_(?:get|post|request|cookie|server|files|env|session|globals)\s*\[|\bprint\s*\(\s*md5\s*\(|\$\{\s*@?(?:print|system|eval|phpinfo|passthru|exec|assert)\s*\(|\bglobals\s*\[|\ballow_url_(?:fopen|include)\b|\bauto_prepend_file\b|\bdisable_functions\b"##,
    ),
    Entry::regex(
        "code-java",
        DATA,
        r##"\bjava\.(?:lang\.(?:runtime|processbuilder|system|class|string|integer|math|thread|reflect|object)|io\.(?:file|bufferedreader|inputstream\w*|printwriter)|net\.(?:url|socket|inetaddress)|util\.(?:scanner|base64))|\bjavax\.(?:script|naming|management)|\bgetruntime\s*\(|\bprocessbuilder\s*\(|\.getclass\s*\(\s*\)|\bclass\.forname\s*\(|\.getmethod\s*\(|\.newinstance\s*\(|\bscriptenginemanager\b|\bognl\.|#_memberaccess|#context\s*\[|#(?:request|session|application|parameters|attr)\s*\[|@ognl|@java\.|\bt\s*\(\s*java\.|\bclass\.module\.classloader|\bclass\[['"]?(?:module|classloader)|\bfreemarker\.template|\borg\.(?:apache|springframework|codehaus|hibernate|mozilla|python)\.[\w.]{8,}|\bcom\.sun\.(?:rowset|org|jndi|jna)|\bsun\.misc\b|\b(?:redirect|redirectaction|action|method)\s*:\s*[%$#]\{|[%$#]\{[^}]{0,60}(?:new\s+java|@|\(#|#\w+\s*=)"##,
    ),
    Entry::regex(
        "code-scripts",
        DATA,
        r##"\brequire\s*\(\s*["'`](?:child_process|fs|net|http|https|os|vm|cluster|dns)["'`]|\bchild_process\b|\bprocess\s*\.\s*(?:mainmodule|binding|env|exit|kill|argv|stdout)|\bexecsync\s*\(|\bspawnsync\s*\(|\bglobal\s*\.\s*process\b|__import__\s*\(|\bos\s*\.\s*(?:system|popen|exec\w*|spawn\w*|getenv|environ|listdir)\s*[(\[]|\bsubprocess\s*\.\s*\w+|\bimport\s+(?:os|subprocess|socket|pty|sys)\s*[;,]|\bpty\.spawn|\beval\s*\(\s*(?:compile|atob|base64|__|string|request|params)|\bkernel\s*\.\s*(?:exec|system|open)|\bio\.popen|\bos\.execute\s*\(|\bmodule\.exports|\brubyzip|\bopen3\b|\bobject\.constructor|\bfile\.(?:read|open|readlines)\s*\(\s*["']/|\bserver\.(?:execute|transfer|createobject)|\bwscript\.shell|\bcreateobject\s*\(|\bresponse\.write\s*\(|\bruntime\.exec\b|\bstart-process\b|\bsystem\.diagnostics"##,
    ),
    Entry::regex(
        "command-shellshock",
        DATA,
        r"\(\s*\)\s*\{\s*(?::|_|[^}]{0,20})\s*;?\s*\}\s*[;_>]",
    ),
    Entry::regex(
        "command-include",
        DATA,
        r"<!--\s*#\s*(?:exec|include|echo|printenv|config|set|fsize|flastmod|if)\b|<esi:\w+|<%\s*@?\s*(?:import|include|page)|<cf(?:execute|file|include|set|query)\b|<#(?:assign|include|import)",
    ),
    Entry::regex(
        "command-quoted-words",
        SHORT,
        r##"(?:\w['"]{2}\w|\w\\\w+\\?\w*|\w\^\w)[^\s]*\s+[-/.]"##,
    )
    .severity(Error)
    .level(2),
    Entry::regex("command-separator", SHORT, r"[;|`]\s*\w+|&&\s*\w|\$\(")
        .severity(Warning)
        .level(3),
    Entry::regex("command-signs", SHORT, r"[;|`$]")
        .severity(Warning)
        .level(4),
];
