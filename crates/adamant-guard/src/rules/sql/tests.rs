//! Tables of texts that are injections, and of texts that are not. Each was written for this file.

use super::*;

fn letters(text: &str, context: Context) -> String {
    String::from_utf8(Tokens::of(text.as_bytes(), context).letters().to_vec()).unwrap()
}

#[test]
fn texts_become_letters() {
    let cases = [
        ("1 or 1=1", Context::Outside, "1L1o1"),
        ("' or ''='", Context::Single, "sLsos"),
        ("O'Brien", Context::Single, "sn"),
        (
            "1 /*!50000union*/ all select null,@@version--",
            Context::Outside,
            "1UE1,vc",
        ),
        ("x') group/**/by 1#", Context::Single, "s)B1c"),
        ("- - 1 and sleep (5)", Context::Outside, "a1Lf(1)"),
        ("\"a\" || 'b", Context::Outside, "sLs"),
    ];
    for (text, context, expected) in cases {
        assert_eq!(letters(text, context), expected, "{text}");
    }
}

fn is_injection(sql: &Sql, text: &str) -> bool {
    sql.is_injection_outside(text.as_bytes()) || sql.is_injection_within(text.as_bytes())
}

#[test]
fn injections_are_known_by_their_tokens() {
    let sql = Sql::new().unwrap();
    let attacks = [
        "1 or 1=1",
        "1' or '1'='1",
        "x\" or \"\"=\"",
        "admin'--",
        "admin' #",
        "') or ('a'='a",
        "1) and (3=3",
        "-1 union all select null, null",
        "7 and sleep(3)",
        "7-(select 1 from dual)",
        "' and substring(version(),1,1)='8",
        "'; drop table orders",
        "1 order by 9",
        "' having 1=1 -- ",
        "' or name like '%",
        "1||sleep(2)",
        "(select password from users)",
        "' union select 1",
        "1 and 1>0",
        "' || (select 1) || '",
    ];
    for text in attacks {
        assert!(
            is_injection(&sql, text),
            "{text} {}",
            letters(text, Context::Outside)
        );
    }
}

#[test]
fn what_people_write_is_no_injection() {
    let sql = Sql::new().unwrap();
    let texts = [
        "O'Brien",
        "Dogs' and cats' toys",
        "5' or 6' tall",
        "rock 'n' roll",
        "select one from the list",
        "the union select committee met",
        "one or 2 in 3 people",
        "fish and chips (or 2)",
        "{\"color\":\"#fff\",\"size\":1}",
        "\"#1 fan\"",
        "status = 'open' or status = 'new'",
        "a = b and c = d",
        "it's 5 o'clock -- or later",
        "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0",
        "1=1",
        "x = 'a' + 'b'",
        "10-20%; order by Friday",
        "group by age",
        "https://example.com/?a=1&b=2#top",
        "C# and F#",
        "if (a == 'x' || b == 'y') { return; }",
        "update your profile; then create a post",
    ];
    for text in texts {
        assert!(
            !is_injection(&sql, text),
            "{text}: {} {} {}",
            letters(text, Context::Outside),
            letters(text, Context::Single),
            letters(text, Context::Double)
        );
    }
}
