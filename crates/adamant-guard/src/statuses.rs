//! Statuses of answers as a file lists them: `404`, or `5xx` for all that begin with that digit.
//!
//! Knows no meaning of any status.

use std::collections::BTreeSet;

use adamant_filter::prelude::*;

/// A set of statuses from 200 to 599.
#[derive(Clone, Debug, Default)]
pub(crate) struct Statuses {
    /// One bit for each status.
    bits: [u64; 10],
}

impl Statuses {
    /// # Errors
    /// When a word is no status between `first` and 599, or stands for nothing that another one does not stand for.
    pub(crate) fn of(key: &str, written: &BTreeSet<String>, first: u16) -> Result<Self, Problem> {
        let mut statuses = Self::default();
        if written.is_empty() {
            return Err(Problem::at(key, "an empty list fits no answer"));
        }
        for word in written {
            let class = word
                .strip_suffix("xx")
                .and_then(|digit| digit.parse::<u16>().ok());
            let class = class.filter(|class| (1..=5).contains(class));
            let range = match (class, word.parse::<u16>()) {
                (Some(class), _) => class * 100..=class * 100 + 99,
                (None, Ok(status)) => status..=status,
                (None, Err(_)) => 0..=0,
            };
            if *range.start() < first || *range.end() > 599 {
                let problem = Problem::at(key, format!("`{word}` is no status from {first} to 599"));
                return Err(
                    problem.with_help("write a number such as `404`, or `5xx` for all from 500 to 599")
                );
            }
            for status in range {
                if statuses.has(status) && class.is_none() {
                    return Err(Problem::at(key, format!("`{word}` is in this list already")));
                }
                if let Some(bits) = statuses.bits.get_mut(usize::from(status / 64)) {
                    *bits |= 1 << (status % 64);
                }
            }
        }
        Ok(statuses)
    }

    pub(crate) fn has(&self, status: u16) -> bool {
        let bits = self.bits.get(usize::from(status / 64)).copied().unwrap_or(0);
        bits & 1 << (status % 64) != 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(words: &[&str]) -> BTreeSet<String> {
        words.iter().map(|word| (*word).to_owned()).collect()
    }

    #[test]
    fn a_list_holds_what_it_says() {
        let statuses = Statuses::of("s", &set(&["5xx", "404"]), 400).unwrap();
        for (status, held) in [
            (404, true),
            (405, false),
            (499, false),
            (500, true),
            (599, true),
            (200, false),
        ] {
            assert_eq!(statuses.has(status), held, "{status}");
        }
        for wrong in [
            &[][..],
            &["xx"],
            &["6xx"],
            &["99"],
            &["200"],
            &["1xx"],
            &["abc"],
            &["600"],
            &["65536"],
            &["655xx"],
        ] {
            assert!(Statuses::of("s", &set(wrong), 400).is_err(), "{wrong:?}");
        }
    }
}
