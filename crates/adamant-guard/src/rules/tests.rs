//! The filter as a whole, on heads. Knows no socket.

use adamant_filter::serde_json::{Value, json};
use adamant_filter::trial::Trial;

mod attacks;
mod disguises;
mod harmless;
mod measure;
mod random;

use super::*;

const ALL: [&str; 8] = [
    "sql-injection",
    "cross-site-scripting",
    "path-traversal",
    "command-injection",
    "server-side-request-forgery",
    "template-injection",
    "protocol-attack",
    "scanner",
];

fn trial(config: &Value) -> Trial {
    Trial::of::<Rules>(config)
}

fn get(target: &str) -> Request {
    Request::build(Method::GET, target).unwrap()
}

#[test]
fn each_kind_of_attack_has_its_reason() {
    let trial = trial(&json!({"deny": ALL}));
    let cases = [
        ("/a?id=1%27%20or%20%271%27=%271", "rules.sql-injection"),
        (
            "/a?q=%3Cscript%3Ealert(1)%3C/script%3E",
            "rules.cross-site-scripting",
        ),
        ("/a?file=../../../../etc/passwd", "rules.path-traversal"),
        ("/a?host=;cat%20/etc/hosts", "rules.command-injection"),
        (
            "/a?url=http://169.254.169.254/latest/meta-data/",
            "rules.server-side-request-forgery",
        ),
        ("/a?name=%7B%7B7*7%7D%7D", "rules.template-injection"),
        ("/a?next=%0d%0aSet-Cookie:%20a=b", "rules.protocol-attack"),
        ("/actuator/heapdump", "rules.scanner"),
    ];
    for (target, reason) in cases {
        trial.request(get(target)).denied(reason);
    }
    trial
        .request(get("/orders/7?sort=-created&limit=20&q=O%27Brien"))
        .passes();
}
