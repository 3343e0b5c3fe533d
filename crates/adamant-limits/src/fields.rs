//! What an answer says about a limit that does not count requests evenly: `RateLimit-Policy`, `RateLimit` and
//! `Retry-After`.
//!
//! Lists of RFC 9651 with one item per limit, as the HTTPAPI draft on rate-limit fields wants them. Knows no limit;
//! never writes a number that a structured field cannot hold.

use adamant_filter::prelude::*;

const POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
const LIMIT: HeaderName = HeaderName::from_static("ratelimit");
const RETRY_AFTER: HeaderName = HeaderName::from_static("retry-after");

/// The value of `Retry-After` that is sent most.
const ONE_SECOND: HeaderValue = HeaderValue::from_static("1");

/// Longest name of a limit that is written.
pub(crate) const NAME_MAX: usize = 64;

/// Largest integer of RFC 9651 §3.3.1.
const INTEGER_MAX: u64 = 999_999_999_999_999;

/// Room for an item: a name with every character escaped, `;qu=` with the longest unit, two keys and numbers.
const ITEM_MAX: usize = 2 * NAME_MAX + 2 + 28 + 2 * (3 + 15);

/// What a limit counts, by the registry of the draft. Requests are what is meant where nothing is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unit {
    Requests,
    ConcurrentRequests,
    ContentBytes,
}

impl Unit {
    const fn parameter(self) -> &'static [u8] {
        match self {
            Self::Requests => b"",
            Self::ConcurrentRequests => b";qu=\"concurrent-requests\"",
            Self::ContentBytes => b";qu=\"content-bytes\"",
        }
    }
}

/// How much a limit allows, in which time if that matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Allowed {
    pub(crate) quota: u64,
    pub(crate) window: Option<u64>,
}

/// How much is left, and the seconds until there is more if that is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Left {
    pub(crate) units: u64,
    pub(crate) seconds: Option<u64>,
}

/// `Retry-After` in whole seconds, at least one: none at all would invite the next refusal.
pub(crate) fn retry_after(seconds: u64) -> (HeaderName, HeaderValue) {
    let value = match seconds {
        0 | 1 => ONE_SECOND,
        seconds => HeaderValue::from(seconds),
    };
    (RETRY_AFTER, value)
}

/// Writes the fields of one limit.
#[derive(Debug)]
pub(crate) struct LimitFields {
    /// The name as a string of RFC 9651.
    name: Box<[u8]>,
    unit: Unit,
}

impl LimitFields {
    /// For the one limit of a step, which has its name.
    pub(crate) fn of_step(boot: &mut Boot<'_>, unit: Unit) -> Self {
        let name = boot.id().to_owned();
        boot.name_limit(&name);
        Self::new(&name, unit)
    }

    /// For the limit called `name`.
    fn new(name: &str, unit: Unit) -> Self {
        Self {
            name: quoted(name).into_bytes().into(),
            unit,
        }
    }

    /// Adds this limit to the answer, in front of the others when less is left of it. The two values are allocated:
    /// what they say is known only now.
    pub(crate) fn write(&self, response: &mut Response<'_>, allowed: Allowed, left: Option<Left>) {
        let first = response.header(&LIMIT).map(HeaderValue::as_bytes);
        let is_less = |left: Left| first.and_then(units_of).is_none_or(|others| left.units <= others);
        let in_front = left.is_some_and(is_less);
        join(response, POLICY, self.policy(allowed), in_front);
        if let Some(left) = left {
            join(response, LIMIT, self.limit(left), in_front);
        }
    }

    fn policy(&self, allowed: Allowed) -> Item {
        let mut item = Item::named(&self.name);
        item.push_number(b";q=", allowed.quota);
        if let Some(window) = allowed.window {
            item.push_number(b";w=", window.max(1));
        }
        item.push(self.unit.parameter());
        item
    }

    fn limit(&self, left: Left) -> Item {
        let mut item = Item::named(&self.name);
        item.push_number(b";r=", left.units);
        if let Some(seconds) = left.seconds {
            item.push_number(b";t=", seconds);
        }
        item
    }
}

/// Puts an item before or behind those of the limits that spoke already, all in one field.
fn join(response: &mut Response<'_>, name: HeaderName, item: Item, in_front: bool) {
    let before: Vec<&[u8]> = response.header_all(&name).map(HeaderValue::as_bytes).collect();
    let item = item.as_slice();
    let value = match (before.is_empty(), in_front) {
        (true, _) => HeaderValue::from_bytes(item),
        (false, true) => HeaderValue::from_bytes(&[&[item], &*before].concat().join(&b", "[..])),
        (false, false) => HeaderValue::from_bytes(&[&*before, &[item]].concat().join(&b", "[..])),
    };
    // A quoted string, numbers and what stood in the field before are bytes that a field may have.
    if let Ok(value) = value {
        response.set_header(name, value);
    }
}

/// The `r` of the first item of a list.
pub(crate) fn units_of(list: &[u8]) -> Option<u64> {
    let at = list.windows(3).position(|window| window == b";r=")?;
    let digits = list.get(at + 3..)?.iter();
    let mut digits = digits.take_while(|byte| byte.is_ascii_digit());
    digits.try_fold(0_u64, |sum, digit| {
        sum.checked_mul(10)?.checked_add(u64::from(digit - b'0'))
    })
}

/// A string of RFC 9651 §3.3.3: printable ASCII in quotes.
pub(crate) fn quoted(name: &str) -> String {
    let mut text = String::from("\"");
    for c in name.chars().filter(|c| (' '..='~').contains(c)).take(NAME_MAX) {
        if c == '"' || c == '\\' {
            text.push('\\');
        }
        text.push(c);
    }
    text.push('"');
    text
}

/// An item being written, on the stack.
struct Item {
    bytes: [u8; ITEM_MAX],
    length: usize,
}

impl Item {
    fn named(name: &[u8]) -> Self {
        let mut item = Self {
            bytes: [0; ITEM_MAX],
            length: 0,
        };
        item.push(name);
        item
    }

    fn push(&mut self, bytes: &[u8]) {
        if let Some(room) = self.bytes.get_mut(self.length..self.length + bytes.len()) {
            room.copy_from_slice(bytes);
            self.length += bytes.len();
        }
    }

    /// A parameter and its number, by hand: the machinery of `format!` would cost more than the decision.
    fn push_number(&mut self, parameter: &[u8], number: u64) {
        self.push(parameter);
        let mut number = number.min(INTEGER_MAX);
        let mut digits = [b'0'; 15];
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
mod tests {
    use adamant_filter::Request;
    use pingora_http::ResponseHeader;

    use super::*;

    fn told(limits: &[(&str, Unit, Allowed, Option<Left>)]) -> [String; 2] {
        let request = Request::build(Method::GET, "/").unwrap();
        let mut head = ResponseHeader::build(200, None).unwrap();
        let mut response = Response::new(&mut head, &request, false);
        for (name, unit, allowed, left) in limits {
            LimitFields::new(name, *unit).write(&mut response, *allowed, *left);
        }
        [POLICY, LIMIT].map(|name| {
            let values = response.header_all(&name);
            let values: Vec<&str> = values.map(|value| value.to_str().unwrap()).collect();
            values.join(" | ")
        })
    }

    const fn allowed(quota: u64, window: Option<u64>) -> Allowed {
        Allowed { quota, window }
    }

    const fn left(units: u64, seconds: Option<u64>) -> Option<Left> {
        Some(Left { units, seconds })
    }

    #[test]
    fn items_are_those_of_the_draft() {
        let cases = [
            (
                (
                    "month",
                    Unit::Requests,
                    allowed(10_000, Some(86_400)),
                    left(9, Some(3_600)),
                ),
                ["\"month\";q=10000;w=86400", "\"month\";r=9;t=3600"],
            ),
            (
                (
                    "at once",
                    Unit::ConcurrentRequests,
                    allowed(20, None),
                    left(0, None),
                ),
                ["\"at once\";q=20;qu=\"concurrent-requests\"", "\"at once\";r=0"],
            ),
            (
                ("a\"\\ü", Unit::ContentBytes, allowed(1, Some(0)), None),
                ["\"a\\\"\\\\\";q=1;w=1;qu=\"content-bytes\"", ""],
            ),
            (
                (
                    "many",
                    Unit::Requests,
                    allowed(u64::MAX, None),
                    left(u64::MAX, Some(u64::MAX)),
                ),
                [
                    "\"many\";q=999999999999999",
                    "\"many\";r=999999999999999;t=999999999999999",
                ],
            ),
        ];
        for (limit, expected) in cases {
            assert_eq!(told(&[limit]), expected);
        }
        let long = "\"".repeat(200);
        let [policy, limit] = told(&[(
            &long,
            Unit::ConcurrentRequests,
            allowed(u64::MAX, Some(u64::MAX)),
            left(1, None),
        )]);
        assert!(policy.ends_with("999999999999999;qu=\"concurrent-requests\"") && limit.ends_with(";r=1"));
    }

    #[test]
    fn several_limits_share_a_field_and_the_tightest_stands_in_front() {
        let requests = Unit::Requests;
        let limits = [
            ("a", requests, allowed(9, None), left(5, None)),
            ("b", requests, allowed(9, None), left(3, None)),
            ("bytes", Unit::ContentBytes, allowed(9, None), None),
            ("c", requests, allowed(9, None), left(4, None)),
        ];
        let expected = [
            "\"b\";q=9, \"a\";q=9, \"bytes\";q=9;qu=\"content-bytes\", \"c\";q=9",
            "\"b\";r=3, \"a\";r=5, \"c\";r=4",
        ];
        assert_eq!(told(&limits), expected);
    }

    #[test]
    fn nobody_is_told_to_come_again_at_once() {
        for (seconds, text) in [(0, "1"), (1, "1"), (2, "2"), (86_400, "86400")] {
            assert_eq!(retry_after(seconds).1, text);
        }
    }
}
