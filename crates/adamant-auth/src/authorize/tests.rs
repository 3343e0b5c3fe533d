//! Each part of `authorize` alone, and what holds for all of them.

use std::sync::Arc;

use adamant_filter::serde_json::{Value, json};
use adamant_filter::trial::{Trial, TrialHost};
use adamant_filter::{CAPTURES_MAX, Consumer, Consumers, KnownBy, Node, RouteFacts, decode, serde_json};

use super::*;

mod expressions;

/// Who calls in these tests.
fn alice() -> Identity {
    let claims = json!({
        "sub": "7", "number": 7, "tenant": "acme", "vip": true, "roles": "staff admin", "nothing": null,
        "realm_access": { "roles": ["support", "a b"] }, "accounts": ["7", 9], "https://id.test/team": "blue",
        "rate": 1.5,
    });
    Identity::new("jwt", "https://id.test/", "alice")
        .with_scopes(["orders:read", "orders:write"])
        .with_claims_text(claims.to_string().into_bytes())
}

/// A request for this target, and the parameter that the second segment of its path is.
type Asked<'a> = (&'a str, &'a str);

/// What `config` answers to Alice.
fn ask(config: &Value, asked: Asked<'_>) -> Verdict {
    let mut trial = Trial::of::<Authorize>(config);
    let mut request = prepare(&mut trial, alice(), asked);
    trial.ask(&mut request)
}

/// A request of `identity` on its way to the filter.
fn prepare(trial: &mut Trial, identity: Identity, (target, parameter): Asked<'_>) -> Request {
    let mut request = trial.prepare_with(Request::build(Method::GET, target).unwrap(), identity);
    let first = request.segments().next().unwrap_or_default().len();
    let second = request.segments().nth(1).unwrap_or_default().len();
    let start = u16::try_from(first + 2).unwrap();
    let mut captured = [(0, 0); CAPTURES_MAX];
    captured[0] = (start, start + u16::try_from(second).unwrap());
    let facts = RouteFacts {
        captures: vec![parameter.into()],
        ..RouteFacts::default()
    };
    request.set_route(Arc::new(facts), captured);
    request
}

/// The reason of a refusal; empty when the request passes.
fn code(verdict: &Verdict) -> &'static str {
    match verdict {
        Verdict::Pass => "",
        Verdict::Deny(denial) => denial.reason.code(),
        Verdict::Fault(fault) => fault.reason.code(),
        Verdict::Reply(_) => "reply",
    }
}

fn check(cases: &[(Value, &str)]) {
    for (config, expected) in cases {
        assert_eq!(code(&ask(config, ("/", ""))), *expected, "{config}");
    }
}

#[test]
fn each_part_has_a_reason_of_its_own() {
    check(&[
        (
            json!({"scopes": {"all": ["orders:read"], "any": ["x", "orders:write"]}}),
            "",
        ),
        (
            json!({"scopes": {"all": ["orders:read", "orders:delete"]}}),
            "scope",
        ),
        (json!({"scopes": {"any": ["orders"]}}), "scope"),
        (json!({"proved-by": ["jwt", "api-key"]}), ""),
        (json!({"proved-by": ["client-certificate"]}), "proof"),
        (json!({"consumers": ["bob", "alice"]}), ""),
        (json!({"consumers": ["bob", "7"]}), "consumer"),
        (json!({"groups": ["partners"]}), "group"),
        (
            json!({"roles": {"claim": "roles", "all": ["admin", "staff"]}}),
            "",
        ),
        (json!({"roles": {"claim": "roles", "any": ["adm"]}}), "role"),
        (
            json!({"roles": {"claim": "realm_access.roles", "any": ["support"]}}),
            "",
        ),
        (
            json!({"roles": {"claim": "realm_access.roles", "any": ["a"]}}),
            "role",
        ),
        (
            json!({"roles": {"claim": "realm_access", "any": ["support"]}}),
            "role",
        ),
        (json!({"roles": {"claim": "absent", "any": ["support"]}}), "role"),
    ]);
}

#[test]
fn claims_have_a_value_one_of_several_or_are_there() {
    check(&[
        (json!({"claims": {"tenant": "acme"}}), ""),
        (json!({"claims": {"tenant": "acm"}}), "claim"),
        (json!({"claims": {"tenant": ["globex", "acme"]}}), ""),
        (json!({"claims": {"tenant": ["globex"]}}), "claim"),
        (json!({"claims": {"number": "7"}}), ""),
        (json!({"claims": {"number": "07"}}), "claim"),
        (json!({"claims": {"vip": "true"}}), ""),
        (json!({"claims": {"accounts": "9"}}), ""),
        (json!({"claims": {"accounts": "8"}}), "claim"),
        (json!({"claims": {"rate": "1.5"}}), "claim"),
        (json!({"claims": {"realm_access.roles": "support"}}), ""),
        (json!({"claims": {"https://id.test/team": "blue"}}), ""),
        (json!({"claims": {"tenant": {"present": true}}}), ""),
        (json!({"claims": {"absent": {"present": true}}}), "claim"),
        (json!({"claims": {"nothing": {"present": true}}}), "claim"),
        (json!({"claims": {"nothing": {"present": false}}}), ""),
        (json!({"claims": {"tenant": {"present": false}}}), "claim"),
        (json!({"claims": {"tenant": "acme", "number": "8"}}), "claim"),
    ]);
}

#[test]
fn a_parameter_is_compared_after_its_escapes_were_decoded_once() {
    let cases = [
        ("/users/7", json!({"id": "sub"}), ""),
        ("/users/8", json!({"id": "sub"}), "binding"),
        ("/users/%37", json!({"id": "claim:sub"}), ""),
        ("/users/%2537", json!({"id": "sub"}), "binding"),
        ("/users/07", json!({"id": "number"}), "binding"),
        ("/users/+7", json!({"id": "number"}), "binding"),
        ("/users/7", json!({"id": "number"}), ""),
        ("/users/9", json!({"id": "accounts"}), ""),
        ("/users/8", json!({"id": "accounts"}), "binding"),
        ("/users/alice", json!({"id": "consumer"}), ""),
        ("/users/%61lice", json!({"id": "consumer"}), ""),
        ("/users/Alice", json!({"id": "consumer"}), "binding"),
        ("/users/alice", json!({"id": "claim:consumer"}), "binding"),
        ("/users/null", json!({"id": "nothing"}), "binding"),
        ("/users/1.5", json!({"id": "rate"}), "binding"),
        ("/users/7", json!({"id": "absent"}), "binding"),
    ];
    for (path, bind, expected) in cases {
        let verdict = ask(&json!({ "bind": bind }), (path, "id"));
        assert_eq!(code(&verdict), expected, "{path} {bind}");
    }
    // The boot refuses such a route; should one come about, nobody passes.
    let verdict = ask(&json!({"bind": {"id": "sub"}}), ("/users/7", "user"));
    assert_eq!(code(&verdict), "binding");
    let trial = Trial::of::<Authorize>(&json!({"bind": {"id": "sub"}, "expression": "path.tenant == 'a'"}));
    let captures: Vec<_> = trial.built().needs.captures.iter().map(|name| &**name).collect();
    assert_eq!(captures, ["tenant", "id"]);
}

#[test]
fn all_parts_must_hold() {
    let good = json!({
        "scopes": {"all": ["orders:read"]}, "proved-by": ["jwt"], "consumers": ["alice"],
        "roles": {"claim": "roles", "all": ["staff"]}, "claims": {"tenant": "acme"}, "bind": {"id": "sub"},
        "expression": "identity.claims.vip == true",
    });
    assert_eq!(code(&ask(&good, ("/users/7", "id"))), "");
    let wrong = [
        ("scopes", json!({"all": ["x"]}), "scope"),
        ("proved-by", json!(["api-key"]), "proof"),
        ("consumers", json!(["bob"]), "consumer"),
        ("roles", json!({"claim": "roles", "all": ["x"]}), "role"),
        ("claims", json!({"tenant": "x"}), "claim"),
        ("bind", json!({"id": "tenant"}), "binding"),
        ("expression", json!("identity.claims.vip == false"), "expression"),
        (
            "expression",
            json!("identity.claims.absent == false"),
            "expression-fault",
        ),
    ];
    for (key, value, expected) in wrong {
        let mut config = good.clone();
        config[key] = value;
        assert_eq!(code(&ask(&config, ("/users/7", "id"))), expected, "{config}");
    }
}

#[test]
fn nobody_fulfils_no_rule() {
    for config in [
        json!({"claims": {"absent": {"present": false}}}),
        json!({"expression": "request.method == 'GET'"}),
    ] {
        let trial = Trial::of::<Authorize>(&config);
        trial
            .request(Request::build(Method::GET, "/").unwrap())
            .denied("authorize.unidentified");
    }
}

#[test]
fn a_client_that_lacks_scopes_is_told_which() {
    let config = json!({"scopes": {"all": ["b", "a"], "any": ["c", "b"]}, "realm": "orders"});
    let Verdict::Deny(denial) = ask(&config, ("/", "")) else {
        panic!("nothing of it was granted")
    };
    let [(name, value)] = denial.fields.as_slice() else {
        panic!("one field: {:?}", denial.fields)
    };
    assert_eq!((name.as_str(), denial.reason.status()), ("www-authenticate", 403));
    assert_eq!(
        value,
        "Bearer realm=\"orders\", error=\"insufficient_scope\", scope=\"a b c\""
    );
}

#[test]
fn groups_are_those_of_the_file() {
    let consumer = Arc::new(Consumer {
        name: "acme".into(),
        plan: Some("gold".into()),
        groups: vec!["partners".into()],
    });
    let by = KnownBy {
        method: "jwt",
        issuer: "https://id.test/",
        name: "alice",
    };
    let table = || Consumers::new(vec!["gold".into()], [(by, Arc::clone(&consumer))]);
    let mut host = TrialHost::new().with_consumers(table());
    let config = json!({"groups": ["partners"], "consumers": ["acme"], "expression": "identity.plan == 'gold' && 'partners' in identity.groups"});
    let mut trial = Trial::with_host::<Authorize>(&config, &mut host);
    let known = table().resolve(alice());
    let mut request = prepare(&mut trial, known, ("/", ""));
    assert_eq!(code(&trial.ask(&mut request)), "");
    trial.put(&mut request, alice());
    assert_eq!(code(&trial.ask(&mut request)), "consumer");
    let unknown = Trial::try_build::<Authorize>(&json!({"groups": ["partner"]}), &mut host);
    assert!(unknown.is_err());
}

#[test]
fn rules_that_let_everyone_or_nobody_pass_are_problems() {
    for config in [
        json!({}),
        json!({"realm": "x"}),
        json!({"scopes": {}}),
        json!({"scopes": {"all": ["a b"]}}),
        json!({"roles": {"claim": "roles"}}),
        json!({"roles": {"claim": "", "any": ["a"]}}),
        json!({"roles": {"claim": "roles", "any": ["a b"]}}),
        json!({"roles": {"claim": "roles", "any": [""]}}),
        json!({"claims": {}}),
        json!({"claims": {"a": []}}),
        json!({"claims": {"": "a"}}),
        json!({"claims": {"a": ["b", {"present": true}]}}),
        json!({"groups": []}),
        json!({"proved-by": []}),
        json!({"proved-by": ["JWT"]}),
        json!({"consumers": []}),
        json!({"consumers": [""]}),
        json!({"bind": {}}),
        json!({"bind": {"id": ""}}),
        json!({"bind": {"id": "claim:"}}),
    ] {
        let built = Trial::try_build::<Authorize>(&config, &mut TrialHost::new());
        assert!(built.is_err(), "{config}");
    }
}

#[test]
fn equal_meaning_is_written_equally() {
    let canonical = |config: Value| {
        let config: AuthorizeConfig = decode(&Node::from_json(&config)).unwrap();
        serde_json::to_string(&config).unwrap()
    };
    let same = [
        (
            json!({"claims": {"a": "x"}}),
            json!({"claims": {"a": ["x", "x"]}}),
        ),
        (
            json!({"claims": {"a": ["x", "y"]}}),
            json!({"claims": {"a": ["y", "x"]}}),
        ),
        (
            json!({"bind": {"id": "sub"}}),
            json!({"bind": {"id": "claim:sub"}}),
        ),
        (json!({"expression": "true"}), json!({"expression": " true\n"})),
        (json!({"groups": ["a", "b"]}), json!({"groups": ["b", "a"]})),
    ];
    for (one, other) in same {
        assert_eq!(canonical(one), canonical(other));
    }
    let different = [
        (
            json!({"claims": {"a": "x"}}),
            json!({"claims": {"a": {"present": true}}}),
        ),
        (
            json!({"claims": {"a": {"present": false}}}),
            json!({"claims": {"a": {"present": true}}}),
        ),
        (
            json!({"bind": {"id": "consumer"}}),
            json!({"bind": {"id": "claim:consumer"}}),
        ),
    ];
    for (one, other) in different {
        assert_ne!(canonical(one), canonical(other));
    }
}
