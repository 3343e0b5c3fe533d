//! Answers that change, against a scripted resolver.

use std::sync::Mutex;

use super::*;
use crate::upstream::sample::{self, eventually};
use crate::upstream::{Condition, Picked};

/// Answers from a list that the test may change.
#[derive(Debug, Default)]
struct Scripted(Mutex<Vec<(&'static str, Vec<&'static str>)>>);

impl Lookup for Scripted {
    async fn addresses(&self, host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        let records = self.0.lock().unwrap();
        let (_, answer) = records
            .iter()
            .find(|(name, _)| *name == host)
            .ok_or(io::ErrorKind::NotFound)?;
        Ok(answer
            .iter()
            .map(|ip| SocketAddr::new(ip.parse().unwrap(), port))
            .collect())
    }
}

fn addresses(upstream: &Upstream) -> Vec<String> {
    upstream
        .pool
        .load()
        .endpoints()
        .iter()
        .map(|e| e.address().to_string())
        .collect()
}

/// One look at all names.
async fn round(upstream: &Upstream, names: &mut [Name], lookup: &Arc<Scripted>) {
    if look_up(names, lookup, &upstream.name).await {
        upstream.set_members(&members(&upstream.sources, names));
    }
}

#[tokio::test]
async fn a_change_of_addresses_keeps_what_stays() {
    let upstreams = sample::build(&[sample::upstream(&[
        "a.internal:80*2",
        "10.9.9.9:81",
        "b.internal:82",
    ])]);
    let upstream = sample::first(&upstreams);
    let lookup = Arc::new(Scripted(Mutex::new(vec![(
        "a.internal",
        vec!["10.0.0.2", "10.0.0.1", "10.0.0.1"],
    )])));
    let mut names: Vec<Name> = upstream.sources.iter().filter_map(Name::of).collect();
    assert_eq!(
        addresses(upstream),
        ["10.9.9.9:81"],
        "addresses of the file need no answer"
    );

    round(upstream, &mut names, &lookup).await;
    assert_eq!(addresses(upstream), ["10.0.0.1:80", "10.0.0.2:80", "10.9.9.9:81"]);
    let kept = Arc::clone(&upstream.pool.load().endpoints()[0]);
    assert_eq!(kept.weight(), 2);
    let in_flight = Picked::new(Arc::clone(&kept));
    upstream.set_condition(&kept, Condition::Down);

    *lookup.0.lock().unwrap() = vec![
        ("a.internal", vec!["10.0.0.1", "10.0.0.3"]),
        ("b.internal", vec!["10.0.0.4"]),
    ];
    round(upstream, &mut names, &lookup).await;
    assert_eq!(
        addresses(upstream),
        ["10.0.0.1:80", "10.0.0.3:80", "10.9.9.9:81", "10.0.0.4:82"]
    );
    let pool = upstream.pool.load_full();
    assert!(Arc::ptr_eq(&pool.endpoints()[0], &kept));
    assert_eq!((kept.in_flight(), kept.condition()), (1, Condition::Down));
    let mut ids: Vec<_> = pool.endpoints().iter().map(|e| e.id().0).collect();
    ids.dedup();
    assert_eq!(ids.len(), 4);
    drop(in_flight);
}

#[tokio::test]
async fn the_last_good_answer_is_kept() {
    let upstreams = sample::build(&[sample::upstream(&["a.internal:80"])]);
    let upstream = sample::first(&upstreams);
    let lookup = Arc::new(Scripted::default());
    let mut names: Vec<Name> = upstream.sources.iter().filter_map(Name::of).collect();
    round(upstream, &mut names, &lookup).await;
    assert!(
        upstream.pick(&[]).is_none(),
        "what never resolved has no endpoint"
    );
    assert!(names[0].failing);

    for records in [
        vec![("a.internal", vec!["10.0.0.1"])],
        vec![],
        vec![("a.internal", vec![])],
    ] {
        *lookup.0.lock().unwrap() = records;
        round(upstream, &mut names, &lookup).await;
        assert_eq!(addresses(upstream), ["10.0.0.1:80"]);
    }
    assert!(names[0].failing);
}

#[test]
fn an_answer_is_sorted_bounded_and_of_one_family() {
    let many: Vec<SocketAddr> = (0..200)
        .map(|n| SocketAddr::from(([10, 0, 0, n], 80)))
        .rev()
        .collect();
    assert!(
        usable(many.clone())
            .into_iter()
            .eq(many.into_iter().rev().take(ADDRESSES_MAX))
    );
    for (answer, expected) in [
        (&["::1", "127.0.0.1"][..], &["127.0.0.1:80"][..]),
        (
            &["2001:db8::2", "2001:db8::1"],
            &["[2001:db8::1]:80", "[2001:db8::2]:80"],
        ),
        (&[], &[]),
    ] {
        let answer = answer
            .iter()
            .map(|ip| SocketAddr::new(ip.parse().unwrap(), 80))
            .collect();
        assert!(
            usable(answer)
                .iter()
                .map(ToString::to_string)
                .eq(expected.iter().copied())
        );
    }
}

#[tokio::test]
async fn an_upstream_without_answer_becomes_usable_by_itself() {
    let upstreams = sample::build(&[sample::upstream(&["a.internal:80"])]);
    let upstream = sample::first(&upstreams);
    let lookup = Arc::new(Scripted::default());
    let task = tokio::spawn(keep_resolved(Arc::clone(upstream), Arc::clone(&lookup)));
    tokio::task::yield_now().await;
    lookup.0.lock().unwrap().push(("a.internal", vec!["10.0.0.1"]));
    eventually("it has an endpoint", || upstream.readiness().usable == 1).await;
    task.abort();
}

#[tokio::test]
async fn the_system_knows_localhost() {
    let answer = System.addresses("localhost", 80).await.unwrap();
    assert!(!answer.is_empty() && answer.iter().all(|address| address.ip().is_loopback()));
}
