//! What an answer says about the limit: `RateLimit-Policy`, `RateLimit` and `Retry-After`.
//!
//! Lists of RFC 9651 with one item per limit, as the HTTPAPI draft on rate-limit fields wants them. Never
//! invites a client too early: times are rounded up, and `q` in `w` is no more than the rate grants.

use adamant_filter::prelude::*;

use crate::fields::{NAME_MAX, quoted, units_of};
use crate::gcra::Wait;

const POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
const LIMIT: HeaderName = HeaderName::from_static("ratelimit");
const RETRY_AFTER: HeaderName = HeaderName::from_static("retry-after");

/// The one value of `Retry-After` that fast limits need.
const ONE_SECOND: HeaderValue = HeaderValue::from_static("1");

/// Room for an item: a name with every character escaped, `;r=`, `;t=` and two numbers.
const ITEM_MAX: usize = 2 * NAME_MAX + 2 + 3 + 3 + 20 + 20;

/// What is left to a key after a decision, in one word of the exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Left {
    requests: u32,
    seconds: u32,
    tier: u8,
}

/// The bit that tells a decision from none.
const DECIDED: u64 = 1 << 63;

/// Most seconds that a word holds, half a year: `Retry-After` tells longer times, and is never less.
const SECONDS_MAX: u32 = (1 << 24) - 1;

impl Left {
    /// So many requests now, and more after `next`, by the numbers of this place.
    pub(super) fn new(requests: u64, next: Wait, tier: u8) -> Self {
        let requests = u32::try_from(requests).unwrap_or(u32::MAX) & (u32::MAX >> 1);
        Self {
            requests,
            seconds: u32::try_from(next.seconds()).map_or(SECONDS_MAX, |seconds| seconds.min(SECONDS_MAX)),
            tier,
        }
    }

    pub(super) const fn requests(self) -> u32 {
        self.requests
    }

    /// Which numbers of the limit decided.
    pub(super) const fn tier(self) -> u8 {
        self.tier
    }

    pub(super) fn to_word(self) -> u64 {
        DECIDED | u64::from(self.requests) << 32 | u64::from(self.seconds) << 8 | u64::from(self.tier)
    }

    /// `None` when this limit decided nothing about the exchange.
    pub(super) fn from_word(word: u64) -> Option<Self> {
        let [_, _, _, _, seconds @ .., tier] = word.to_be_bytes();
        let left = Self {
            requests: ((word & !DECIDED) >> 32).try_into().ok()?,
            seconds: u32::from_be_bytes([0, seconds[0], seconds[1], seconds[2]]),
            tier,
        };
        (word & DECIDED != 0).then_some(left)
    }
}

/// `Retry-After` in whole seconds.
pub(super) fn retry_after(wait: Wait) -> (HeaderName, HeaderValue) {
    let value = match wait.seconds() {
        1 => ONE_SECOND,
        seconds => HeaderValue::from(seconds),
    };
    (RETRY_AFTER, value)
}

/// Writes the fields of one limit.
#[derive(Debug)]
pub(super) struct QuotaFields {
    policy: HeaderValue,
    /// The name as a string of RFC 9651, and `;r=`.
    prefix: Box<[u8]>,
    quota: HeaderValue,
}

impl QuotaFields {
    /// For the limit called `name`: `burst` requests in each `refill` time.
    pub(super) fn new(name: &str, burst: u64, refill: Wait) -> Self {
        let name = quoted(name);
        let policy = format!("{name};q={burst};w={}", refill.seconds());
        // A quoted string and numbers are bytes that a field may have.
        let policy = HeaderValue::try_from(policy).unwrap_or(HeaderValue::from_static(""));
        Self {
            policy,
            prefix: format!("{name};r=").into_bytes().into(),
            quota: HeaderValue::from(burst),
        }
    }

    /// The number that the limit allows at once.
    pub(super) const fn quota(&self) -> &HeaderValue {
        &self.quota
    }

    /// Adds this limit to the answer, in front of the others when less is left of it.
    pub(super) fn write(&self, response: &mut Response<'_>, left: Left) {
        let item = self.item(left);
        let Some(first) = response.header(&LIMIT) else {
            response.append_header(POLICY, self.policy.clone());
            response.append_header(LIMIT, item);
            return;
        };
        let in_front = units_of(first.as_bytes()).is_none_or(|others| u64::from(left.requests) <= others);
        join(response, POLICY, &self.policy, in_front);
        join(response, LIMIT, &item, in_front);
    }

    fn item(&self, left: Left) -> HeaderValue {
        let mut item = Item {
            bytes: [0; ITEM_MAX],
            length: 0,
        };
        item.push(&self.prefix);
        item.push_number(left.requests);
        item.push(b";t=");
        item.push_number(left.seconds);
        // See `new`.
        HeaderValue::from_bytes(item.as_slice()).unwrap_or(HeaderValue::from_static(""))
    }
}

/// The fields of older clients: how many, how many are left, and in how many seconds there are more.
#[derive(Debug)]
pub(super) struct LegacyFields {
    limit: HeaderName,
    remaining: HeaderName,
    reset: HeaderName,
}

impl LegacyFields {
    /// What most gateways say.
    pub(super) const X: Self = Self {
        limit: HeaderName::from_static("x-ratelimit-limit"),
        remaining: HeaderName::from_static("x-ratelimit-remaining"),
        reset: HeaderName::from_static("x-ratelimit-reset"),
    };

    /// What drafts before the seventh said.
    pub(super) const TRIPLE: Self = Self {
        limit: HeaderName::from_static("ratelimit-limit"),
        remaining: HeaderName::from_static("ratelimit-remaining"),
        reset: HeaderName::from_static("ratelimit-reset"),
    };

    /// Writes them, unless another limit has written them that has less left.
    pub(super) fn write(&self, response: &mut Response<'_>, left: Left, quota: &HeaderValue) {
        let other = response
            .header(&self.remaining)
            .and_then(|value| value.to_str().ok());
        if other
            .and_then(|value| value.parse().ok())
            .is_some_and(|other: u32| other < left.requests)
        {
            return;
        }
        response.set_header(self.limit.clone(), quota.clone());
        response.set_header(self.remaining.clone(), HeaderValue::from(left.requests));
        response.set_header(self.reset.clone(), HeaderValue::from(left.seconds));
    }
}

/// Puts an item before or behind those of the limits that spoke already, all in one field. Only several
/// limits on one route come here, and only they pay for the copy.
fn join(response: &mut Response<'_>, name: HeaderName, item: &HeaderValue, in_front: bool) {
    let before = response.header_all(&name).map(HeaderValue::as_bytes);
    let items: Vec<&[u8]> = if in_front {
        std::iter::once(item.as_bytes()).chain(before).collect()
    } else {
        before.chain(std::iter::once(item.as_bytes())).collect()
    };
    if let Ok(list) = HeaderValue::from_bytes(&items.join(&b", "[..])) {
        response.set_header(name, list);
    }
}

/// An item being written, on the stack.
struct Item {
    bytes: [u8; ITEM_MAX],
    length: usize,
}

impl Item {
    fn push(&mut self, bytes: &[u8]) {
        if let Some(room) = self.bytes.get_mut(self.length..self.length + bytes.len()) {
            room.copy_from_slice(bytes);
            self.length += bytes.len();
        }
    }

    /// By hand, since the machinery of `format!` would cost more than the whole decision.
    fn push_number(&mut self, mut number: u32) {
        let mut digits = [b'0'; 10];
        let mut first = digits.len();
        for (index, digit) in digits.iter_mut().enumerate().rev() {
            *digit += (number % 10).to_le_bytes()[0];
            number /= 10;
            first = index;
            if number == 0 {
                break;
            }
        }
        self.push(digits.get(first..).unwrap_or_default());
    }

    fn as_slice(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests;
