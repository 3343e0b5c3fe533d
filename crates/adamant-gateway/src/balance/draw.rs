//! Random numbers for choosing between endpoints: fast, per thread, good enough to spread load.
//!
//! Never for anything that an attacker would like to guess.

use std::cell::Cell;
use std::hash::{BuildHasher, Hasher, RandomState};

thread_local! {
    // The standard library's keys come from the operating system; zero would be a fixed point.
    static STATE: Cell<u64> = Cell::new(RandomState::new().build_hasher().finish() | 1);
}

/// The next number of this thread (xorshift64*, Vigna 2016).
pub(crate) fn next() -> u64 {
    STATE.with(|state| {
        let mut x = state.get();
        x ^= x >> 12;
        x ^= x << 25;
        x ^= x >> 27;
        state.set(x);
        x.wrapping_mul(0x2545_F491_4F6C_DD1D)
    })
}

/// The place in `0..len` that 32 random bits stand for, without the division of a remainder.
pub(crate) fn place(bits: u32, len: usize) -> usize {
    ((u64::from(bits) * len as u64) >> 32) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_even_and_inside() {
        let mut counts = [0_u32; 7];
        for _ in 0..70_000 {
            counts[place((next() >> 32) as u32, counts.len())] += 1;
        }
        assert!(
            counts.iter().all(|&count| (9_000..11_000).contains(&count)),
            "{counts:?}"
        );
        assert_eq!(place(u32::MAX, 3), 2);
        assert_eq!(place(u32::MAX, 0), 0);
    }
}
