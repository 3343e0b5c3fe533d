//! What is asked of the server about limits, and what its answer means: the two ends of `charge.lua`.

use std::sync::LazyLock;
use std::time::Duration;

use adamant_filter::{Charge, Charged, Measure};
use redis::{Script, ScriptInvocation};

/// One step of the server over all limits of a request.
static CHARGE: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("charge.lua")));

/// Numbers of the answer for each limit.
const NUMBERS: usize = 4;

/// The script, so that a connection can hand it over before the first request.
pub(super) fn script() -> &'static Script {
    &CHARGE
}

/// The question. Each key is put behind `prefix`.
pub(super) fn ask(prefix: &[u8], charges: &[Charge]) -> ScriptInvocation<'static> {
    let mut question = CHARGE.prepare_invoke();
    for charge in charges {
        question.key([prefix, &charge.key].concat());
        let (word, length, size) = match charge.measure {
            Measure::Even { every, burst } => ("even", every.as_nanos().max(1), burst),
            Measure::Sliding { at_most, window } => ("sliding", window.as_micros().max(1), at_most),
            Measure::Until { at_most, ends } => ("until", u128::from(ends.0) * 1000, at_most),
        };
        question.arg(word).arg(length.to_string()).arg(size);
        question.arg(charge.cost).arg(charge.at_least);
    }
    question
}

/// What the numbers say; `None` when they are not an answer to so many charges.
pub(super) fn read(numbers: &[i64], charges: usize) -> Option<Vec<Charged>> {
    let (answers, rest) = numbers.as_chunks::<NUMBERS>();
    if answers.len() != charges || !rest.is_empty() {
        return None;
    }
    answers.iter().map(charged).collect()
}

fn charged(numbers: &[i64; NUMBERS]) -> Option<Charged> {
    let [granted, remaining, micros, nanos] = *numbers;
    let time = u64::try_from(micros).ok().map(Duration::from_micros);
    let time = time.map(|time| time + Duration::from_nanos(u64::try_from(nanos).unwrap_or_default()));
    Some(match u64::try_from(granted) {
        Ok(granted) => Charged::Pass {
            granted,
            remaining: u64::try_from(remaining).ok()?,
            next: time?,
        },
        Err(_) => Charged::Deny { wait: time },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_read_whole_or_not_at_all() {
        let pass = Charged::Pass {
            granted: 2,
            remaining: 3,
            next: Duration::from_nanos(4_005),
        };
        let never = Charged::Deny { wait: None };
        assert_eq!(read(&[2, 3, 4, 5, -1, 0, -1, 0], 2), Some(vec![pass, never]));
        for (numbers, charges) in [
            (&[][..], 1),
            (&[1, 2, 3], 1),
            (&[1, 2, 3, 4], 2),
            (&[1, -2, 3, 4], 1),
        ] {
            assert_eq!(read(numbers, charges), None, "{numbers:?}");
        }
    }
}
