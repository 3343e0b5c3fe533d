//! Rules that hold for every algorithm, then what is special to each.

use adamant_policy::config::Balance::{LeastRequests, RoundRobin};
use proptest::prelude::*;

use super::*;
use crate::upstream::{Condition, Picked, sample};

const ALL: [config::Balance; 2] = [RoundRobin, LeastRequests];

fn positions(kind: config::Balance, endpoints: &[Arc<Endpoint>], picks: usize) -> Vec<usize> {
    let algorithm = balance(kind, endpoints);
    (0..picks)
        .map(|_| algorithm.pick(endpoints, &[]).unwrap())
        .collect()
}

fn counts(endpoints: usize, positions: &[usize]) -> Vec<usize> {
    (0..endpoints)
        .map(|p| positions.iter().filter(|&&position| position == p).count())
        .collect()
}

proptest! {
    #[test]
    fn a_down_endpoint_is_never_chosen_and_an_up_one_always_found(
        weights in prop::collection::vec(1..50_u32, 1..20),
        down_before in prop::collection::vec(any::<bool>(), 20),
        down_after in prop::collection::vec(any::<bool>(), 20),
        tried in prop::collection::vec(0..20_usize, 0..4),
    ) {
        for kind in ALL {
            let endpoints = sample::endpoints(&weights);
            let set = |down: &[bool]| {
                for (endpoint, down) in endpoints.iter().zip(down) {
                    endpoint.set_condition(if *down { Condition::Down } else { Condition::Up });
                }
            };
            set(&down_before);
            let algorithm = balance(kind, &endpoints);
            // Conditions may change between the making and the use of an algorithm.
            set(&down_after);
            let tried: Vec<_> =
                tried.iter().filter_map(|&position| endpoints.get(position)).map(|e| e.id()).collect();
            let candidates: Vec<_> = endpoints
                .iter()
                .zip(&down_before)
                .filter(|(e, was_down)| e.is_usable() && !**was_down)
                .map(|(e, _)| e.id())
                .collect();
            for _ in 0..20 {
                let picked = algorithm.pick(&endpoints, &tried).map(|position| &endpoints[position]);
                match picked {
                    None => prop_assert!(candidates.is_empty()),
                    Some(endpoint) => {
                        prop_assert!(endpoint.is_usable());
                        let fresh = candidates.iter().any(|id| !tried.contains(id));
                        prop_assert!(!fresh || !tried.contains(&endpoint.id()), "{kind:?} took a tried one");
                    }
                }
            }
        }
    }

    #[test]
    fn round_robin_is_exact_over_a_cycle(weights in prop::collection::vec(1..40_u32, 1..12)) {
        let endpoints = sample::endpoints(&weights);
        let cycle = weights.iter().sum::<u32>() as usize;
        let found = counts(endpoints.len(), &positions(RoundRobin, &endpoints, cycle));
        prop_assert_eq!(found, weights.iter().map(|&weight| weight as usize).collect::<Vec<_>>());
    }

    #[test]
    fn requests_that_never_end_are_shared_by_weight(
        weights in prop::collection::vec(1..9_u32, 1..8),
        rounds in 1..9_u32,
    ) {
        let endpoints = sample::endpoints(&weights);
        let algorithm = balance(LeastRequests, &endpoints);
        let held: Vec<_> = (0..weights.iter().sum::<u32>() * rounds)
            .map(|_| algorithm.pick(&endpoints, &[]).unwrap())
            .map(|position| Picked::new(Arc::clone(&endpoints[position])))
            .collect();
        let per_weight: Vec<_> =
            endpoints.iter().map(|e| f64::from(e.in_flight()) / f64::from(e.weight())).collect();
        let (least, most) = per_weight.iter().fold((f64::MAX, 0.0_f64), |(a, b), &x| (a.min(x), b.max(x)));
        prop_assert!(most - least <= 1.0, "{per_weight:?}");
        drop(held);
        prop_assert!(endpoints.iter().all(|e| e.in_flight() == 0));
    }
}

#[test]
fn shares_follow_weights_while_all_are_idle() {
    for kind in ALL {
        for endpoints in [vec![1, 3, 6], vec![1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 2, 8]] {
            let total = f64::from(endpoints.iter().sum::<u32>());
            let found = counts(
                endpoints.len(),
                &positions(kind, &sample::endpoints(&endpoints), 20_000),
            );
            for (weight, found) in endpoints.iter().zip(found) {
                let expected = f64::from(*weight) / total * 20_000.0;
                assert!(
                    (found as f64 / expected - 1.0).abs() < 0.2,
                    "{kind:?} {weight}: {found}"
                );
            }
        }
    }
}

#[test]
fn the_share_of_a_down_endpoint_goes_to_all_others() {
    let endpoints = sample::endpoints(&[1, 1, 1, 1]);
    endpoints[1].set_condition(Condition::Down);
    assert_eq!(
        counts(4, &positions(RoundRobin, &endpoints, 300)),
        [100, 0, 100, 100]
    );
}

#[test]
fn the_only_endpoint_is_tried_again() {
    for kind in ALL {
        let endpoints = sample::endpoints(&[1]);
        let algorithm = balance(kind, &endpoints);
        assert_eq!(
            algorithm.pick(&endpoints, &[endpoints[0].id()]),
            Some(0),
            "{kind:?}"
        );
        endpoints[0].set_condition(Condition::Down);
        assert_eq!(algorithm.pick(&endpoints, &[]), None, "{kind:?}");
    }
}

#[test]
fn many_endpoints_are_compared_two_by_two() {
    let endpoints = sample::endpoints(&[1; 32]);
    let busy: Vec<_> = (0..100)
        .flat_map(|_| &endpoints[..16])
        .map(|e| Picked::new(Arc::clone(e)))
        .collect();
    let chosen = counts(32, &positions(LeastRequests, &endpoints, 10_000));
    let to_busy: usize = chosen[..16].iter().sum();
    // Both of two draws are busy in a quarter of all cases.
    assert!((2_000..3_000).contains(&to_busy), "{to_busy}");
    drop(busy);
}

#[test]
fn no_endpoints_are_no_answer() {
    for kind in ALL {
        assert_eq!(balance(kind, &[]).pick(&[], &[]), None, "{kind:?}");
    }
}

#[test]
fn threads_share_a_cycle_without_losing_turns() {
    let endpoints = sample::endpoints(&[1, 2, 5]);
    let algorithm = balance(RoundRobin, &endpoints);
    let all: Vec<usize> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..4)
            .map(|_| {
                scope.spawn(|| {
                    (0..2_000)
                        .filter_map(|_| algorithm.pick(&endpoints, &[]))
                        .collect()
                })
            })
            .collect();
        threads
            .into_iter()
            .flat_map(|thread| thread.join().unwrap_or_else(|_| Vec::new()))
            .collect()
    });
    assert_eq!(counts(3, &all), [1_000, 2_000, 5_000]);
}
