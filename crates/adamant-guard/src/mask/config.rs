//! What is written under `mask`.
//!
//! Compiles nothing.

use adamant_filter::ShortOrLong;
use adamant_filter::prelude::*;
use serde::Serializer;

use super::detect::Detector;

/// Hides parts of answers: members of JSON by name or path, and card numbers, accounts, addresses and credentials
/// wherever they stand.
///
/// JSON is rewritten member by member: what is not masked leaves byte by byte as it came. The upstream is asked for the
/// answer whole and without a coding; one that is coded all the same is decoded and leaves without its coding (with
/// `stream` it is refused), and one that says that it is JSON and is not is refused. The first rule in the file that fits decides about a value. Answers of the gateway itself are not
/// masked. By default an answer is held until all of it has been looked at, so that a refusal leaves nothing.
///
/// Example: `mask: { rules: [{ detect: [card, iban], as: { keep-last: 4 } }], at-most: 1MiB, longer: refuse, others: refuse }`
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct MaskConfig {
    /// What is masked, and how; up to 32. Example: `[{ fields: [password], as: remove }]`
    pub(super) rules: Vec<RuleConfig>,
    /// The longest body that is masked. With `stream`, the longest single value. Example: `1MiB`
    pub(super) at_most: Size,
    /// What becomes of a longer one: `refuse`, or `pass` without being masked. A coded one is refused. Example: `refuse`
    pub(super) longer: Unreadable,
    /// What becomes of answers of other media types than JSON (and text, with `text`): `refuse`, or `pass` without
    /// being masked. Example: `refuse`
    pub(super) others: Unreadable,
    /// Whether detectors look at answers of the types `text/…`, too. Default: false.
    #[serde(default)]
    pub(super) text: bool,
    /// Whether answers leave while they are masked, with little memory for any length. What is wrong with an answer can
    /// then only break it off. Default: false.
    #[serde(default)]
    pub(super) stream: bool,
}

/// What becomes of an answer that cannot be masked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Unreadable {
    /// It is refused.
    Refuse,
    /// It passes as it is.
    Pass,
}

/// What is masked, how, and for whom it is not.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct RuleConfig {
    /// Names of members at any depth. Example: `[password, ssn]`
    #[serde(default, skip_serializing_if = "Vec::is_empty", serialize_with = "sorted")]
    pub(super) fields: Vec<String>,
    /// Paths to values. Example: `["$.customer.cards[*].number", "$..iban"]`
    #[serde(default, skip_serializing_if = "Vec::is_empty", serialize_with = "sorted")]
    pub(super) paths: Vec<String>,
    /// Whether `Password` is another name than `password`. Default: false.
    #[serde(default)]
    pub(super) match_case: bool,
    /// What is found wherever it stands, in names of members, too. Example: `[card, iban, email, token]`
    #[serde(default, skip_serializing_if = "Vec::is_empty", serialize_with = "sorted")]
    pub(super) detect: Vec<Detector>,
    /// How: `redact` puts `***` in its place, `remove` takes the member away, `refuse` refuses the answer,
    /// `{ keep-last: 4 }` leaves the end, `{ hash: { env: KEY } }` puts a keyed hash in its place, the same for the same
    /// value. Example: `redact`
    #[serde(rename = "as")]
    pub(super) how: How,
    /// Who sees it all the same. Default: nobody. Example: `{ groups: [support-lead] }`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) unless: Option<Unless>,
}

/// The order of these lists means nothing.
fn sorted<T: Ord + Serialize, S: Serializer>(items: &[T], serializer: S) -> Result<S::Ok, S::Error> {
    let mut items: Vec<&T> = items.iter().collect();
    items.sort_unstable();
    items.serialize(serializer)
}

/// How a value is masked.
pub(crate) type How = ShortOrLong<HowWord, HowKey>;

/// How a value is masked, in a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum HowWord {
    /// `***` in its place.
    Redact,
    /// It goes, with the member that it is the value of.
    Remove,
    /// The answer is refused.
    Refuse,
}

/// How a value is masked, with something to say about it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct HowKey {
    /// Characters at its end that stay, of values that are more than twice as long. Example: `4`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) keep_last: Option<u8>,
    /// The key of the hash (HMAC-SHA-256), 32 bytes at least. Example: `{ env: MASK_KEY }`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) hash: Option<SecretRef>,
}

/// Who sees everything. Whoever fits one of the lists does.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Unless {
    /// Members of these groups. Example: `[support-lead]`
    #[serde(default, skip_serializing_if = "Vec::is_empty", serialize_with = "sorted")]
    pub(super) groups: Vec<String>,
    /// These consumers. Example: `[billing]`
    #[serde(default, skip_serializing_if = "Vec::is_empty", serialize_with = "sorted")]
    pub(super) consumers: Vec<String>,
    /// Whoever has one of these scopes. Example: `[pii:read]`
    #[serde(default, skip_serializing_if = "Vec::is_empty", serialize_with = "sorted")]
    pub(super) scopes: Vec<String>,
}
