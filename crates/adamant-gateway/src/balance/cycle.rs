//! The order in which weighted endpoints take turns, computed once.
//!
//! Not an algorithm by itself: round robin walks along it, least requests draws from it.

use std::sync::Arc;

use crate::upstream::{Endpoint, EndpointId};

/// Longest cycle (256 KiB). 65 endpoints of any weight up to 1000 fit exactly; beyond that shares are
/// rounded to one part in this many.
const TURNS_MAX: u64 = 65_536;

/// Turns times endpoints, so that making a cycle takes some milliseconds at most.
const WORK_MAX: u64 = 8_000_000;

/// Positions of endpoints, each as often as its weight says and as far apart as that allows.
#[derive(Debug)]
pub(super) struct Cycle {
    turns: Box<[u32]>,
}

impl Cycle {
    /// The cycle of these weights, by position; weight 0 takes no turn.
    pub(super) fn of(weights: impl Iterator<Item = u32>) -> Self {
        let mut shares: Vec<Share> = (0..)
            .zip(weights)
            .filter(|&(_, weight)| weight > 0)
            .map(|(position, weight)| Share {
                position,
                weight: i64::from(weight),
                credit: 0,
            })
            .collect();
        reduce(&mut shares);
        let total: i64 = shares.iter().map(|share| share.weight).sum();
        let turns = (0..total).filter_map(|_| next_turn(&mut shares, total)).collect();
        Self { turns }
    }

    /// Number of turns.
    pub(super) fn len(&self) -> usize {
        self.turns.len()
    }

    /// The first endpoint from turn `start` on that is up and not tried; if all that are up were tried, the
    /// first of those.
    pub(super) fn from(
        &self,
        start: usize,
        endpoints: &[Arc<Endpoint>],
        tried: &[EndpointId],
    ) -> Option<usize> {
        let (before, after) = self.turns.split_at_checked(start)?;
        let mut again = None;
        for &position in after.iter().chain(before) {
            let position = position as usize;
            let Some(endpoint) = endpoints.get(position).filter(|e| e.is_usable()) else {
                continue;
            };
            if !tried.contains(&endpoint.id()) {
                return Some(position);
            }
            again = again.or(Some(position));
        }
        again
    }
}

/// What one endpoint is owed while the cycle is made.
struct Share {
    position: u32,
    weight: i64,
    credit: i64,
}

/// Smooth weighted round robin: everyone earns their weight, the richest takes the turn and pays for all.
fn next_turn(shares: &mut [Share], total: i64) -> Option<u32> {
    for share in shares.iter_mut() {
        share.credit += share.weight;
    }
    // Of equals the first shall win; `max_by_key` keeps the last, hence the reverse.
    let richest = shares.iter_mut().rev().max_by_key(|share| share.credit)?;
    richest.credit -= total;
    Some(richest.position)
}

/// Divides by what the weights have in common, then rounds if the cycle would still be too long.
fn reduce(shares: &mut [Share]) {
    let common = shares
        .iter()
        .fold(0, |common, share| greatest_common_divisor(common, share.weight))
        .max(1);
    let total: i64 = shares.iter().map(|share| share.weight / common).sum();
    let longest = longest_for(shares.len());
    for share in shares {
        share.weight /= common;
        if total > longest {
            share.weight = ((share.weight * longest + total / 2) / total).max(1);
        }
    }
}

/// Turns that so many endpoints may share; at least one each.
fn longest_for(endpoints: usize) -> i64 {
    let endpoints = endpoints as u64;
    let turns = (WORK_MAX / endpoints.max(1)).min(TURNS_MAX).max(endpoints);
    i64::try_from(turns).unwrap_or(i64::MAX)
}

fn greatest_common_divisor(a: i64, b: i64) -> i64 {
    if b == 0 {
        a
    } else {
        greatest_common_divisor(b, a % b)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn turns(weights: &[u32]) -> Vec<u32> {
        Cycle::of(weights.iter().copied()).turns.to_vec()
    }

    #[test]
    fn turns_are_spread_and_not_bunched() {
        for (weights, expected) in [
            (&[5, 1, 1][..], &[0, 0, 1, 0, 2, 0, 0][..]),
            (&[1, 1, 1], &[0, 1, 2]),
            (&[1000, 500], &[0, 1, 0]),
            (&[0, 7, 0], &[1]),
            (&[0, 0], &[]),
            (&[], &[]),
        ] {
            assert_eq!(turns(weights), expected, "weights {weights:?}");
        }
    }

    #[test]
    fn a_long_cycle_is_rounded_and_bounded() {
        let weights: Vec<u32> = (0..400).map(|i| 601 + i % 7).collect();
        let cycle = turns(&weights);
        assert!(cycle.len() <= 20_500, "{} turns", cycle.len());
        let total = f64::from(weights.iter().sum::<u32>());
        for (position, weight) in (0..).zip(&weights) {
            let share = cycle.iter().filter(|&&turn| turn == position).count() as f64 / cycle.len() as f64;
            assert!(
                (share * total / f64::from(*weight) - 1.0).abs() < 0.03,
                "position {position}: {share}"
            );
        }
    }

    #[test]
    fn sixty_five_endpoints_of_any_weight_are_exact() {
        let weights: Vec<u32> = (0..65).map(|i| 1000 - i % 2).collect();
        let cycle = turns(&weights);
        for (position, weight) in (0..).zip(&weights) {
            assert_eq!(
                cycle.iter().filter(|&&turn| turn == position).count(),
                *weight as usize
            );
        }
    }
}
