//! What people and programs send every day, chosen to look like attacks where it can.
//!
//! Written from what forms, searches, editors and programs hold, not from the expressions of the rules.

use super::random::Random;

const GRAMMAR: &[(&str, &[&str])] = &[
    ("value", &["§name§", "§prose§", "§prose§", "§search§", "§product§", "§token§", "§number§", "§address§", "§file§", "§filter§", "§math§", "§language§", "§date§", "§mail§", "§style§", "§place§", "§short§"]),
    ("text", &["§prose§ §prose§", "§prose§\n\n§prose§", "§markup§", "§markdown§", "§code§", "§letter§", "§value§", "§document§"]),
    ("name", &["§first§ O'Brien", "§first§ D'Angelo", "§first§ O'§w§", "Jean-§first§ de la Cruz", "§first§ Müller-Lüdenscheidt", "§first§ \"Ace\" §w§", "§first§ & Söhne GmbH & Co. KG", "Mc§first§'s", "§first§ van 't Hoff", "Union §first§", "§first§ Select", "Dr. §first§ (PhD)", "N'Golo", "§first§; §first§"]),
    ("first", &["Anna", "Jürgen", "Siân", "Łukasz", "Chloë", "Order", "Drop", "Alter", "Bob", "Group", "Table", "李", "Ольга", "José", "Null", "True", "Exec", "Cat"]),
    ("prose", &["Please §verb§ one of the items from the list", "the union select committee met on §date§", "we drop the table at your door", "it's a dog's life, isn't it?", "\"Well,\" said §first§, \"that's all.\"", "He said: 'no' -- and left", "rock 'n' roll and rhythm & blues", "§first§ and §first§'s house (§n§ rooms)", "Is 1 = 1 or is it not?", "Dogs' and cats' toys", "where is the order by §first§?", "insert the coin into the slot and update your settings", "delete everything from your cart; then create a new list", "echo in the mirror; find out more at the desk", "100% cotton -- wash at 30°", "either you or I; both and none", "like it or not, having fun is between us", "the script is in the file (see /docs)", "JavaScript: The Good Parts, 2nd edition", "on load, on click and on error handlers", "sleep well (8 hours) and wake up", "ping me when you exec the plan", "a) first; b) second; c) third", "cost: $§nn§.00 | tax: §n§%", "5' 11\" tall & 6'2\" wide", "§first§ wrote <3 to §first§ :-)", "if x < 5 and y > 7 then stop", "See section 3.2.1, ../ means the folder above", "C# and F# / C++ & D", "the file ends with .php or .asp", "Select * your option", "union of workers, group by group", "cat and mouse | dog and bone", "what's up? -- nothing; you?", "null and void", "true or false", "or maybe later", "and so on..."]),
    ("verb", &["select", "choose", "update", "drop", "delete", "insert", "pick"]),
    ("search", &["how to §verb§ from a table in sql", "\"exact phrase\" -§w§", "site:example.com §w§", "§w§ OR §w§", "(§w§ OR §w§) AND §w§", "what is <script> in html", "price:[10 TO 100]", "title:\"§w§ §w§\"~3", "§w§* AND NOT §w§", "c++ vs c#", "windows system32 folder size", "order by mail", "§w§ & §w§", "best union jobs", "how does javascript work", "linux cat command", "iphone 15 pro max 256gb", "50% off!!!", "where to buy §w§?", "#§w§", "@§w§", "docker run command", "python print function"]),
    ("product", &["§first§'s 12\" LP (Remastered)", "Black & Decker 18V 2-pack; cordless", "1/2\" x 3/4\" elbow, brass", "\"The Select\" Wine -- 0.75 l", "T-Shirt 'Alter Ego' (M/L)", "USB-C -> HDMI adapter", "Size: 10-12 <new>", "AC/DC - Back in Black", "3.5\" SSD 1TB #1 seller", "Tom's of Maine (2 x 100 ml)", "5' x 7' rug; beige/grey", "Table 'Union', oak", "LEGO® 10281 {Bonsai}", "M&M's 500g", "Johnson's Baby Oil = 200ml", "Levi's 501®"]),
    ("token", &["§hex§§hex§§hex§§hex§", "§hex§-4a1b-11ee-be56-§hex§0242", "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.§hex§-§hex§_§hex§", "SGVsbG8gV29ybGQsIHRoaXMgaXMgYSBsb25nZXIgdGV4dA==", "eyJ1c2VyIjoxLCJyb2xlcyI6WyJhIiwiYiJdLCJuYW1lIjoiTydCcmllbiJ9", "GA1.2.§nn§§nn§§nn§.17§nn§§nn§", "s:§hex§.§hex§/+§hex§=", "AQIDBAUGBwgJ§hex§==", "W/\"§hex§\"", "%7B%22a%22%3A1%7D", "§hex§|§nn§|§hex§", "v1:§hex§:§n§", "key=§hex§;ts=§nn§", "fbclid.IwAR§hex§-§hex§"]),
    ("number", &["§nn§", "-§n§", "§n§.§nn§", "+49 (0)89 §nn§§nn§", "1e§n§", "0x§hex§", "§nn§,§nn§", "1,2,3", "(555) §nn§-§nn§", "§n§%", "#§nn§", "§n§-§nn§", "=§n§"]),
    ("address", &["https://example.com/§w§?x=§n§&y=§w§#§w§", "https://www.example.org:8443/cb?code=§hex§&state=§w§", "http://§w§.example/a;v=1/b?next=%2Fhome", "//cdn.example.net/§w§.js", "https://user@example.com/", "mailto:§w§@example.com", "https://en.example/wiki/Select_(SQL)", "https://maps.example/@48.137,11.575,15z", "tel:+49891234", "https://example.com/search?q=it%27s+a+dog", "https://example.com/a/b/../c", "ftp://ftp.example.org/pub/", "/local/path?next=/home"]),
    ("file", &["/home/§w§/documents/report.pdf", "C:\\Users\\§first§\\Documents\\§w§.docx", "./src/main.rs", "../images/logo.png", "src/§w§/utils.js", "§w§ (copy).tar.gz", "IMG_20240101_§nn§.jpg", "/usr/share/doc/§w§", "assets/css/main.css?v=§n§", "§w§/§w§.yaml", "/Volumes/Data/§w§", "Q3 report - final (2).xlsx", "\\\\server\\share\\§w§", "a/b/c", "com.example.§w§.Main"]),
    ("filter", &["status = 'open' or status = '§w§'", "$filter=Price gt 20 and Name eq 'Milk'", "project = ABC AND status = \"In Progress\" ORDER BY created DESC", "age>=18,country==DE", "created_at:>2024-01-01", "name like '§w§'", "sort=-created,+name", "fields=id,name,author(name)", "[\"a\",\"b\"]", "a eq 1 or b eq 2", "tag in (a, b)", "id:1|2|3", "{\"match\":{\"title\":\"§w§\"}}", "status:open AND (type:bug OR type:task)", "x.y[0].z", "*.txt"]),
    ("math", &["1=1", "2 + 2 = 4", "a < b && b < c", "f(x) = x^2 - 3*x + 1", "(1 or 2) and 3", "x > 5 and x < 10", "10-20", "5 * (3 + 2)", "y = mx + b; m = 2", "n! / (k! (n-k)!)", "{1, 2, 3} ∪ {4}", "E=mc²", "a||b", "P(A|B)", "50/50", "if(x)"]),
    ("language", &["日本語のテキスト、です。", "Привет, мир! Как дела?", "مرحبا بالعالم", "Ça va? C'est l'été à l'Élysée", "¿Qué tal? -- Muy bien", "L'union fait la force", "Größe: 5'11\"", "dell'arte & un po' d'acqua", "'s-Hertogenbosch", "İstanbul'da", "שלום 'עולם'", "नमस्ते दुनिया", "Żółć; gęś", "한국어 (대한민국)", "emoji 🎉<3"]),
    ("date", &["2024-01-01T00:00:00Z", "2024-01-01 to 2024-12-31", "Mon, 01 Jan 2024 10:00:00 GMT", "1/2/2024", "12:30 -- 13:45", "Q1'24", "P1DT2H"]),
    ("mail", &["§w§.§w§@example.com", "\"§first§ §w§\" <§w§@example.com>", "o'brien@example.ie", "a+b@example.com; c@example.org", "john+or@var.es"]),
    ("style", &["color: #ff00aa;", "rgb(255, 0, 0)", "calc(100% - 20px)", ".a > b:hover { color: #fff; }", "url(image.png)", "width=100%;height=50px", "M10 10 L20 20 Z", "translate(10px, 20px) rotate(45deg)"]),
    ("place", &["48.137,11.575", "lat:48.1,lng:11.5", "Main St. #5, Apt. 3; 80331 München", "St. John's (NL)", "King's Cross & St Pancras", "Coeur d'Alene, ID", "10 Downing Street -- London", "Rue de l'Union 5"]),
    ("short", &["-", "*", "'", "a;b;c", "n/a", "?", "{}", "[]", "null", "<none>", "...", "$name", "${name}", "{{name}}", "{{ user.name }}", "%s %d", "key=value", "&", "--", "#1", "a|b|c", "admin", "select", "union", "drop", "or", "(id)", "id", "test"]),
    ("markup", &["<p>Hello <b>§w§</b>, it's <i>§first§</i></p>", "<a href=\"https://example.com/?a=1&amp;b=2\" title=\"x\">§w§</a>", "<img src=\"https://cdn.example.com/§w§.png\" alt=\"§first§'s\" width=\"10\">", "<ul><li>One</li><li>§prose§</li></ul>", "<div class=\"note\" style=\"color: red\"><h2>§w§</h2><p>§prose§</p></div>", "<table><tr><td>1</td><td>§w§</td></tr></table>", "<br/>§prose§<hr>", "<blockquote>§prose§</blockquote>", "<code>a &lt; b</code>", "<pre>if (a) { b(); }</pre>", "<span data-id=\"§n§\">§w§</span>", "<h1>§prose§</h1>"]),
    ("markdown", &["# §w§\n\nSome **bold** and `code` with a [link](https://example.com/a?b=c)", "- one\n- two\n- it's three", "```rust\nfn main() { let x = 1; }\n```", "| a | b |\n|---|---|\n| 1 | 2 |", "> §prose§\n\n--\n§first§", "1. §prose§\n2. §prose§", "Run `cargo test` and then `git push`", "![alt](image.png \"it's\")", "~~§w§~~ *§w§* __§w§__"]),
    ("code", &["// TODO: ask §first§ about this; see #§nn§", "/* §prose§ */", "def f(x):\n    return x + 1  # it's ok", "for (let i = 0; i < 10; i++) { console.log(i); }", "if (a == b && c != d || e) { return 'x'; }", "let s = \"it's\" + 'a' + x;", "print(\"hello, §w§\")", "x = y if z else w", "const f = (a, b) => a || b;", "public class A { private int b = 1; }", "git commit -m 'fix: §w§'", "#include <stdio.h>", "echo \"$HOME\"", "SELECT is a keyword; UNION, too", "match x { 1 | 2 => \"a\", _ => \"b\" }", "{ \"a\": 1, /* note */ \"b\": [1, 2] }", "import React from 'react';", "npm install --save §w§", "key: value\nlist:\n  - a\n  - b"]),
    ("letter", &["Dear §first§,\n\n§prose§.\n\nBest regards,\n§name§", "Subject: §w§\nHi §first§ -- §prose§", "Order #§nn§: §product§; §product§", "Q: §prose§\nA: §prose§", "Address:\n§place§\nPhone: §number§"]),
    ("document", &["{\"name\":\"O'Brien\",\"tags\":[\"a\",\"§w§\"],\"n\":§n§}", "{\"a\":{\"b\":null,\"c\":true},\"d\":\"§w§ & §w§\"}", "<note><to>§first§</to><body>§prose§</body></note>", "a,b,c\n1,\"§w§\",3\n4,'x',6", "[section]\nkey = value ; note", "key1=value1&key2=value2"]),
];

/// A value of one line.
pub(super) fn value(random: &mut Random) -> String {
    random.text(GRAMMAR, "value").replace('\n', " ")
}

/// A text as people write it into a form.
pub(super) fn text(random: &mut Random) -> String {
    random.text(GRAMMAR, "text")
}

/// What browsers and programs call themselves.
pub(super) const AGENTS: [&str; 8] = [
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_2 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.2",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:121.0) Gecko/20100101 Firefox/121.0",
    "curl/8.5.0",
    "okhttp/4.12.0",
    "python-requests/2.31.0",
    "Googlebot/2.1 (+http://www.google.com/bot.html)",
    "Dalvik/2.1.0 (Linux; U; Android 13; SM-G991B Build/TP1A.220624.014)",
];
