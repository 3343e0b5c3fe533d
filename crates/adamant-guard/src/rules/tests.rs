//! The filter as a whole, on heads. Knows no socket.

use adamant_filter::serde_json::{Value, json};
use adamant_filter::trial::{Trial, TrialHost};

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

#[test]
fn what_cannot_be_meant_is_refused_at_boot() {
    let cases = [
        (json!({"deny": []}), "deny"),
        (json!({"deny": ["other"]}), "deny"),
        (json!({"deny": ["scanner"], "level": 0}), "level"),
        (json!({"deny": ["scanner"], "level": 5}), "level"),
        (json!({"deny": ["scanner"], "threshold": 0}), "threshold"),
        (json!({"deny": ["scanner"], "built-in": false}), "built-in"),
        (
            json!({"deny": ["scanner"], "body-at-most": "2MiB"}),
            "body-at-most",
        ),
        (json!({"deny": ["scanner"], "body-at-most": "0B"}), "body-at-most"),
        (
            json!({"deny": ["scanner"], "bodies": "ignore", "body-at-most": "1KiB"}),
            "body-at-most",
        ),
        (json!({"deny": ["scanner"], "packs": ["absent.yaml"]}), "packs[0]"),
        (
            json!({"deny": ["scanner"], "except": [{"rule": "sql-tokens", "target": "path"}]}),
            "except[0].rule",
        ),
        (
            json!({"deny": ["scanner"], "except": [{"rule": "scanner", "target": "json"}]}),
            "except[0].target",
        ),
        (
            json!({"deny": ["scanner"], "except": [{"rule": "scanner", "target": "x"}]}),
            "except[0].target",
        ),
    ];
    for (config, path) in cases {
        let problems = Trial::try_build::<Rules>(&config, &mut TrialHost::new()).expect_err("it is broken");
        let first = problems.iter().next().unwrap();
        assert_eq!(first.path(), Some(path), "{config}");
    }
}

#[test]
fn scores_of_head_and_body_are_one() {
    // A warning in each: neither is enough alone.
    let trial = trial(&json!({"deny": ["path-traversal"], "threshold": 6}));
    let pair = |head: &str, body: &str| {
        let request = get(head).with_header("content-type", "application/x-www-form-urlencoded");
        let mut request = trial.prepare(request);
        assert!(matches!(trial.ask(&mut request), Verdict::Pass));
        let mut chunk = Chunk::new(body.to_owned().into(), true);
        matches!(trial.body(&mut request, &mut chunk), Verdict::Deny(_))
    };
    assert!(!pair("/a?f=../x", "f=y") && !pair("/a?f=x", "f=/etc/hosts"));
    assert!(pair("/a?f=../x", "f=/etc/hosts"));
}
