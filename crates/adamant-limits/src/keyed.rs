//! Whose request it is, for the limits of this crate: the key that the file names, and what happens without one.
//!
//! Counts nothing.

use adamant_filter::prelude::*;

/// Keys that are remembered where the file does not say how many.
const REMEMBER: u32 = 50_000;

/// Most keys that may be remembered: three gigabytes at worst.
const REMEMBER_MAX: u32 = 16_000_000;

/// What happens to a request without a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Missing {
    /// It is refused.
    Deny,
    /// All of them are one key.
    Share,
    /// It passes uncounted.
    Skip,
}

pub(crate) const fn remember() -> u32 {
    REMEMBER
}

pub(crate) const fn yes() -> bool {
    true
}

/// A request lacks the header field or claim that is counted by.
pub(crate) const KEY_MISSING: Reason =
    Reason::new("key-missing", 400, "the request lacks what it is counted by");

/// Nobody proved who the consumer is, and the file lets that pass.
pub(crate) const UNIDENTIFIED: Reason =
    Reason::new("unidentified", 503, "the caller to be counted is not known");

/// A compiled key.
#[derive(Debug)]
pub(crate) struct Keyed {
    key: Key,
    missing: Option<Missing>,
}

impl Keyed {
    /// Compiles what the file says.
    ///
    /// # Errors
    /// When it does not say what happens to requests without a part of the key, or says so in vain.
    pub(crate) fn new(by: &KeyBy, missing: Option<Missing>, boot: &mut Boot<'_>) -> Result<Self, Problem> {
        let may_lack = |word: &String| word.starts_with("header:") || word.starts_with("claim:");
        match (by.words().iter().find(|word| may_lack(word)), missing) {
            (Some(word), None) => {
                let problem = Problem::at("by", format!("what happens to a request without `{word}`?"));
                Err(problem.with_help("add `missing: deny`, `missing: share` or `missing: skip`"))
            }
            (None, Some(_)) => {
                let problem = Problem::at("missing", "no part of this key can be missing");
                Err(problem.with_help("remove it"))
            }
            _ => Ok(Self {
                key: boot.key(by)?,
                missing,
            }),
        }
    }

    /// Calls `with` with the key of a request. No key has no bytes, so that is what all without one share.
    ///
    /// # Errors
    /// What becomes of a request without one.
    pub(crate) fn of<R>(&self, request: &Request, with: impl FnOnce(&[u8]) -> R) -> Result<R, Verdict> {
        self.key.of(request, |key| match (key, self.missing) {
            (Some(key), _) => Ok(with(key)),
            (None, Some(Missing::Share)) => Ok(with(&[])),
            (None, Some(Missing::Skip)) => Err(Verdict::Pass),
            (None, Some(Missing::Deny)) => Err(KEY_MISSING.deny()),
            // The authentication above faulted, and the file lets its faults pass. Whether this one passes, too,
            // is for the file to say.
            (None, None) => Err(UNIDENTIFIED.fault()),
        })
    }
}

/// Checks the key `remember`.
///
/// # Errors
/// When it is out of bounds.
pub(crate) fn check_remember(remember: u32) -> Result<usize, Problem> {
    if !(1..=REMEMBER_MAX).contains(&remember) {
        return Err(Problem::at(
            "remember",
            format!("remember from 1 to {REMEMBER_MAX} keys"),
        ));
    }
    Ok(usize::try_from(remember).unwrap_or(usize::MAX))
}

/// Seeds that make the hash of a table unpredictable.
pub(crate) fn seeds(boot: &mut Boot<'_>) -> [u64; 2] {
    let random = boot.random();
    [(); 2].map(|()| {
        let mut seed = [0; 8];
        random.fill(&mut seed);
        u64::from_ne_bytes(seed)
    })
}
