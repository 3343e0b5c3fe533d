//! A set of networks that is asked whether it contains an address.
//!
//! Not a prefix tree: only membership is asked for, so overlapping and touching networks melt into ranges,
//! and a binary search over a sorted array finds the only range that may contain an address. The array
//! takes a tenth of a tree's memory and seventeen steps for 100,000 networks.

use std::net::IpAddr;

use adamant_filter::Cidr;

/// Addresses of some networks, as ranges that neither overlap nor touch.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Networks {
    v4: Box<[(u32, u32)]>,
    v6: Box<[(u128, u128)]>,
}

impl Networks {
    pub(super) fn of(cidrs: impl IntoIterator<Item = Cidr>) -> Self {
        let (mut v4, mut v6) = (Vec::new(), Vec::new());
        for cidr in cidrs {
            match cidr.network() {
                IpAddr::V4(first) => {
                    let hosts = u32::MAX.checked_shr(cidr.prefix().into()).unwrap_or(0);
                    v4.push((first.to_bits(), first.to_bits() | hosts));
                }
                IpAddr::V6(first) => {
                    let hosts = u128::MAX.checked_shr(cidr.prefix().into()).unwrap_or(0);
                    v6.push((first.to_bits(), first.to_bits() | hosts));
                }
            }
        }
        Self {
            v4: melted(v4, |last| last.checked_add(1)),
            v6: melted(v6, |last| last.checked_add(1)),
        }
    }

    /// Whether the address, which must be canonical, is in one of the networks.
    #[inline]
    pub(super) fn contain(&self, address: IpAddr) -> bool {
        match address {
            IpAddr::V4(address) => contains(&self.v4, address.to_bits()),
            IpAddr::V6(address) => contains(&self.v6, address.to_bits()),
        }
    }

    /// Bytes of memory.
    pub(super) fn bytes(&self) -> u64 {
        u64::try_from(size_of_val(&*self.v4) + size_of_val(&*self.v6)).unwrap_or(u64::MAX)
    }
}

fn contains<T: Ord + Copy>(ranges: &[(T, T)], address: T) -> bool {
    let after = ranges.partition_point(|(first, _)| *first <= address);
    after
        .checked_sub(1)
        .and_then(|index| ranges.get(index))
        .is_some_and(|(_, last)| address <= *last)
}

/// Sorts ranges and joins those that overlap or touch. `next` is the address after another, if there is one.
fn melted<T: Ord + Copy>(mut ranges: Vec<(T, T)>, next: impl Fn(T) -> Option<T>) -> Box<[(T, T)]> {
    ranges.sort_unstable();
    let mut joined: Vec<(T, T)> = Vec::with_capacity(ranges.len());
    for (first, last) in ranges {
        match joined.last_mut() {
            Some((_, end)) if next(*end).is_none_or(|next| first <= next) => *end = last.max(*end),
            Some(_) | None => joined.push((first, last)),
        }
    }
    joined.into()
}
