//! Built-in rules for injections of SQL.
//!
//! Whether a text leaves its place is told by `sql-tokens`; the others know what only databases know.

use super::super::category::Severity::{Error, Warning};
use super::super::place::{Place, Places};
use super::entry::{Entry, View};

/// Where data of a client becomes part of a statement.
const DATA: Places = Places::VALUES.with(Places::of(&[Place::QueryName, Place::FormName]));

/// Values that are short enough for the order of tokens to mean something.
const SHORT: Places = Places::of(&[
    Place::Path,
    Place::QueryValue,
    Place::QueryName,
    Place::HeaderValue,
    Place::CookieValue,
    Place::FormValue,
    Place::FormName,
    Place::JsonValue,
    Place::FileName,
]);

pub(super) const RULES: &[Entry] = &[
    Entry::sql("sql-tokens", SHORT),
    Entry::regex(
        "sql-delay",
        DATA,
        r##"\b(?:(?:pg_)?sleep|benchmark|randomblob|dbms_(?:lock|session)\.sleep)\s*(?:/\*.*?\*/)?\(\s*['"(]*(?:\d+(?:\.\d+)?(?:e\d+)?\s*['"]?\s*(?:[),*]|$)|__|[a-z]+\()|\bwaitfor\b(?:\s|/\*.*?\*/|\+)*\b(?:delay|time)\b|dbms_pipe\.receive_message|generate_series\s*\(\s*1\s*,\s*\d{5,}"##,
    ),
    Entry::regex(
        "sql-schema",
        DATA,
        r"\binformation_schema(?:\.|\s*`)|\bpg_catalog\.|\b(?:pg_(?:user|shadow|tables|database|class|roles|stat_activity|ls_dir|read_file)|sysobjects|syscolumns|sysusers|sysdatabases|sys\.(?:databases|tables|objects|user\$|sql_logins|schemas|server_principals)|msys(?:aces|objects|queries)|sqlite_(?:master|schema|temp_master)|mysql\.(?:user|db|innodb_\w+)|master\.\.?\w+|all_tab(?:les|_columns)|user_tab(?:les|_columns)|dba_(?:users|tables)|v\$(?:version|instance|session)|rdb\$\w+)\b",
    ),
    Entry::regex(
        "sql-variables",
        DATA,
        r"@@(?:version|hostname|datadir|basedir|tmpdir|global|session|servername|language|spid|identity|max_connections|innodb\w*|secure_file_priv)\b",
    ),
    Entry::regex(
        "sql-procedures",
        DATA,
        r"\b(?:xp_(?:cmdshell|dirtree|reg(?:read|write|delete)\w*|fileexist|servicecontrol|enumerrorlogs|availablemedia|makecab|loginconfig|ntsec|terminate_process|subdirs)|sp_(?:oacreate|oamethod|executesql|addextendedproc|addlogin|addsrvrolemember|makewebtask|configure|password|helpdb|who2?)|is_srvrolemember|is_member|openrowset|openquery|opendatasource|utl_(?:http|inaddr|file|smtp|tcp)\.|dbms_(?:java|scheduler|xmlgen|xmlquery|ldap|export_extension|assert|utility)\b|ctxsys\.|sys\.database_name|httpuritype|load_extension\s*\(|lo_(?:import|export)\s*\()",
    ),
    Entry::regex(
        "sql-errors",
        DATA,
        r##"\b(?:extractvalue|updatexml|xmltype|gtid_subset|st_latfromgeohash|json_keys|name_const)\s*\(\s*(?:\d|null|rand|concat|char|0x|\(|'|")|\b(?:polygon|multipoint|geometrycollection|linestring)\s*\(\s*\(\s*select|\bprocedure\s+analyse\s*\(|\bfloor\s*\(\s*rand\s*\(|\b(?:cast|convert)\s*\(\s*(?:\(\s*select|@@|version\s*\(|chr\s*\(|db_name)|\bconvert\s*\(\s*(?:int|char|varchar)\s*,|\bcast\s*\(.{1,80}?\s+as\s+(?:signed|unsigned|n?varchar|n?char|numeric|int)\b|\bexp\s*\(\s*~"##,
    ),
    Entry::regex(
        "sql-files",
        DATA,
        r##"\bload_file\s*\(|\binto\s+(?:out|dump)file\b\s*(?:['"@(]|0x|char)|\bload\s+data\s+(?:local\s+)?infile\b|\bcopy\s+\(?[\w\s*]+\)?\s+(?:to|from)\s+(?:program\s*)?'|\bbulk\s+insert\s+\w+\s+from\b|\b(?:backup|restore)\s+database\s+\w+\s+(?:to|from)\s+disk"##,
    ),
    Entry::regex(
        "sql-statements",
        DATA,
        r##"(?:;|'|"|\))\s*(?:/\*.*?\*/\s*)?(?:(?:drop|alter|truncate|create)\s+(?:or\s+replace\s+)?(?:temporary\s+)?(?:table|database|schema|user|login|view|index|procedure|function|role|trigger)\b|insert\s+into\s+[\w`\[\].]+|delete\s+from\s+[\w`\[\].]+|update\s+[\w`\[\].]+\s+set\s+[\w`\[\].]+\s*=|exec(?:ute)?(?:\s+(?:immediate|master|sp_|xp_|@)|\s*\(\s*['"@(c])|declare\s+@\w+|shutdown\b\s*(?:;|--|$|with)|(?:grant|revoke)\s+\w+[\w\s,]*\s(?:to|from|on)\s|select\s+(?:pg_|sleep|count|@@|\*\s*(?:,|from)|case|into|if\b|version|user|char|load)|begin\s+declare|rename\s+table|handler\s+\w+\s+open|prepare\s+\w+\s+from|set\s+@\w+\s*=|call\s+\w+\s*\(|commit\b\s*(?:;|--|$))"##,
    ),
    Entry::regex(
        "sql-alone",
        SHORT,
        r##"^\s*(?:(?:drop|truncate|alter)\s+(?:table|database|schema)\s+[\w`\[\].]+\s*(?:;|--|#|/\*|$|cascade|add|drop|,)|insert\s+into\s+[\w`\[\].]+\s*(?:\(|values|select)|delete\s+from\s+[\w`\[\].]+\s*(?:where\b|;|--|$)|update\s+[\w`\[\].]+\s+set\s+[\w`\[\].]+\s*=|exec(?:ute)?\s+(?:master|immediate|xp_|sp_|@)|declare\s+@\w+|create\s+(?:user|table|database|login|function|procedure)\s+\w+\s*(?:\(|identified|with|as|;)|grant\s+\w+(?:\s+\w+)?\s+(?:on|to)\s)"##,
    ),
    Entry::regex(
        "sql-union",
        DATA,
        r##"\bunion(?:\s|/\*.*?\*/|/\*!\d*|[+(])+(?:(?:all|distinct)(?:\s|/\*.*?\*/|/\*!\d*|[+(])+)?select(?:\s|/\*.*?\*/|/\*!\d*|[+(])+(?:all\b|distinct\b|top\b|null\b|\d|'|"|@|\*|char\b|chr\b|concat|group_concat|unhex|version|user|database|load_file|cast|convert|`|[\w.]+\s*(?:,|\bfrom\b|\(|--|#|$))|\bunion\W{0,40}/\*.*?\*/\W*(?:all\W+)?(?:/\*!?\d*)?select|/\*!\d*\s*(?:union|select|from|where|or|and|concat|database|version|sleep)\b"##,
    ),
    Entry::regex(
        "sql-built-strings",
        DATA,
        r##"\b(?:n?char|chr)[ \t]?\(\s*(?:0x)?[0-9a-f]{1,4}\s*\)\s*(?:\+|\|\||,)|\b(?:n?char|unhex|concat)\s*\(\s*(?:0x[0-9a-f]{2,}|\d{2,3}\s*(?:,\s*\d{2,3}\s*){2,})|\b(?:group_concat|concat_ws|concat)\s*\(\s*(?:0x|char\s*\(|@@|version\s*\(|database\s*\(|user\s*\(|table_name|column_name|schema_name|username|password|\(\s*select)|'\s*(?:\+|\|\|)\s*'\s*(?:\+|\|\|)\s*'.*(?:--|#|')\s*$"##,
    ),
    Entry::regex(
        "sql-subselect",
        DATA,
        r##"[(,=<>]\s*(?:/\*.*?\*/\s*)*select\b(?:\s|/\*.*?\*/|[+(`])+(?:(?:count|sum|max|min|avg|substr(?:ing)?|mid|ascii|ord|char|concat|group_concat|length|len|hex|load_file|user|version|database|sleep|if|case|cast|convert|top|distinct|null|@@)\b|\*\s*(?:,|from\b)|\d+\s*(?:\)|,|from|where|=)|[\w`.,\s]{1,80}?\bfrom\b(?:\s|/\*.*?\*/|[+(`])+[\w`.]+\s*(?:\)|where|limit|order|group|,|;|--|#))"##,
    ),
    Entry::regex(
        "sql-order",
        DATA,
        r##"(?:['")\d])\s*(?:\s|/\*.*?\*/|\+)(?:order|group)(?:\s|/\*.*?\*/|\+)+by(?:\s|/\*.*?\*/|\+)+(?:\d+\s*(?:--|#|/\*|;|,\s*\d|$)|(?:if|case|\(\s*select|sleep|rand)\b|\w+\s*(?:--|#))|\bhaving(?:\s|/\*.*?\*/|\+)+(?:(?:'\w{1,9}'?|\d+)\s*(?:=|<|>|like)\s*'?\w{1,9}|count\s*\()"##,
    ),
    // The short marks with which logins are passed: `'-'`, `" "`, `'&'`.
    Entry::regex(
        "sql-empty-strings",
        SHORT,
        r##"^\s*(?:'\s*[-+&^*/|<>=%]{1,2}\s*'?|"\s*[-+&^*/|<>=%]{1,2}\s*"?|'\s*'|"\s*"|'\s*;?|"\s*;)\s*$|^[\w@.]{0,20}['"]\s*\)*\s*(?:--|#|;%00|/\*)"##,
    )
    .severity(Error)
    .level(2),
    Entry::regex(
        "sql-comment-end",
        SHORT,
        r##"^[\w@.-]{0,40}['")]+\s*(?:or|and|\|\||&&)\b.{0,80}(?:--\s?-?|#|/\*|;)\s*$|^['"]{1,2}\)*\s*(?:or|and)\s+[\w'"(]+\s*(?:is|like|in|between|not|=|<|>)"##,
    ),
    Entry::regex(
        "sql-symbols",
        SHORT,
        r##"^\s*'[-+&^*|]'\s*$|^\s*"[-+&^*|]"\s*$|^\s*'=(?:'|0)|^\s*'\s*(?:<>|>|<|!=)\s*['\d]|^[\w@.]{0,20}'\s*(?:\|\||&&)\s*'?[\w(]"##,
    ),
    // What other words only hint at.
    Entry::regex(
        "sql-words",
        DATA,
        r"\bunion\b.{0,60}\bselect\b|\bselect\b.{1,120}\bfrom\b.{1,80}\bwhere\b|\b(?:drop|truncate)\s+(?:table|database)\s+\w|\binsert\s+into\s+\w+\s*(?:\(|values)|\bdelete\s+from\s+\w+\s+where\b",
    )
    .severity(Warning)
    .level(2),
    Entry::regex("sql-comments", SHORT, r"/\*.*?\*/|--\s|;--|#\s*$").level(3).severity(Warning),
    Entry::regex("sql-hex", DATA, r"\b0x[0-9a-f]{8,}").level(3).severity(Warning),
    Entry::regex("sql-quotes", SHORT, r##"['"`]\s*[;,)=]|[=(,]\s*['"`]"##)
        .view(View::Raw)
        .level(4)
        .severity(Warning),
];
