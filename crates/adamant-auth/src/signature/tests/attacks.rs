//! Requests that were changed after they were signed, and fields that two readers could read differently.

use proptest::prelude::*;

use super::*;

/// A good request with both fields as they are given.
fn with_fields(request: Request, input: &str, signature: &str) -> Request {
    request
        .with_header("signature-input", input)
        .with_header("signature", signature)
}

#[test]
fn another_request_is_not_the_one_that_was_signed() {
    let trial = trial(&config());
    let (input, signature) = written("ed", ORDERS, &fresh("ed"));
    let carry = |request: Request| with_fields(request, &format!("sig={input}"), &format!("sig={signature}"));
    let at = |target: &str, host: &str| {
        Request::build(Method::GET, target)
            .unwrap()
            .at(Tick(0), Wall(NOW * 1000))
            .with_header("host", host)
    };
    assert_eq!(outcome(&trial, carry(orders())), "pass");
    // The same authority in another spelling.
    for host in ["API.test", "api.test:80", "api.test:"] {
        assert_eq!(
            outcome(&trial, carry(at("/orders?page=2", host))),
            "pass",
            "{host}"
        );
    }
    let others = [
        carry(request(Method::HEAD, "/orders?page=2")),
        carry(request(Method::POST, "/orders?page=2")),
        carry(request(Method::GET, "/orders/?page=2")),
        carry(request(Method::GET, "/Orders?page=2")),
        carry(request(Method::GET, "/orders?page=3")),
        carry(request(Method::GET, "/orders?page=2&page=3")),
        carry(request(Method::GET, "/orders?page%3D2")),
        carry(request(Method::GET, "/orders?")),
        carry(request(Method::GET, "/orders")),
        carry(at("/orders?page=2", "other.test")),
        carry(at("/orders?page=2", "api.test:8080")),
        carry(at("/orders?page=2", "api.test:443")),
    ];
    for other in others {
        let what = format!("{:?} {}", other.method(), other.path());
        assert_eq!(outcome(&trial, other), "signature", "{what}");
    }
}

#[test]
fn a_query_in_another_order_is_another_query() {
    let trial = trial(&config());
    let components = |query| [ORDERS[0], ORDERS[1], ORDERS[2], ("\"@query\"", query)];
    let good = signed(
        request(Method::GET, "/orders?a=1&b=2"),
        &components("?a=1&b=2"),
        &fresh("ed"),
    );
    assert_eq!(outcome(&trial, good), "pass");
    let moved = signed(
        request(Method::GET, "/orders?b=2&a=1"),
        &components("?a=1&b=2"),
        &fresh("ed"),
    );
    assert_eq!(outcome(&trial, moved), "signature");
    let none = signed(request(Method::GET, "/orders"), &components("?"), &fresh("ed"));
    assert_eq!(outcome(&trial, none), "pass");
}

#[test]
fn parameters_are_signed_in_their_order_and_spelling() {
    let trial = trial(&config());
    let (_, signature) = written("ed", ORDERS, &fresh("ed"));
    let names: Vec<&str> = ORDERS.iter().map(|(name, _)| *name).collect();
    let names = names.join(" ");
    let wide = names.replace(' ', "   ");
    let cases = [
        (format!("({names});created={NOW};keyid=\"ed\""), "pass"),
        // The same in another spelling: the canonical one is signed (RFC 9421 §2.5).
        (format!("(  {wide} );  created={NOW}; keyid=\"ed\""), "pass"),
        (format!("({names});created=0{NOW};keyid=\"ed\""), "pass"),
        (format!("({names});keyid=\"ed\";created={NOW}"), "signature"),
        (
            format!("({names});created={NOW};keyid=\"ed\";tag=\"x\""),
            "signature",
        ),
        (format!("({names});created={NOW};keyid=\"ed\";new=1"), "signature"),
        (format!("({names});created={};keyid=\"ed\"", NOW + 1), "signature"),
        (format!("({names});created={NOW};keyid=\"p256\""), "signature"),
        (format!("({names});created={NOW};keyid=\"nobody\""), "key-unknown"),
        (format!("({names});created={NOW};keyid=\"\""), "key-unknown"),
        (format!("({names});created={NOW};keyid=ed"), "parameter"),
        (format!("({names});created={NOW}"), "key-missing"),
        (
            format!("({names});created={NOW};keyid=\"ed\";alg=ed25519"),
            "parameter",
        ),
        (
            format!("({names});created={NOW};keyid=\"ed\";alg=\"none\""),
            "algorithm-refused",
        ),
        (
            format!("({names} \"@scheme\");created={NOW};keyid=\"ed\""),
            "signature",
        ),
    ];
    for (input, expected) in cases {
        let request = with_fields(orders(), &format!("sig={input}"), &format!("sig={signature}"));
        assert_eq!(outcome(&trial, request), expected, "{input}");
    }
}

/// The fields of a good request, their values changed.
type Cases = Vec<(String, String, &'static str)>;

fn judge(cases: Cases) {
    let trial = trial(&config());
    for (input, signature, expected) in cases {
        let request = with_fields(orders(), &input, &signature);
        assert_eq!(outcome(&trial, request), expected, "{input:.60} {signature:.60}");
    }
}

#[test]
fn labels_have_one_reading() {
    let (input, signature) = written("ed", ORDERS, &fresh("ed"));
    let (input, signature) = (format!("sig={input}"), format!("sig={signature}"));
    let other = |value: &str| value.replacen("sig=", "b=", 1);
    judge(vec![
        (input.clone(), signature.clone(), "pass"),
        (input.clone(), format!("x=:AAAA:, {signature}"), "pass"),
        (input.clone(), other(&signature), "unpaired"),
        (format!("{input}, {input}"), signature.clone(), "duplicate-label"),
        (
            format!("sig=();created=1, {input}"),
            signature.clone(),
            "duplicate-label",
        ),
        (
            input.clone(),
            format!("sig=:AAAA:, {signature}"),
            "duplicate-label",
        ),
        (
            format!("{input}, {}", other(&input)),
            format!("{signature}, {}", other(&signature)),
            "several",
        ),
    ]);
    let trial = trial(&config());
    assert_eq!(outcome(&trial, orders()), "missing");
    let only = orders().with_header("signature", &signature);
    assert_eq!(outcome(&trial, only), "unpaired");
    let only = orders().with_header("signature-input", &input);
    assert_eq!(outcome(&trial, only), "unpaired");
    // Lines of one field are one value.
    let twice = with_fields(orders(), &input, &signature);
    let twice = twice.with_header("signature-input", &input);
    assert_eq!(outcome(&trial, twice), "duplicate-label");
}

#[test]
fn fields_have_one_reading() {
    let (input, signature) = written("ed", ORDERS, &fresh("ed"));
    let many = |value: &str| {
        let all: Vec<String> = (0..17).map(|number| format!("s{number}={value}")).collect();
        all.join(", ")
    };
    let inputs = [
        format!("sig={input}, b=1"),
        String::new(),
        "sig".to_owned(),
        "sig=1".to_owned(),
        format!("Sig={input}"),
        format!("sig={input},"),
        format!("sig={input} x"),
        many(&input),
    ];
    judge(
        inputs
            .map(|input| (input, format!("sig={signature}"), "malformed"))
            .to_vec(),
    );
    let signatures = [
        (String::new(), "malformed"),
        ("sig=1".to_owned(), "malformed"),
        ("sig=\"AAAA\"".to_owned(), "malformed"),
        ("sig=(:AAAA:)".to_owned(), "malformed"),
        ("sig=:AA_A:".to_owned(), "malformed"),
        (many(&signature), "malformed"),
        ("sig=::".to_owned(), "signature"),
        ("sig=:AAAA:".to_owned(), "signature"),
        (format!("sig=:{}:", "A".repeat(9000)), "too-long"),
    ];
    judge(
        signatures
            .map(|(signature, expected)| (format!("sig={input}"), signature, expected))
            .to_vec(),
    );
    let huge = format!("sig=({});created={NOW}", "\"a\" ".repeat(3000));
    judge(vec![(huge, format!("sig={signature}"), "too-long")]);
}

#[test]
fn components_are_those_of_this_request() {
    let trial = trial(&with(config(), "cover", json!(["@method", "@path"])));
    let plain: &[(&str, &str)] = &[("\"@method\"", "GET"), ("\"@path\"", "/orders")];
    let cases: [(&str, &str, &str); 34] = [
        ("\"x-one\"", "a", "pass"),
        ("\"x-several\"", "a, b,  c", "pass"),
        ("\"x-several\"", "a,b,  c", "signature"),
        ("\"x-folded\"", "padded", "pass"),
        ("\"x-empty\"", "", "pass"),
        ("\"x-several\";bs", ":YQ==:, :YiwgIGM=:", "pass"),
        ("\"x-several\";bs=?0", "", "component-unsupported"),
        ("\"x-dictionary\";key=\"a\"", "1", "pass"),
        ("\"x-dictionary\";key=\"b\"", "2;x=1;y=2", "pass"),
        ("\"x-dictionary\";key=\"c\"", "(a b c)", "pass"),
        ("\"x-dictionary\";key=\"d\"", "?1", "pass"),
        ("\"x-dictionary\";key=\"e\"", "", "component-missing"),
        ("\"x-twice\";key=\"b\"", "2", "component-several"),
        ("\"x-folded\";key=\"a\"", "1", "component-missing"),
        ("\"x-one\";sf", "a", "component-unsupported"),
        ("\"x-one\";tr", "a", "component-unsupported"),
        ("\"x-one\";req", "a", "component-unsupported"),
        ("\"x-one\";bs;key=\"a\"", "a", "component-unsupported"),
        ("\"x-one\";new", "a", "component-unsupported"),
        ("\"x-absent\"", "a", "component-missing"),
        ("\"X-One\"", "a", "component-unknown"),
        ("\"x one\"", "a", "component-unknown"),
        ("\"\"", "a", "component-unknown"),
        ("\"@status\"", "200", "component-unknown"),
        ("\"@signature-params\"", "x", "component-unknown"),
        ("\"@new\"", "x", "component-unknown"),
        ("\"@scheme\"", "http", "pass"),
        ("\"@request-target\"", "/orders?page=2", "pass"),
        ("\"@target-uri\"", "http://api.test/orders?page=2", "pass"),
        ("\"@target-uri\"", "https://api.test/orders?page=2", "signature"),
        ("\"@query-param\";name=\"page\"", "2", "pass"),
        ("\"@query-param\";name=\"pages\"", "2", "component-missing"),
        ("\"@query-param\"", "2", "component-unknown"),
        ("\"@authority\";req", "api.test", "component-unsupported"),
    ];
    for (name, value, expected) in cases {
        let components: Vec<_> = plain.iter().copied().chain([(name, value)]).collect();
        let request = orders()
            .with_header("x-one", "a")
            .with_header("x-several", "  a ")
            .with_header("x-several", "b,  c")
            .with_header("x-folded", "\t padded \t")
            .with_header("x-empty", "")
            .with_header("x-dictionary", "a=1,    b=2;x=1;y=2,   c=(a   b   c), d")
            .with_header("x-twice", "b=1, b=2");
        let request = signed(request, &components, &fresh("ed"));
        assert_eq!(outcome(&trial, request), expected, "{name} {value}");
    }
    let word: Vec<_> = plain.iter().copied().chain([("method", "GET")]).collect();
    assert_eq!(
        outcome(&trial, signed(orders(), &word, &fresh("ed"))),
        "malformed"
    );
}

/// A request, and what is signed of it.
type Signing = (Request, Vec<(String, String)>);

/// Makes one of a size.
type Make = fn(usize) -> Signing;

/// A request of which method, path and these components are signed.
fn signing(request: Request, more: impl IntoIterator<Item = (String, &'static str)>) -> Signing {
    let plain = [
        ("\"@method\"".to_owned(), "GET"),
        ("\"@path\"".to_owned(), "/orders"),
    ];
    let all = plain.into_iter().chain(more);
    (
        request,
        all.map(|(name, value)| (name, value.to_owned())).collect(),
    )
}

/// So many components.
fn numbered(count: usize) -> Signing {
    let mut request = orders();
    for number in 2..count {
        let name = HeaderName::try_from(format!("x-{number}")).unwrap();
        request.append_header(name, HeaderValue::from_static("a"));
    }
    signing(request, (2..count).map(|number| (format!("\"x-{number}\""), "a")))
}

/// A member of a field of this length.
fn dictionary(length: usize) -> Signing {
    let field = format!("a=1, b=\"{}\"", "x".repeat(length - 9));
    let request = orders().with_header("x-dictionary", &field);
    signing(request, [("\"x-dictionary\";key=\"a\"".to_owned(), "1")])
}

/// A parameter of a query of this length.
fn parameter(length: usize) -> Signing {
    let target = format!("/orders?a=1&{}", "b".repeat(length - 4));
    let name = "\"@query-param\";name=\"a\"".to_owned();
    signing(request(Method::GET, &target), [(name, "1")])
}

#[test]
fn what_is_read_before_anything_is_proved_is_bounded() {
    let trial = trial(&with(config(), "cover", json!(["@method", "@path"])));
    let cases: [(Make, usize); 3] = [(numbered, 32), (dictionary, 4096), (parameter, 4096)];
    for (make, most) in cases {
        for (size, is_signed, expected) in [
            (most, true, "pass"),
            (most, false, "signature"),
            (most + 1, true, "component-unsupported"),
            // Nobody looks whether it is signed.
            (most + 1, false, "component-unsupported"),
        ] {
            let (request, components) = make(size);
            let components: Vec<_> = components
                .iter()
                .map(|(name, value)| (&**name, &**value))
                .collect();
            let (input, signature) = written("ed", &components, &fresh("ed"));
            let signature = if is_signed { &signature } else { ":AAAA:" };
            let request = with_fields(request, &format!("sig={input}"), &format!("sig={signature}"));
            assert_eq!(outcome(&trial, request), expected, "{size} {is_signed}");
        }
    }
}

#[test]
fn what_must_be_covered_is_covered_once_and_plainly() {
    let strict = trial(&config());
    let extended = trial(&with(config(), "cover", json!(["@method", "@path", "x-one"])));
    let target = [
        ("\"@method\"", "GET"),
        ("\"@target-uri\"", "http://api.test/orders?page=2"),
    ];
    assert_eq!(outcome(&strict, signed(orders(), &target, &fresh("ed"))), "pass");
    for left in 0..ORDERS.len() {
        let mut components = ORDERS.to_vec();
        let gone = components.remove(left);
        let request = signed(orders(), &components, &fresh("ed"));
        assert_eq!(outcome(&strict, request), "not-covered", "{gone:?}");
        components.push(gone);
        let request = signed(orders(), &components, &fresh("ed"));
        assert_eq!(outcome(&strict, request), "pass", "in another order");
        components.push(gone);
        let request = signed(orders(), &components, &fresh("ed"));
        assert_eq!(outcome(&strict, request), "duplicate-component", "{gone:?}");
    }
    assert_eq!(
        outcome(&strict, signed(orders(), &[], &fresh("ed"))),
        "not-covered"
    );
    let field = |name| {
        let components: Vec<_> = ORDERS.iter().copied().chain([(name, "a")]).collect();
        signed(orders().with_header("x-one", "a"), &components, &fresh("ed"))
    };
    assert_eq!(outcome(&extended, field("\"x-one\"")), "pass");
    // A part of a field is not the field.
    assert_eq!(outcome(&extended, field("\"x-one\";key=\"a\"")), "not-covered");
    assert_eq!(outcome(&extended, field("\"x-one\";bs")), "not-covered");
}

#[test]
fn one_of_several_signatures_is_meant_by_label_or_tag() {
    let labelled = trial(&with(config(), "label", "ours"));
    let tagged = trial(&with(config(), "tag", "gateway"));
    let both = trial(&with(with(config(), "label", "ours"), "tag", "gateway"));
    let (plain, plain_signature) = written("ed", ORDERS, &fresh("ed"));
    let (tag, tag_signature) = written("mac", ORDERS, &format!("{};tag=\"gateway\"", fresh("mac")));
    let of = |one: &str, other: &str| {
        with_fields(
            orders(),
            &format!("{one}={plain}, {other}={tag}"),
            &format!("{one}={plain_signature}, {other}={tag_signature}"),
        )
    };
    assert_eq!(outcome(&labelled, of("ours", "theirs")), "pass");
    assert_eq!(outcome(&labelled, of("a", "b")), "label");
    assert_eq!(outcome(&tagged, of("a", "b")), "pass");
    assert_eq!(outcome(&both, of("theirs", "ours")), "pass");
    assert_eq!(outcome(&both, of("ours", "theirs")), "tag");
    assert_eq!(outcome(&tagged, signed(orders(), ORDERS, &fresh("ed"))), "tag");
}

#[test]
fn bytes_beyond_ascii_are_covered_as_bytes_only() {
    let trial = trial(&with(config(), "cover", json!(["@method", "@path"])));
    let plain = [
        ("\"@method\"", "GET"),
        ("\"@path\"", "/orders"),
        ("\"x-one\"", "ä"),
    ];
    let request = || orders().with_header("x-one", "ä");
    assert_eq!(
        outcome(&trial, signed(request(), &plain, &fresh("ed"))),
        "component-unsupported"
    );
    let bytes = [plain[0], plain[1], ("\"x-one\";bs", ":w6Q=:")];
    assert_eq!(outcome(&trial, signed(request(), &bytes, &fresh("ed"))), "pass");
}

proptest! {
    #[test]
    fn no_fields_make_it_panic_or_pass(
        input in r#"(sig|a)=\(("@?[a-z-]{0,9}"(;[a-z]{1,4}(=[0-9"a-z:?]{1,4})?)? ?){0,3}\)(;[a-z]{1,7}=("ed"|[0-9]{1,12})){0,3}|[ -~]{0,40}"#,
        signature in r"sig=:[A-Za-z0-9+/]{0,8}={0,2}:|[ -~]{0,20}",
    ) {
        let trial = trial(&config());
        let outcome = outcome(&trial, with_fields(orders(), &input, &signature));
        prop_assert_ne!(outcome, "pass");
    }
}
