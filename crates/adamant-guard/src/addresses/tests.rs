//! Tests of the `addresses` filter.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use adamant_filter::Cidr;
use adamant_filter::serde_json::{Value, json};
use adamant_filter::trial::{Outcome, Trial, TrialHost};
use proptest::prelude::*;

use super::*;

fn ask(trial: &Trial, client: &str) -> Outcome {
    trial.request(
        Request::build(Method::GET, "/")
            .unwrap()
            .from_client(client.parse().unwrap()),
    )
}

fn problem(config: &Value) -> Problem {
    let mut host = TrialHost::new()
        .with_file("empty.txt", "# nobody\n\n")
        .with_file("wrong.txt", "10.0.0.0/8\n# fine\n10.0.0.1/8 # not fine\n")
        .with_file("binary.txt", b"10.0.0.0/8\n\xff\n");
    let problems = Trial::try_build::<Addresses>(config, &mut host).expect_err("it is broken");
    problems.iter().next().unwrap().clone()
}

#[test]
fn only_listed_networks_pass() {
    let trial = Trial::of::<Addresses>(&json!({"allow": ["192.0.2.0/24", "2001:db8::/32", "203.0.113.9"]}));
    for client in ["192.0.2.0", "192.0.2.255", "2001:db8:ffff::1", "203.0.113.9"] {
        ask(&trial, client).passes();
    }
    for client in [
        "192.0.1.255",
        "192.0.3.0",
        "2001:db7::1",
        "2001:db9::",
        "203.0.113.8",
        "::1",
        "0.0.0.0",
    ] {
        assert_eq!(
            ask(&trial, client).denied("addresses.outside").reason.status(),
            403
        );
    }
}

#[test]
fn a_denied_network_wins_over_an_allowed_one() {
    let trial = Trial::of::<Addresses>(&json!({"allow": ["10.0.0.0/8"], "deny": ["10.6.0.0/16", "::/0"]}));
    ask(&trial, "10.5.0.1").passes();
    assert_eq!(
        ask(&trial, "10.6.0.1").denied("addresses.denied").reason.status(),
        403
    );
    ask(&trial, "11.0.0.1").denied("addresses.outside");
    ask(&trial, "2001:db8::1").denied("addresses.denied");
}

#[test]
fn without_an_allowed_network_everyone_else_passes() {
    let trial = Trial::of::<Addresses>(&json!({"deny": ["192.0.2.0/24"]}));
    ask(&trial, "192.0.2.1").denied("addresses.denied");
    ask(&trial, "192.0.3.1").passes();
    ask(&trial, "2001:db8::1").passes();
}

#[test]
fn an_ipv4_address_inside_ipv6_is_the_ipv4_address() {
    let trial = Trial::of::<Addresses>(&json!({"allow": ["192.0.2.0/24"]}));
    ask(&trial, "::ffff:192.0.2.7").passes();
    ask(&trial, "::ffff:192.0.3.7").denied("addresses.outside");
    let trial = Trial::of::<Addresses>(&json!({"allow": ["::/0"]}));
    ask(&trial, "::ffff:192.0.2.7").denied("addresses.outside");
}

#[test]
fn a_file_has_one_network_per_line_and_enters_the_digest() {
    let text = "# office\r\n192.0.2.0/24\r\n\r\n  2001:db8::/32 # lab\n203.0.113.9";
    let mut host = TrialHost::new().with_file("lists/office.txt", text);
    let trial = Trial::with_host::<Addresses>(&json!({"allow": {"file": "lists/office.txt"}}), &mut host);
    for client in ["192.0.2.1", "2001:db8::1", "203.0.113.9"] {
        ask(&trial, client).passes();
    }
    ask(&trial, "203.0.113.10").denied("addresses.outside");
    assert_eq!(trial.built().needs.files.len(), 1);
    assert_eq!(
        trial.built().needs.reserved,
        [("networks", Size::from_bytes(2 * 8 + 32))]
    );
}

#[test]
fn a_configuration_that_means_nothing_is_refused_at_its_place() {
    let cases = [
        (json!({}), Some("")),
        (json!({"allow": []}), Some("allow")),
        (json!({"allow": ["10.0.0.0/8"], "deny": []}), Some("deny")),
        (json!({"allow": {"file": "empty.txt"}}), Some("allow")),
        (json!({"deny": {"file": "wrong.txt"}}), Some("deny")),
        (json!({"deny": {"file": "binary.txt"}}), Some("deny")),
    ];
    for (config, path) in cases {
        assert_eq!(problem(&config).path(), path, "{config}");
    }
    for config in [
        json!({"allow": ["10.0.0.0/33"]}),
        json!({"allow": "10.0.0.0/8"}),
        json!({"allow": {"path": "x"}}),
        json!({"allow": {"file": "absent.txt"}}),
    ] {
        let _ = problem(&config);
    }
    let wrong = problem(&json!({"deny": {"file": "wrong.txt"}}));
    assert!(
        wrong.message().starts_with("`wrong.txt`, line 3: `10.0.0.1/8`"),
        "{}",
        wrong.message()
    );
    assert!(wrong.help().is_some());
}

#[test]
fn the_order_of_a_list_means_nothing() {
    let canonical = |config: Value| {
        let node = adamant_filter::Node::from_json(&config);
        let config: AddressesConfig = adamant_filter::decode(&node).unwrap();
        adamant_filter::serde_json::to_value(&config).unwrap()
    };
    let one = canonical(json!({"allow": ["10.0.0.0/8", "192.0.2.1"]}));
    assert_eq!(one, canonical(json!({"allow": ["192.0.2.1/32", "10.0.0.0/8"]})));
    let file = json!({"deny": {"file": "a.txt"}});
    assert_eq!(canonical(file.clone()), file);
}

#[test]
fn the_ends_of_the_address_space_are_ordinary() {
    let trial = Trial::of::<Addresses>(&json!({"allow": ["0.0.0.0/1", "128.0.0.0/1", "ffff::/16"]}));
    for client in [
        "0.0.0.0",
        "127.255.255.255",
        "128.0.0.0",
        "255.255.255.255",
        "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
    ] {
        ask(&trial, client).passes();
    }
    ask(&trial, "fffe:ffff::").denied("addresses.outside");
}

#[test]
fn a_hundred_thousand_networks_take_less_than_a_megabyte() {
    let every_other = (0..100_000_u32).map(|n| Ipv4Addr::from_bits(n << 9));
    let networks = Networks::of(every_other.map(|first| format!("{first}/24").parse::<Cidr>().unwrap()));
    assert_eq!(networks.bytes(), 800_000);
    assert!(networks.contain(IpAddr::from(Ipv4Addr::from_bits((99_999 << 9) + 255))));
    assert!(!networks.contain(IpAddr::from(Ipv4Addr::from_bits((99_999 << 9) + 256))));
}

/// Networks and addresses that lie close together.
fn near(v4: bool) -> impl Strategy<Value = (IpAddr, u8)> {
    let top: u8 = if v4 { 32 } else { 128 };
    (
        any::<u8>(),
        prop::sample::select(vec![0_u8, 1, 200]),
        top - 9..=top,
    )
        .prop_map(move |(low, high, prefix)| {
            let address = if v4 {
                IpAddr::from(Ipv4Addr::new(high, 0, 0, low))
            } else {
                IpAddr::from(Ipv6Addr::from_bits(u128::from(high) << 120 | u128::from(low)))
            };
            (address, prefix)
        })
}

proptest! {
    #[test]
    fn ranges_contain_what_one_of_the_networks_contains(
        networks in prop::collection::vec(any::<bool>().prop_flat_map(near), 0..20),
        addresses in prop::collection::vec(any::<bool>().prop_flat_map(near), 0..60),
    ) {
        let cidr = |(address, prefix): &(IpAddr, u8)| {
            adamant_filter::Cidr::from_str(&ipnet::IpNet::new(*address, *prefix).unwrap().trunc().to_string()).unwrap()
        };
        let cidrs: BTreeSet<Cidr> = networks.iter().map(cidr).collect();
        let networks = Networks::of(cidrs.iter().copied());
        for (address, _) in addresses {
            prop_assert_eq!(networks.contain(address), cidrs.iter().any(|cidr| cidr.contains(address)), "{}", address);
        }
    }
}
