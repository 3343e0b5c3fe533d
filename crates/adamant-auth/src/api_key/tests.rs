//! Keys that pass, keys that do not, and files that no gateway should start with.

use std::path::Path;
use std::time::Instant;

use adamant_filter::serde_json::{Value, json};
use adamant_filter::trial::{Trial, TrialHost};
use adamant_filter::{Consumer, Consumers, Content, Entry, KnownBy, Node, Span, decode};

use super::*;

/// 2026-11-24T00:00:00Z.
const NOW: Wall = Wall(1_795_478_400_000);

fn key(number: u8) -> GeneratedKey {
    ApiKey::generate(&[number; 37])
}

fn entry(number: u8, consumer: &str) -> Value {
    json!({"id": key(number).id(), "consumer": consumer, "hash": key(number).hash()})
}

fn with(mut entry: Value, member: &str, value: impl Into<Value>) -> Value {
    entry[member] = value.into();
    entry
}

fn host(file: &Value) -> TrialHost {
    TrialHost::new().with_file("keys.yaml", file.to_string())
}

fn config() -> Value {
    json!({"header": "X-Api-Key", "keys": {"file": "keys.yaml"}})
}

fn trial(config: &Value, entries: Vec<Value>) -> Trial {
    Trial::with_host::<ApiKey>(config, &mut host(&json!({ "keys": entries })))
}

/// Header fields of a request.
type Fields<'f> = &'f [(&'static str, &'f str)];

fn get(fields: Fields<'_>) -> Request {
    let request = Request::build(Method::GET, "/").unwrap().at(Tick(0), NOW);
    fields
        .iter()
        .fold(request, |request, (name, value)| request.with_header(name, value))
}

/// Two well-known slots of a trial: the identity is the first one.
fn identity(request: &Request) -> &Identity {
    request.slot(0).unwrap()
}

#[test]
fn a_known_key_proves_its_consumer_and_is_taken_away() {
    let entry = with(entry(1, "acme"), "scopes", json!(["orders:read"]));
    let trial = trial(&config(), vec![entry]);
    let mut request = trial.prepare(get(&[("x-api-key", key(1).key())]));
    assert!(matches!(trial.ask(&mut request), Verdict::Pass));
    let identity = identity(&request);
    assert_eq!(
        (identity.method(), identity.consumer(), identity.issuer()),
        ("api-key", "acme", "")
    );
    assert!(identity.has_scope("orders:read"));
    assert_eq!(
        identity.claim("key-id").and_then(Value::as_str),
        Some(key(1).id())
    );
    assert_eq!(request.header(&HeaderName::from_static("x-api-key")), None);
}

#[test]
fn a_key_stands_for_the_consumer_that_the_file_declares() {
    let acme = Consumer {
        name: "acme".into(),
        plan: Some("gold".into()),
        groups: vec!["partners".into()],
    };
    let by = KnownBy {
        method: "api-key",
        issuer: "",
        name: "acme-1",
    };
    let consumers = Consumers::new(vec!["gold".into()], [(by, Arc::new(acme))]);
    let file = json!({"keys": [entry(1, "acme-1"), entry(2, "acme-2")]});
    let trial = Trial::with_host::<ApiKey>(&config(), &mut host(&file).with_consumers(consumers));
    for (number, name, plan) in [(1, "acme", Some("gold")), (2, "acme-2", None)] {
        let mut request = trial.prepare(get(&[("x-api-key", key(number).key())]));
        assert!(matches!(trial.ask(&mut request), Verdict::Pass));
        let identity = identity(&request);
        assert_eq!((identity.consumer(), identity.plan()), (name, plan));
    }
}

#[test]
fn a_key_is_forwarded_only_when_the_file_says_so() {
    let trial = trial(&with(config(), "forward", true), vec![entry(1, "acme")]);
    let mut request = trial.prepare(get(&[("x-api-key", key(1).key())]));
    assert!(matches!(trial.ask(&mut request), Verdict::Pass));
    assert!(request.header(&HeaderName::from_static("x-api-key")).is_some());
}

#[test]
fn every_refusal_has_its_reason_and_its_status() {
    let trial = trial(
        &config(),
        vec![
            entry(1, "acme"),
            with(entry(2, "acme"), "not-after", "2026-11-24T00:00:00Z"),
        ],
    );
    let (good, ended, other) = (key(1), key(2), key(3));
    let (upper, cut) = (good.key().to_uppercase(), &good.key()[..40]);
    let bearer = format!("Bearer {}", good.key());
    let cases: [(Fields<'_>, &str, u16); 10] = [
        (&[], "api-key.missing", 401),
        (&[("authorization", &bearer)], "api-key.missing", 401),
        (&[("x-api-key", "")], "api-key.unreadable", 400),
        (
            &[("x-api-key", good.key()), ("x-api-key", good.key())],
            "api-key.several",
            400,
        ),
        (&[("x-api-key", "nonsense")], "api-key.unknown", 401),
        (&[("x-api-key", good.hash())], "api-key.unknown", 401),
        (&[("x-api-key", &upper)], "api-key.unknown", 401),
        (&[("x-api-key", cut)], "api-key.unknown", 401),
        (&[("x-api-key", other.key())], "api-key.unknown", 401),
        (&[("x-api-key", ended.key())], "api-key.expired", 401),
    ];
    for (fields, code, status) in cases {
        let denial = trial.request(get(fields)).denied(code);
        assert_eq!(denial.reason.status(), status, "{code}");
        assert_eq!(denial.fields.len(), 1, "{code}: a challenge");
    }
}

#[test]
fn an_old_and_a_new_key_work_side_by_side_until_the_old_one_ends() {
    let old = with(entry(1, "acme"), "not-after", "2026-11-24T00:00:01Z");
    let trial = trial(&config(), vec![old, entry(2, "acme")]);
    let ask = |number: u8, wall: u64| {
        let request = get(&[("x-api-key", key(number).key())]).at(Tick(0), Wall(wall));
        matches!(trial.request(request).verdict, Verdict::Pass)
    };
    assert!(ask(1, NOW.0) && ask(2, NOW.0) && ask(1, NOW.0 + 999));
    assert!(!ask(1, NOW.0 + 1000) && ask(2, NOW.0 + 1000));
}

#[test]
fn a_key_may_come_as_bearer_token() {
    let trial = trial(&with(config(), "header", "authorization"), vec![entry(1, "acme")]);
    let bearer = format!("Bearer {}", key(1).key());
    trial.request(get(&[("authorization", &bearer)])).passes();
    let denial = trial.request(get(&[])).denied("api-key.missing");
    assert_eq!(denial.fields[0].1, "Bearer realm=\"api\"");
}

#[test]
fn a_file_that_could_mislead_is_one_problem_of_the_step() {
    let cases = [
        (json!({"keys": []}), "nobody"),
        (json!({"keys": [{"id": "a", "consumer": "b"}]}), "hash"),
        (json!({"keys": [with(entry(1, "a"), "key", "adm_x")]}), "key"),
        (
            json!({"keys": [with(entry(1, "a"), "hash", key(1).key())]}),
            "sha256:",
        ),
        (
            json!({"keys": [with(entry(1, "a"), "hash", "sha256:00")]}),
            "sha256:",
        ),
        (json!({"keys": [with(entry(1, "a"), "consumer", "")]}), "consumer"),
        (
            json!({"keys": [with(entry(1, "a"), "scopes", json!(["a b"]))]}),
            "scope",
        ),
        (
            json!({"keys": [with(entry(1, "a"), "not-after", "2027-01-01")]}),
            "point in time",
        ),
        (json!({"keys": [entry(1, "a"), entry(1, "b")]}), "two keys"),
        (
            json!({"keys": [entry(1, "a"), with(entry(1, "b"), "id", "other")]}),
            "another key",
        ),
        (json!([]), "keys.yaml"),
    ];
    for (file, part) in cases {
        let problems = Trial::try_build::<ApiKey>(&config(), &mut host(&file)).unwrap_err();
        let told: Vec<_> = problems.iter().map(ToString::to_string).collect();
        assert_eq!(told.len(), 1, "{told:?}");
        assert!(
            told[0].starts_with("keys.yaml") && told[0].contains(part),
            "{part}: {told:?}"
        );
        assert!(
            !told[0].contains(key(1).key()),
            "a key in the wrong place is not printed"
        );
        assert_eq!(problems.iter().next().unwrap().path(), Some("keys.file"));
    }
    assert!(
        Trial::try_build::<ApiKey>(&config(), &mut TrialHost::new()).is_err(),
        "no such file"
    );
}

#[test]
fn a_problem_names_the_line_of_the_key_file() {
    let scalar = |text: &str, line: u32| Node::scalar(Span::new((0, 1), line, 11, line), text, true);
    let mapping = |entries: Vec<(&str, Node)>| {
        let entry = |(key, value): (&str, Node)| {
            let key_span = value.span();
            Entry {
                key: key.into(),
                key_span,
                value,
            }
        };
        Node::new(
            Span::new((0, 1), 2, 5, 4),
            Content::Mapping(entries.into_iter().map(entry).collect()),
        )
    };
    let key = mapping(vec![
        ("id", scalar("a", 2)),
        ("consumer", scalar("b", 3)),
        ("hash", scalar("adm_a_b", 4)),
    ]);
    let keys = Node::new(Span::new((0, 1), 2, 3, 4), Content::Sequence([key].into()));
    let file: KeyFile = decode(&mapping(vec![("keys", keys)])).unwrap();
    let problem = file
        .into_records(Path::new("keys.yaml"), &Consumers::default())
        .unwrap_err();
    assert_eq!(
        problem.message(),
        "keys.yaml:4:11: a hash is `sha256:` and 64 hexadecimal digits"
    );
    assert_eq!(
        (problem.span(), problem.path(), problem.is_hidden()),
        (None, Some("keys.file"), false)
    );
}

#[test]
fn a_generated_entry_is_an_entry_of_the_file() {
    let made = key(9);
    let entry = made.yaml_entry("Acme \"A\"", &["orders:read"], Some("2027-01-01T00:00:00Z"));
    let expected = format!(
        "  - id: {}\n    consumer: \"Acme \\\"A\\\"\"\n    hash: {}\n    scopes: [\"orders:read\"]\n    \
         not-after: 2027-01-01T00:00:00Z\n",
        made.id(),
        made.hash()
    );
    assert_eq!(entry, expected);
    assert!(!entry.contains(made.key()));
}

/// Prints what a look-up costs, for runs with optimization.
#[test]
fn a_look_up_takes_no_longer_among_many_keys() {
    let cost = |keys: u8| {
        let entries = (0..keys).map(|number| entry(number, "acme")).collect();
        let trial = trial(&with(config(), "forward", true), entries);
        let mut request = trial.prepare(get(&[("x-api-key", key(0).key())]));
        let rounds = (0..200).map(|_| {
            let start = Instant::now();
            (0..20).for_each(|_| drop(std::hint::black_box(trial.ask(&mut request))));
            start.elapsed() / 20
        });
        rounds.min().unwrap()
    };
    let (few, many) = (cost(1), cost(200));
    println!("the whole filter: {few:?} with one key, {many:?} with 200");
    assert!(many < few * 3, "{few:?} with one key, {many:?} with 200");
}
