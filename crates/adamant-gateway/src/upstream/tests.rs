//! Building upstreams, their peers, and the facade.

use std::io;
use std::time::Duration;

use pingora::upstreams::peer::{H1UpgradePolicy, Peer};
use proptest::prelude::*;

use super::sample::origin::{Authority, Origin, Speech};
use super::sample::{build, eventually, first, secure, upstream};
use super::*;

#[test]
fn every_option_of_a_peer_is_set_from_the_file() {
    let plain = build(&[upstream(&["127.0.0.1:80"])]);
    let picked = first(&plain).pick(&[]).unwrap();
    let (peer, options) = (picked.peer(), &picked.peer().options);
    assert!(!peer.is_tls());
    assert_eq!((peer.sni.as_str(), peer.group_key), ("", 1));
    assert_eq!(options.connection_timeout, Some(Duration::from_millis(500)));
    assert_eq!(options.total_connection_timeout, Some(Duration::from_millis(500)));
    assert_eq!(options.read_timeout, Some(Duration::from_secs(60)));
    assert_eq!(options.write_timeout, Some(Duration::from_secs(60)));
    assert_eq!(options.idle_timeout, Some(Duration::from_secs(50)));
    assert_eq!(options.alpn.get_max_http_version(), 1);
    assert!(options.max_h2_streams >= 100);
    assert!(options.verify_cert && options.verify_hostname);
    assert_eq!(
        options.http_upstream_request_policy.h1_upgrade,
        H1UpgradePolicy::Deny
    );

    let h2 = config::Upstream {
        protocol: config::UpstreamProtocol::H2,
        ..upstream(&["127.0.0.1:80"])
    };
    let h2 = build(&[h2]);
    let alpn = first(&h2).pick(&[]).unwrap().peer().options.alpn.clone();
    assert_eq!((alpn.get_max_http_version(), alpn.get_min_http_version()), (2, 2));
}

#[test]
fn one_attempt_may_have_terms_of_its_own() {
    let upstreams = build(&[upstream(&["127.0.0.1:80"])]);
    let picked = first(&upstreams).pick(&[]).unwrap();
    let usual = picked.to_peer(AttemptTerms::default());
    assert_eq!(usual.reuse_hash(), picked.peer().reuse_hash());
    assert_eq!(
        usual.options.http_upstream_request_policy.h1_upgrade,
        H1UpgradePolicy::Deny
    );

    let left = Some(Duration::from_secs(1));
    let peer = picked.to_peer(AttemptTerms {
        websocket: true,
        left,
    });
    assert_eq!(
        peer.options.http_upstream_request_policy.h1_upgrade,
        H1UpgradePolicy::WebSocketOnly
    );
    assert_eq!(peer.options.connection_timeout, Some(Duration::from_millis(500)));
    assert_eq!(
        (peer.options.read_timeout, peer.options.write_timeout),
        (left, left)
    );
    assert_eq!(
        peer.reuse_hash(),
        usual.reuse_hash(),
        "terms do not split the pool"
    );
}

#[test]
fn no_two_upstreams_share_connections() {
    let same = [upstream(&["127.0.0.1:80"]), upstream(&["127.0.0.1:80"])];
    let upstreams = build(&same);
    let hashes: Vec<_> = upstreams
        .iter()
        .map(|upstream| upstream.pick(&[]).unwrap().peer().reuse_hash())
        .collect();
    assert_ne!(hashes[0], hashes[1]);
}

#[test]
fn a_picked_endpoint_is_in_flight_until_it_is_dropped() {
    let upstreams = build(&[upstream(&["127.0.0.1:80", "127.0.0.1:81"])]);
    let upstream = upstreams.get(UpstreamId(0)).unwrap();
    let in_flight = || {
        upstreams
            .endpoints()
            .map(|endpoint| endpoint.in_flight)
            .collect::<Vec<_>>()
    };
    let picked = upstream.pick(&[]).unwrap();
    let again = upstream.pick(&[picked.id()]).unwrap();
    assert_ne!(again.id(), picked.id());
    assert_eq!(in_flight(), [1, 1]);
    drop(picked);
    assert_eq!(in_flight(), [0, 1]);
    drop(again);
    assert_eq!(in_flight(), [0, 0]);
    assert!(upstreams.get(UpstreamId(1)).is_none());
}

#[test]
fn bad_authorities_are_errors_with_a_name() {
    let pem = Authority::new().pem;
    let twice = format!("{pem}{pem}");
    let broken = pem.replacen("MII", "MIA", 1);
    for (file, expected) in [
        (Ok(twice.as_str()), None),
        (
            Err(io::ErrorKind::NotFound),
            Some("upstream orders: cannot read ca.pem: entity not found"),
        ),
        (Ok(""), Some("upstream orders: ca.pem contains no certificate")),
        (
            Ok("hello"),
            Some("upstream orders: ca.pem contains no certificate"),
        ),
        (
            Ok(broken.as_str()),
            Some("upstream orders: certificate 1 in ca.pem is malformed"),
        ),
    ] {
        let read = |_: &Path| file.map(|text| text.as_bytes().to_vec()).map_err(io::Error::from);
        let built = Upstreams::build(&[secure(&["127.0.0.1:443"], "billing.internal")], &read);
        assert_eq!(built.err().map(|error| error.to_string()).as_deref(), expected);
    }
    let torn = |_: &Path| Ok(b"-----BEGIN CERTIFICATE-----\nMIIB".to_vec());
    let error = Upstreams::build(&[secure(&["127.0.0.1:443"], "a")], &torn).unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("upstream orders: ca.pem is not a PEM file: "),
        "{error}"
    );
}

#[test]
fn a_name_that_cannot_be_verified_is_an_error() {
    let pem = Authority::new().pem;
    for (name, is_fine) in [
        ("billing.internal", true),
        ("127.0.0.1", true),
        ("::1", true),
        ("", false),
        ("a b", false),
        ("*.internal", false),
    ] {
        let built = Upstreams::build(&[secure(&["127.0.0.1:443"], name)], &|_| {
            Ok(pem.clone().into_bytes())
        });
        assert_eq!(built.is_ok(), is_fine, "{name}: {built:?}");
    }
}

#[test]
fn the_systems_authorities_are_asked_for_only_where_they_are_trusted() {
    assert_eq!(
        build(&[upstream(&["127.0.0.1:80"])]).ca_file(),
        Some(client::NO_AUTHORITIES)
    );
    let pem = Authority::new().pem;
    let own = Upstreams::build(&[secure(&["127.0.0.1:443"], "a")], &|_| {
        Ok(pem.clone().into_bytes())
    });
    assert_eq!(own.unwrap().ca_file(), Some(client::NO_AUTHORITIES));
}

#[tokio::test]
async fn the_built_in_origin_runs_only_where_it_is_named() {
    let echo = config::Upstream {
        origin: config::Origin::Echo,
        ..upstream(&[])
    };
    let upstreams = build(&[echo, upstream(&["127.0.0.1:80"])]);
    let background = upstreams.start(&Handle::current());
    assert_eq!(background.len(), 1);
    let picked = first(&upstreams).pick(&[]).unwrap();
    let client = Client::new(upstreams.ca_file());
    let call = client::Call {
        peer: picked.peer(),
        method: http::Method::GET,
        target: "/status/202",
        host: "a",
        fields: &[],
        body: bytes::Bytes::new(),
        answer_max: Some(10_000),
        deadline: Duration::from_secs(5),
        keep: client::Keep::Never,
    };
    assert_eq!(client.send(call).await.unwrap().status, 202);

    let none = build(&[upstream(&["127.0.0.1:80"])]);
    assert!(none.start(&Handle::current()).is_empty());
}

#[tokio::test]
async fn a_name_is_resolved_in_the_background() {
    let origin = Origin::start(Speech::H1).await;
    let upstreams = build(&[upstream(&[&format!("localhost:{}", origin.address.port())])]);
    assert!(
        first(&upstreams).pick(&[]).is_none(),
        "boot does not wait for an answer"
    );
    assert_eq!(first(&upstreams).readiness(), Readiness { usable: 0, known: 0 });
    let _background = upstreams.start(&Handle::current());
    eventually("localhost has an endpoint", || {
        first(&upstreams).readiness().usable == 1
    })
    .await;
    assert_eq!(first(&upstreams).pick(&[]).unwrap().address(), origin.address);
}

#[test]
fn picks_go_on_while_addresses_and_conditions_change() {
    let upstreams = build(&[upstream(&["127.0.0.1:1", "127.0.0.1:2", "127.0.0.1:3"])]);
    let upstream = first(&upstreams);
    let members: Vec<Member> = (1..=3)
        .map(|port| Member {
            address: SocketAddr::from(([127, 0, 0, 1], port)),
            weight: 1,
        })
        .collect();
    let all: Vec<Arc<Endpoint>> = upstream.pool.load().endpoints().to_vec();
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                for _ in 0..5_000 {
                    assert!(upstream.pick(&[]).is_some());
                }
            });
        }
        for round in 0..500 {
            upstream.set_members(&members[..1 + round % 3]);
            // The first endpoint is always a member and never down, so there is always one to pick.
            let endpoint = &all[1 + round % 2];
            let condition = if round % 4 < 2 {
                Condition::Down
            } else {
                Condition::Up
            };
            upstream.set_condition(endpoint, condition);
        }
    });
    assert!(all.iter().all(|endpoint| endpoint.in_flight() == 0));
    assert!(upstreams.endpoints().all(|endpoint| endpoint.in_flight == 0));
}

proptest! {
    #[test]
    fn attempts_reach_every_endpoint_before_any_twice(
        weights in prop::collection::vec(1..1000_u32, 1..9),
        least_requests in any::<bool>(),
    ) {
        let addresses: Vec<String> =
            (1..).zip(&weights).map(|(port, weight)| format!("127.0.0.1:{port}*{weight}")).collect();
        let addresses: Vec<&str> = addresses.iter().map(String::as_str).collect();
        let balance =
            if least_requests { config::Balance::LeastRequests } else { config::Balance::RoundRobin };
        let upstreams = build(&[config::Upstream { balance, ..upstream(&addresses) }]);
        let mut tried = Vec::new();
        for _ in &weights {
            let picked = first(&upstreams).pick(&tried).unwrap();
            prop_assert!(!tried.contains(&picked.id()));
            tried.push(picked.id());
        }
        prop_assert!(first(&upstreams).pick(&tried).is_some());
    }
}
