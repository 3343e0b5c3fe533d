//! Checks of origins on loopback.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use adamant_policy::config;
use tokio::runtime::Handle;

use crate::upstream::sample::origin::{Authority, Origin, Speech};
use crate::upstream::sample::{self, eventually};
use crate::upstream::{Condition, Upstreams};

fn checked(endpoints: &[&Origin], checks: config::Health) -> Upstreams {
    let addresses: Vec<String> = endpoints
        .iter()
        .map(|origin| origin.address.to_string())
        .collect();
    let addresses: Vec<&str> = addresses.iter().map(String::as_str).collect();
    sample::build(&[config::Upstream {
        health: Some(checks),
        ..sample::upstream(&addresses)
    }])
}

fn conditions(upstreams: &Upstreams) -> Vec<Condition> {
    upstreams.endpoints().map(|endpoint| endpoint.condition).collect()
}

#[tokio::test]
async fn an_endpoint_leaves_and_returns_as_its_answers_change() {
    let (steady, flapping) = (Origin::start(Speech::H1).await, Origin::start(Speech::H1).await);
    let upstreams = checked(&[&steady, &flapping], sample::checks());
    let upstream = sample::first(&upstreams);
    assert_eq!(conditions(&upstreams), [Condition::Unknown; 2]);
    assert_eq!(upstream.readiness().usable, 2, "unknown endpoints are used");
    let _background = upstreams.start(&Handle::current());
    eventually("both are up", || conditions(&upstreams) == [Condition::Up; 2]).await;

    flapping.answers(503);
    eventually("one is down", || {
        conditions(&upstreams) == [Condition::Up, Condition::Down]
    })
    .await;
    for _ in 0..10 {
        assert_eq!(upstream.pick(&[]).unwrap().address(), steady.address);
    }

    flapping.answers(204);
    eventually("both are up again", || {
        conditions(&upstreams) == [Condition::Up; 2]
    })
    .await;
    let picked: Vec<_> = (0..2).map(|_| upstream.pick(&[]).unwrap().address()).collect();
    assert!(picked.contains(&flapping.address));
}

#[tokio::test]
async fn when_all_are_down_there_is_none() {
    let origin = Origin::start(Speech::H1).await;
    let upstreams = checked(&[&origin], sample::checks());
    let upstream = sample::first(&upstreams);
    let _background = upstreams.start(&Handle::current());
    origin.answers(500);
    eventually("nothing is usable", || upstream.readiness().usable == 0).await;
    assert!(upstream.pick(&[]).is_none());
    assert_eq!(upstream.readiness().known, 1);
}

#[tokio::test]
async fn a_probe_asks_what_the_file_says_on_a_connection_of_its_own() {
    let origin = Origin::start(Speech::H1).await;
    let checks = config::Health {
        host: Some("health.example.com".into()),
        ..sample::checks()
    };
    let upstreams = checked(&[&origin], checks);
    let background = upstreams.start(&Handle::current());
    eventually("it was asked twice", || origin.requests().len() >= 2).await;
    drop(background);
    assert_eq!(
        origin.requests()[0],
        "GET /healthz?deep=1 HTTP/1.1\r\nHost: health.example.com\r\n\
         user-agent: adamant-health-check\r\n\r\n"
    );
    assert!(usize::from(origin.connections()) >= origin.requests().len());

    let upstreams = checked(&[&origin], sample::checks());
    let _background = upstreams.start(&Handle::current());
    eventually("the upstream's name is the host", || {
        origin
            .requests()
            .iter()
            .any(|request| request.contains("Host: orders\r\n"))
    })
    .await;
}

#[tokio::test]
async fn http2_endpoints_are_checked_over_http2() {
    let origin = Origin::start(Speech::H2).await;
    let upstream = config::Upstream {
        health: Some(sample::checks()),
        protocol: config::UpstreamProtocol::H2,
        ..sample::upstream(&[&origin.address.to_string()])
    };
    let upstreams = sample::build(&[upstream]);
    let _background = upstreams.start(&Handle::current());
    eventually("it is up", || conditions(&upstreams) == [Condition::Up]).await;
}

#[tokio::test]
async fn an_endpoint_that_accepts_and_says_nothing_is_down() {
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = silent.local_addr().unwrap().to_string();
    let checks = config::Health {
        timeout: Duration::from_millis(10),
        ..sample::checks()
    };
    let upstreams = sample::build(&[config::Upstream {
        health: Some(checks),
        ..sample::upstream(&[&address])
    }]);
    let _background = upstreams.start(&Handle::current());
    eventually("it is down", || conditions(&upstreams) == [Condition::Down]).await;
}

#[tokio::test]
async fn a_probe_verifies_certificates_as_requests_do() {
    let (ours, other) = (Authority::new(), Authority::new());
    let tls = ours.acceptor(&["billing.internal"], b"http/1.1");
    let origin = Origin::start(Speech::H1Tls(tls)).await;
    for (authority, expected) in [(ours, Condition::Up), (other, Condition::Down)] {
        let upstream = sample::secure(&[&origin.address.to_string()], "billing.internal");
        let upstream = config::Upstream {
            health: Some(sample::checks()),
            ..upstream
        };
        let read = |_: &Path| Ok(authority.pem.clone().into_bytes());
        let upstreams = Upstreams::build(&[upstream], &read).unwrap();
        let _background = upstreams.start(&Handle::current());
        eventually("the check has decided", || conditions(&upstreams) == [expected]).await;
    }
}

#[tokio::test]
async fn checks_end_with_their_owner() {
    let origin = Origin::start(Speech::H1).await;
    let upstreams = checked(&[&origin], sample::checks());
    let background = upstreams.start(&Handle::current());
    let upstream = Arc::downgrade(sample::first(&upstreams));
    eventually("it was asked", || !origin.requests().is_empty()).await;
    drop(background);
    drop(upstreams);
    eventually("nobody holds the upstream", || upstream.strong_count() == 0).await;
}
