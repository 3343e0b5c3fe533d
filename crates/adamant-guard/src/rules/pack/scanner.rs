//! Built-in rules for tools that look for weaknesses, and for the files that they look for.
//!
//! General clients such as `curl` are no scanners: programs use them.

use super::super::category::Severity::Warning;
use super::super::place::{Place, Places};
use super::entry::Entry;

const HEADERS: Places = Places::of(&[Place::HeaderValue]);

pub(super) const RULES: &[Entry] = &[
    Entry::regex(
        "scanner-agents",
        HEADERS,
        r"\b(?:sqlmap|nikto|nessus|acunetix|netsparker|nmap(?: scripting)?|masscan|zgrab|dirbuster|gobuster|wpscan|w3af|havij|arachni|nuclei|ffuf|feroxbuster|wfuzz|jaeles|openvas|qualys(?:guard)?|whatweb|skipfish|joomscan|sqlninja|commix|xsser|dirsearch|thc-hydra|metasploit|fimap|jbrofuzz|grabber|paros|webinspect|appscan|cgichk|morfeus|zmeu|muieblackcat|httprint|owasp[ _-]?zap|zaproxy|burp(?: ?suite|collaborator)|absinthe|bsqlbf|pangolin|sqlpowerinjector|mysqloit|webshag|vega/|golismero|sn1per|l9explore|l9tcpid|censysinspect|gotestwaf|dotdotpwn|uniscan|wapiti|xsstrike|dalfox|whatwaf|wafw00f|brutus|cisco-torch|datacha0s|netlab360|zeus ?scan|hexometer|detectify|tplmap|rustbuster|kiterunner|katana scan|projectdiscovery|openvasvt|fuzz faster u fool|interactsh|httpx - open-source|hello,? world\b.{0,8}scan|x-scan|libwhisker|webtrends security|blackwidow|crowdsec-test|nsauditor|s\.t\.a\.l\.k\.e\.r|core-project|planetwork|webvulnscan|scanbot)\b",
    ).words(),
    Entry::regex(
        "scanner-probes",
        Places::PATH,
        r"(?:^|/)\.(?:env(?:\.\w+)?|git(?:/|$|ignore$|-credentials$|lab-ci\.yml$)|svn(?:/|$)|hg(?:/|$)|bzr/|cvs/|htaccess|htpasswd|aws/|ssh/|ds_store|bash_history|npmrc|docker(?:cfg|/|env)|vscode/(?:sftp|settings)|idea/|travis\.yml|kube/)|/phpmyadmin|/pma/|/myadmin|/mysqladmin|/dbadmin|/adminer(?:[-.\d]*\.php)?|/eval-stdin\.php|/vendor/phpunit|/_ignition/|/actuator/(?:env|heapdump|trace|threaddump|mappings|jolokia|gateway|shutdown|logfile|configprops)|/server-status$|/server-info$|/solr/admin|/manager/html|/jmx-console|/web-console/|/invoker/|/hnap1|/boaform|/gponform|/cgi-bin/(?:luci|test|bash|status|php|\.|%|authlogin|jarrewrite|nobody|viewcert)|/shell\.(?:php|aspx?|jsp)|/(?:c99|r57|wso|b374k|alfa|webshell|cmd|backdoor)\.(?:php|aspx?|jsp)|/phpinfo\.php|/info\.php|/test\.php$|/xmlrpc\.php|/wp-config\.php|/wp-json/wp/v2/users|/autodiscover/autodiscover\.(?:xml|json)|/owa/auth|/ecp/|/remote/(?:fgt_lang|login)|/dana-na/|/vpns?/\.\.|/\.well-known/\.\.|/console/(?:login/loginform|css/)|/_cat/indices|/_search\?source|/v\d[\d.]*/containers/json|/api/v1/(?:pods|secrets|namespaces/kube-system)|/struts2?-showcase|/telescope/requests|/debug/(?:pprof|default)|/\w[\w.-]*\.(?:sql|sql\.gz|bak|old|swp|orig|save|tar\.gz|mdb|dump)$|/crossdomain\.xml\x00|/elmah\.axd|/trace\.axd|/web\.config|/config\.(?:json|ya?ml|php|inc|ini)$|/id_rsa|/sftp-config\.json|/composer\.(?:json|lock)$|/wls-wsat/|/ws_utc/|/druid/index|/nacos/v1|/setup\.cgi|/currentsetting\.htm|/login\.cgi|/globalprotect/",
    ),
    Entry::regex(
        "scanner-headers",
        HEADERS,
        r"\bx-(?:scanner|ratproxy|wipp)|acunetix[-_]|appscan_|\bburp[_-]?collab|wvs[_-]test|nessus=|netsparker=|\bqualys_|<nmap|detectify",
    ),
    Entry::regex("scanner-blogs", Places::PATH, r"/wp-(?:login|admin|content/plugins|includes)|/administrator/(?:index|components)|/user/register|/typo3/").severity(Warning).level(2),
    Entry::regex("scanner-scripts", HEADERS, r"^(?:python-requests|python-urllib|go-http-client|libwww-perl|java/|curl/|wget/|okhttp|ruby|perl|php)").severity(Warning).level(3),
    Entry::regex("scanner-scripts-strict", Places::of(&[Place::HeaderValue]), r"^(?:python-requests|python-urllib|libwww-perl|masscan|scrapy)").level(4),
];
