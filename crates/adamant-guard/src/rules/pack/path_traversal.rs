//! Built-in rules for names of files outside of where a program looks for them.
//!
//! The path of the request itself cannot climb: the gateway refuses that before. Values can.

use super::super::category::Severity::{Error, Warning};
use super::super::place::{Place, Places};
use super::entry::{Entry, View};

/// Where names of files may be.
const DATA: Places = Places::VALUES.with(Places::of(&[Place::QueryName]));

/// Where a single name of a file is a value by itself.
const NAMES: Places = Places::of(&[
    Place::Path,
    Place::QueryValue,
    Place::CookieValue,
    Place::FormValue,
    Place::JsonValue,
    Place::FileName,
    Place::HeaderValue,
]);

pub(super) const RULES: &[Entry] = &[
    Entry::regex(
        "path-climb",
        DATA,
        r"(?:\.{2,4}|\.\x00\.|\.\?\.)(?:[/\\\x00;]|\xc0\xaf|\xe0\x80\xaf|\xef\xbc\x8f|\xe2\x88\x95)+\.{0,1}(?:[/\\]*)(?:\.{2,4}|\.\?\.)(?:[/\\\x00;:]|\xc0\xaf|\xe0\x80\xaf|$)|\.\.[/\\](?:\.[/\\])+\.\.|0x2e0x2e[/\\]|(?:0x2e0x2e|\.\.)(?:0x(?:2f|5c)|%?(?:252f|255c|2f|5c|u2215|u2216|c0%af|c1%9c))|\.\\{1,2}\./\.\\{1,2}\./|(?:\.\.[|;~@])+[/\\]",
    ),
    Entry::regex(
        "path-climb-to-file",
        DATA,
        r"\.\.(?:[/\\\x00;]|%2f|%5c)+[\w./\\ -]{0,80}\b(?:etc\b|boot\.ini|win(?:dows|nt)?\b|win\.ini|proc|passwd|shadow|hosts|web-inf|meta-inf|\.ht\w+|\.git|\.env|\.ssh|\.aws|\.svn|var\b|usr\b|root\b|home\b|tmp\b|opt\b|config|conf\b|admin\b|secret|wp-|inetpub|system32|apache|nginx|xampp|logs?\b|bin\b|sam\b|index\.\w+|[\w-]+\.(?:php|aspx?|jsp|ini|conf|cfg|config|bak|key|pem|sql|db|log|properties)\b)",
    ),
    Entry::regex(
        "path-climb-alone",
        NAMES,
        r"^(?:\.\.[/\\]+|/+\.\.[/\\]*|\\+\.\.[/\\]*|\.\.)$|^\.\.(?:;|\x00|%00)[/\\]?|^/?\.\.(?:[/\\])+$",
    ),
    Entry::regex(
        "path-system-files",
        DATA,
        r"\betc[/\\]+(?:passwd|shadow)\b|(?:^|[^\w.-])/+etc/+[a-z][\w.-]+|\.\.(?:[\xc0\xc1\xe0\xf0\xf8\xfc]|%[cC][01])|(?:^|[^\w.-])/+(?:\.{1,2}/+)*etc(?:/+\.{0,2})+(?:passwd|shadow|group|gshadow|hosts|hostname|issue|motd|fstab|crontab|cron|sudoers|resolv|ssh|ssl|security|profile|inetd|init|network|exports|mysql|my\.cnf|php|apache|httpd|nginx|samba|vsftpd|proftpd|pure-ftpd|redis|lighttpd|logrotate|ld\.so|pam|os-release|redhat-release|debian_version|lsb-release|mtab|updatedb|aliases|snmp|chrome|environment|bash|services|modules|rc\.|default|sysconfig|x11|xinetd|wu-ftpd|webmin|passwd-|kubernetes|rsyncd|zsh|grub|timezone|rpc|login\.defs|hosts\.\w+|at\.\w+|\w+\.conf|\w+\.d/)|(?:^|[^\w.-])/+proc/+(?:self|version|cpuinfo|meminfo|net|mounts|cmdline|sched_debug|\d+|\*|devices|filesystems|ioports|interrupts|loadavg|partitions|stat|swaps|modules|config|sys)\b|/var/(?:log/(?:\w+/)?(?:apache\d?|httpd|nginx|auth|access|error|secure|messages|syslog|mail|maillog|lastlog|wtmp|vsftpd|xferlog|mysql|lighttpd|proftpd|faillog|dmesg|boot|cron|daemon|debug|kern|dpkg|exim|sshd|cups|postgresql|news|yum|btmp)|run/(?:secrets|utmp)|lib/(?:mysql|mlocate|php)|mail/|spool/(?:cron|mail)|www/(?:logs|conf|log|mgr|html/\w*config))|[/\\](?:access|error)[._]log\b|/(?:root)/\.\w+|/(?:home)/[\w.$]+/\.(?:ssh|bash|aws|profile|gnupg|mysql|viminfo|ssh2|kube|docker|vnc)|/usr/(?:local/)?(?:etc|apache\d?|lib/php|php\d?|nginx|tomcat|mysql|cpanel|psa|pkg)/[\w./-]+|/opt/(?:lampp|xampp|apache\d?|tomcat|httpd)/|/(?:apache\d?|xampp|nginx|wamp\d*|lampp)/(?:logs?|conf|php|apache|htdocs|mysql|etc)/",
    ),
    Entry::regex(
        "path-windows-files",
        DATA,
        r"(?:^|[^\w])[a-z]:[/\\]+(?:windows|winnt|boot\.ini|inetpub|xampp|wamp|apache|php|mysql|program ?files[^/\\]*[/\\]+(?:apache|mysql|php|xampp|filezilla|microsoft sql|nginx)|users[/\\]+[\w.$]+[/\\]+(?:ntuser|appdata|\.)|documents and settings|sysprep|unattend|pagefile|autoexec|config\.sys|nginx|lighttpd|tomcat)|[/\\](?:windows|winnt)[/\\]+(?:system32|win\.ini|repair|system\.ini|php\.ini|panther|debug|system\b|my\.ini|explorer|notepad|iis|temp|microsoft)|\bboot\.ini\b|\bwin\.ini\b|[/\\]system32[/\\]|\binetpub[/\\]|\bntuser\.dat\b|\\\\(?:\w[\w.-]*|\d+\.\d+\.\d+\.\d+|[?.])\\(?:[a-z]\$|admin\$|ipc\$|c\\|globalroot)|c\$\\",
    ),
    Entry::regex(
        "path-program-files",
        NAMES,
        r"(?:^|[/\\=])(?:\.(?:htaccess|htpasswd|env|git/|gitconfig|git-credentials|svn/|hg/|bash_history|bashrc|bash_profile|ssh/|aws/|npmrc|pypirc|netrc|mysql_history|psql_history|kube/config|docker/config|dockercfg|ds_store|viminfo|pgpass|s3cfg|rediscli_history|profile$|zsh_history|zshrc)|(?:web-inf|meta-inf)[/\\]|wp-config(?:\.php|\.bak|$)|web\.config$|id_(?:rsa|dsa|ecdsa|ed25519)\b|(?:httpd|apache2?|nginx|lighttpd|vsftpd|proftpd|my|php|pg_hba)\.(?:conf|cnf|ini)\b|config\.inc\.php|configuration\.php|localsettings\.php|settings\.php$|global\.asax|machine\.config|tomcat-users\.xml|applicationhost\.config|php\d?\.ini)",
    ),
    Entry::regex(
        "path-wrappers",
        DATA,
        r##"\b(?:php|phar|expect|zip|zlib|glob|ogg|rar|ssh2(?:\.\w+)?|compress\.\w+|input|netdoc|jar)\s*:(?://|file:|https?:)|\bfile:(?:/{1,3}|\\+)[\w.%~$*]|\bdata:\s*(?:[\w/+.-]*;\s*base64\s*,\s*PD9|text/plain\s*(?:;base64)?\s*,\s*(?:<\?|PD9))|\bphp://(?:filter|input|memory|temp|fd|stdin|output)|\bconvert\.(?:base64|iconv)"##,
    ),
    Entry::regex(
        "path-null",
        NAMES,
        r"^[\w./\\:-]*(?:/|\\|\.)[\w./\\:-]*(?:\x00|%00|\x0a)(?:\.\w{1,5})?$",
    )
    .view(View::Unescaped),
    Entry::regex("path-step", NAMES, r"(?:^|[=:;,/\\])\.\.[/\\]").severity(Warning),
    Entry::regex(
        "path-step-strict",
        NAMES,
        r"(?:^|[^\w.])\.\.[/\\]|[/\\]\.\.(?:$|[^\w.])",
    )
    .level(2),
    Entry::regex("path-absolute", NAMES, r"^(?:/[\w.-]+){2,}$|^[a-z]:[/\\]")
        .severity(Warning)
        .level(4),
    Entry::regex("path-hidden", NAMES, r"(?:^|[/\\])\.[a-z]\w+(?:[/\\]|$)")
        .severity(Error)
        .level(3),
];
