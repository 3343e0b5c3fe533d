//! Every key reaches the plan: another value of it is another policy, with another digest.
//!
//! A row writes one key in two ways, in the smallest file that may hold it. The rows and the keys that the binary
//! knows must be the same.

mod rows;

use std::collections::{BTreeSet, HashMap};

use adamant_tests::idp::api_key_entry;
use adamant_tests::{Adamant, Authority, Folder, Idp};
use jsonwebtoken::Algorithm;
use rows::{LISTENERS, OTHERS, ROUTES, SHARED, STEPS, STORES, UPSTREAMS, WORDS};

/// A hash that `basic` accepts; of no password that anybody knows.
const HASH: &str = "$2b$10$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW";

const LISTENER: &str = "bind: \"127.0.0.1:1\"";
const UPSTREAM: &str = "endpoints: [\"127.0.0.1:1\"]";
const STORE: &str = "address: \"127.0.0.1:1\"";
const ROUTE: &str = "name: all, match: { path: /** }, public: true, to: origin";

/// Steps that prove whom a consumer is known by.
const PROOFS: &str = "{ api-key: { keys: { file: one.yaml } } }, \
    { jwt: { keys: { file: one.json }, issuer: one, audience: a, algorithms: [ES256], type: any } }, \
    { jwt: { keys: { file: two.json }, issuer: two, audience: a, algorithms: [ES256], type: any } }";

/// The steps of the policy.
fn steps_of(section: &str, long: &str) -> String {
    let long = long.replace("SCOPES", "PROVED scopes:");
    match (section, long.strip_prefix("PROVED ")) {
        ("steps", Some(rule)) => format!("{{ api-key: {{ keys: {{ file: one.yaml }} }} }}, {{ {rule} }}"),
        ("steps", None) if long.contains("plans:") => {
            format!("{{ api-key: {{ keys: {{ file: one.yaml }} }} }}, {{ {long} }}")
        }
        ("steps", None) => format!("{{ {long} }}"),
        ("stores", _) => format!("{{ rate: {{ by: address, allow: 9/s, {SHARED} }}, id: a }}"),
        _ => "{ methods: { allow: [GET] } }".to_owned(),
    }
}

/// The stores, when a step names them.
fn stores_of(section: &str, long: &str) -> String {
    let one = |name: &str, keys: &str| format!("{name}: {{ redis: {{ {keys} }} }}");
    let stores = match section {
        "stores" if long.contains("address:") => one("counters", long),
        "stores" => one("counters", &format!("{STORE}, {long}")),
        _ if long.contains("others") => format!("{}, {}", one("counters", STORE), one("others", STORE)),
        _ if long.contains("counters") => one("counters", STORE),
        _ => return String::new(),
    };
    format!("stores: {{ {stores} }}\n")
}

/// The plans, when a step tells them apart.
fn plans_of(section: &str, long: &str) -> &'static str {
    if section == "steps" && long.contains("plans:") {
        "plans: { gold: {} }\nconsumers: { acme: { plan: gold, known-by: [{ api-key: { name: acme } }] } }\n"
    } else {
        ""
    }
}

/// A file around what a row writes.
fn file(section: &str, written: &str) -> String {
    let long = WORDS.iter().fold(written.to_owned(), |text, (word, meaning)| {
        text.replace(word, meaning)
    });
    let with = |name: &str, usual: &str, own: &str| {
        if section != name {
            usual.to_owned()
        } else if long.contains(own) {
            long.clone()
        } else {
            format!("{usual}, {long}")
        }
    };
    let mut listener = with("listeners", LISTENER, "bind:");
    if long.starts_with("client-certificate") || long.contains("sender:") {
        listener += ", tls: { certificate: a, key: { file: k }, clients: { authorities: one.txt } }";
    }
    let upstream = match with("upstreams", UPSTREAM, "endpoints:") {
        echo if long.contains("built-in") && section == "upstreams" => {
            echo.replace(&format!("{UPSTREAM}, "), "")
        }
        other => other,
    };
    let route = match section {
        "routes" if long.starts_with("name:") => long.clone(),
        "routes" if long.contains("path: /own") => {
            format!("name: all, {long} }}, {{ name: rest, match: {{ path: /rest }}, public: true, to: origin")
        }
        "routes" => format!("name: all, {long}"),
        "steps" if long.contains("bind: { id:") => {
            format!(
                "{}, filters: [{{ use: p }}]",
                ROUTE.replace("/**", "\"/users/{id}\"")
            )
        }
        _ if long.contains("known-by") => format!("{ROUTE}, filters: [{{ use: known }}]"),
        "steps" | "stores" => format!("{ROUTE}, filters: [{{ use: p }}]"),
        _ => ROUTE.to_owned(),
    };
    let steps = steps_of(section, &long);
    let policies = match section {
        _ if long.contains("known-by") => format!("policies: {{ known: [{{ any-of: [{PROOFS}] }}] }}\n"),
        "steps" | "stores" => format!("policies: {{ p: [{steps}] }}\n"),
        _ if long.contains("use: spare") => format!("policies: {{ spare: [{steps}] }}\n"),
        _ => String::new(),
    };
    let other = if section.is_empty() {
        format!("{long}\n")
    } else if long.contains("priority:") {
        "overload: { in-flight: 100, queue-delay: 50ms }\n".to_owned()
    } else {
        String::new()
    };
    let stores = stores_of(section, &long);
    let plans = plans_of(section, &long);
    let second = if long.contains("to: other") {
        ", other: { built-in: echo }"
    } else {
        ""
    };
    format!(
        "adamant: 1\nlisteners: {{ public: {{ {listener} }} }}\n{plans}upstreams: {{ origin: {{ {upstream} }}{second} }}\n{stores}{policies}routes: [{{ {route} }}]\n{other}"
    )
}

/// The folder with everything that a file may name.
fn folder() -> Folder {
    let folder = Folder::new();
    for (name, number) in [("one", 1), ("two", 2)] {
        let idp = Idp::new(&[Algorithm::ES256]);
        folder.write(&format!("{name}.json"), idp.jwks());
        folder.write(&format!("{name}.ca"), Authority::new(name).pem());
        folder.write(
            &format!("{name}.pem"),
            idp.keys[0].public_pem.clone().expect("a public half"),
        );
        folder.write(&format!("{name}.txt"), format!("10.0.0.{number}\n"));
        folder.write(&format!("{name}.signers.yaml"), format!("keys:\n  - {{ id: {name}, consumer: acme, algorithm: hmac-sha256, secret: {{ env: MAC }} }}\n"));
        let entry = api_key_entry(name, &format!("adm_{name}"), "acme", "");
        folder.write(&format!("{name}.yaml"), format!("keys:\n{entry}"));
        folder.write(
            &format!("{name}-users.yaml"),
            format!("users: [{{ name: {name}, hash: \"{HASH}\" }}]"),
        );
        folder.write(&format!("{name}.rules.yaml"), format!("rules:\n  - {{ id: {name}, category: scanner, targets: [path], match: {{ contains: [{name}] }} }}\n"));
        folder.write(&format!("{name}-ca.pem"), Authority::new(name).pem());
    }
    folder
}

async fn digest(folder: &Folder, known: &mut HashMap<String, String>, text: String) -> String {
    if let Some(digest) = known.get(&text) {
        return digest.clone();
    }
    folder.write("gateway.yaml", &text);
    let told = Adamant::run(folder.path(), &["digest"]).await;
    assert_eq!(told.code, Some(0), "{text}\n{}", told.text());
    let digest = told.stdout.trim().to_owned();
    known.insert(text, digest.clone());
    digest
}

#[tokio::test]
async fn another_value_of_any_key_is_another_policy() {
    let folder = folder();
    let mut known = HashMap::new();
    let mut covered = BTreeSet::new();
    for (section, prefix, rows) in [
        ("listeners", "listeners.*.", LISTENERS),
        ("upstreams", "upstreams.*.", UPSTREAMS),
        ("stores", "stores.*.", STORES),
        ("steps", "policies.*[].", STEPS),
        ("routes", "routes[].", ROUTES),
        ("", "", OTHERS),
    ] {
        for (key, written, values) in rows {
            let key = format!("{prefix}{key}");
            let texts = values.map(|value| file(section, &written.replace('@', value)));
            let [one, other] = texts;
            let digests = (
                digest(&folder, &mut known, one).await,
                digest(&folder, &mut known, other).await,
            );
            assert_ne!(digests.0, digests.1, "{key}: {written} {values:?}");
            covered.insert(key);
        }
    }
    let listed = Adamant::run(folder.path(), &["schema", "--leaves"])
        .await
        .exits(0)
        .json();
    let all = listed.as_array().expect("a list").iter();
    // Two of them know one value only, and a listener that redirects is another kind of file.
    let special = ["adamant", "observe.access-log.format", "listeners.*.redirect-to"];
    let missing: Vec<&str> = all
        .filter_map(|key| key.as_str())
        .filter(|key| !covered.contains(*key) && !special.contains(key))
        .collect();
    assert!(missing.is_empty(), "no row writes these keys: {missing:#?}");
}
