//! `query`: which parameters an address may have, how often, and with which values.
//!
//! Changes nothing: what passes reaches the upstream as it was sent.

use std::borrow::Cow;
use std::collections::BTreeMap;

use adamant_filter::prelude::*;

use crate::pattern::Pattern;

/// Checks the query of requests.
///
/// Names and values are read as forms write them, so that `%70age=1` is the parameter `page`. No parameter may stand there
/// twice unless the file says so: two readers of the same query could take different ones.
///
/// Example: `query: { parameters: { page: { pattern: "[0-9]{1,4}" } }, others: deny }`
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct QueryConfig {
    /// Parameters by their names. Default: none. Example: `{ page: { required: true } }`
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    parameters: BTreeMap<String, ParameterConfig>,
    /// Whether there may be others: `pass` or `deny`. Example: `deny`
    others: Others,
    /// How many parameters there may be. Default: 32. Example: `8`
    #[serde(default = "at_most")]
    at_most: u16,
}

const fn at_most() -> u16 {
    32
}

/// What becomes of parameters that are not listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
enum Others {
    Pass,
    Deny,
}

/// A parameter.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct ParameterConfig {
    /// Whether it has to be there. Default: false.
    #[serde(default)]
    required: bool,
    /// Whether it may be there several times. Default: false.
    #[serde(default)]
    repeat: bool,
    /// A regular expression that the whole value fits. Default: any value. Example: `[a-z]{2}`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pattern: Option<String>,
}

/// Parameters may be compared with each other, so their number is bounded.
const PARAMETERS_MAX: u16 = 256;

/// The filter.
#[derive(Debug)]
pub(crate) struct Query {
    parameters: Box<[Parameter]>,
    others: Others,
    at_most: usize,
}

#[derive(Debug)]
struct Parameter {
    name: Box<[u8]>,
    required: bool,
    repeat: bool,
    pattern: Option<Pattern>,
}

impl Filter for Query {
    const NAME: &'static str = "query";
    const ROLE: Role = Role::Guard;
    const REASONS: &'static [&'static Reason] = &[
        &Self::AMBIGUOUS,
        &Self::MALFORMED,
        &Self::MISSING,
        &Self::REPEATED,
        &Self::TOO_MANY,
        &Self::UNFIT,
        &Self::UNKNOWN,
    ];
    type Config = QueryConfig;

    fn build(config: QueryConfig, _boot: &mut Boot<'_>) -> Result<Self, Problem> {
        if config.at_most > PARAMETERS_MAX {
            return Err(Problem::at(
                "at-most",
                format!("at most {PARAMETERS_MAX} parameters are compared"),
            ));
        }
        let required = config
            .parameters
            .values()
            .filter(|parameter| parameter.required)
            .count();
        if required > usize::from(config.at_most) {
            return Err(Problem::at(
                "at-most",
                "there are more parameters that have to be there",
            ));
        }
        let mut parameters = Vec::with_capacity(config.parameters.len());
        for (name, written) in &config.parameters {
            let path = format!("parameters.{name}.pattern");
            let pattern = written.pattern.as_ref().map(|text| Pattern::of(&path, text));
            parameters.push(Parameter {
                name: name.as_bytes().into(),
                required: written.required,
                repeat: written.repeat,
                pattern: pattern.transpose()?,
            });
        }
        Ok(Self {
            parameters: parameters.into(),
            others: config.others,
            at_most: usize::from(config.at_most),
        })
    }

    fn hooks(&self, hooks: Hooks<Self>) -> Hooks<Self> {
        hooks.request(Self::check)
    }
}

impl Query {
    const AMBIGUOUS: Reason = Reason::new(
        "ambiguous",
        400,
        "a semicolon in the query could end a parameter or not",
    );
    const MALFORMED: Reason = Reason::new("malformed", 400, "an escape in the query is incomplete");
    const MISSING: Reason = Reason::new("missing", 400, "a parameter is missing in the query");
    const REPEATED: Reason = Reason::new("repeated", 400, "a parameter stands in the query several times");
    const TOO_MANY: Reason = Reason::new("too-many", 400, "the query has too many parameters");
    const UNFIT: Reason = Reason::new(
        "unfit",
        400,
        "the value of a parameter is not of the expected form",
    );
    const UNKNOWN: Reason = Reason::new("unknown", 400, "a parameter of the query is not known here");

    fn check(&self, request: &mut Request) -> Verdict {
        match self.judge(request.query().unwrap_or_default().as_bytes()) {
            Ok(()) => Verdict::Pass,
            Err(reason) => reason.deny(),
        }
    }

    fn judge(&self, query: &[u8]) -> Result<(), &'static Reason> {
        if query.contains(&b';') {
            return Err(&Self::AMBIGUOUS);
        }
        let pairs = || query.split(|byte| *byte == b'&').filter(|pair| !pair.is_empty());
        if pairs().take(self.at_most + 1).count() > self.at_most {
            return Err(&Self::TOO_MANY);
        }
        for (position, pair) in pairs().enumerate() {
            let name = name_of(pair)?;
            let known = self.parameters.iter().find(|parameter| *parameter.name == *name);
            if known.is_none() && self.others == Others::Deny {
                return Err(&Self::UNKNOWN);
            }
            if let Some(pattern) = known.and_then(|parameter| parameter.pattern.as_ref())
                && !pattern.fits(&value_of(pair)?)
            {
                return Err(&Self::UNFIT);
            }
            value_of(pair)?;
            let may_repeat = known.is_some_and(|parameter| parameter.repeat);
            if !may_repeat
                && pairs()
                    .take(position)
                    .any(|other| name_of(other).is_ok_and(|other| other == name))
            {
                return Err(&Self::REPEATED);
            }
        }
        let is_there = |parameter: &Parameter| {
            pairs().any(|pair| name_of(pair).is_ok_and(|name| *name == *parameter.name))
        };
        let mut required = self.parameters.iter().filter(|parameter| parameter.required);
        if required.all(is_there) {
            Ok(())
        } else {
            Err(&Self::MISSING)
        }
    }
}

fn name_of(pair: &[u8]) -> Result<Cow<'_, [u8]>, &'static Reason> {
    decoded(pair.split(|byte| *byte == b'=').next().unwrap_or_default())
}

fn value_of(pair: &[u8]) -> Result<Cow<'_, [u8]>, &'static Reason> {
    let equals = pair.iter().position(|byte| *byte == b'=');
    decoded(equals.and_then(|at| pair.get(at + 1..)).unwrap_or_default())
}

/// As receivers of forms read it. Allocates where there is an escape.
fn decoded(written: &[u8]) -> Result<Cow<'_, [u8]>, &'static Reason> {
    if !written.iter().any(|byte| matches!(byte, b'%' | b'+')) {
        return Ok(Cow::Borrowed(written));
    }
    let mut text = Vec::with_capacity(written.len());
    let mut rest = written;
    while let Some((first, after)) = rest.split_first() {
        let (byte, after) = match (first, after) {
            (b'%', [high, low, after @ ..]) => {
                let digits = [char::from(*high).to_digit(16), char::from(*low).to_digit(16)];
                let [Some(high), Some(low)] = digits else {
                    return Err(&Query::MALFORMED);
                };
                (u8::try_from(high << 4 | low).unwrap_or_default(), after)
            }
            (b'%', _) => return Err(&Query::MALFORMED),
            (b'+', _) => (b' ', after),
            _ => (*first, after),
        };
        text.push(byte);
        rest = after;
    }
    Ok(Cow::Owned(text))
}

#[cfg(test)]
mod tests {
    use adamant_filter::serde_json::{Value, json};
    use adamant_filter::trial::{Trial, TrialHost};

    use super::*;

    /// The code of the refusal; nothing when the request passes.
    fn code(config: &Value, target: &str) -> &'static str {
        match Trial::of::<Query>(config)
            .request(Request::build(Method::GET, target).unwrap())
            .verdict
        {
            Verdict::Pass => "",
            Verdict::Deny(denial) => denial.reason.code(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_query_has_what_the_file_says_and_nothing_twice() {
        let strict = json!({"parameters": {
            "page": {"pattern": "[0-9]{1,3}", "required": true}, "tag": {"repeat": true}, "a b": {},
        }, "others": "deny", "at-most": 4});
        let open = json!({"others": "pass"});
        let cases = [
            (&strict, "/?page=1", ""),
            (&strict, "/?%70age=%31&&tag=a&tag=b", ""),
            (&strict, "/?page=1&a+b=2", ""),
            (&strict, "/", "missing"),
            (&strict, "/?page", "unfit"),
            (&strict, "/?page=1x", "unfit"),
            (&strict, "/?page=1%0a", "unfit"),
            (&strict, "/?page=1&page=2", "repeated"),
            (&strict, "/?page=1&p%61ge=2", "repeated"),
            (&strict, "/?page=1&x=2", "unknown"),
            (&strict, "/?page=1&Page=2", "unknown"),
            (&strict, "/?page=1&tag=a&tag=b&tag=c&tag=d", "too-many"),
            (&strict, "/?page=1;x=2", "ambiguous"),
            (&strict, "/?page=%3", "malformed"),
            (&open, "/?a=1&b=%zz", "malformed"),
            (&open, "/?a=1&b=2", ""),
            (&open, "/?a&a", "repeated"),
            (&open, "/?", ""),
        ];
        for (config, target, expected) in cases {
            assert_eq!(code(config, target), expected, "{target}");
        }
    }

    #[test]
    fn what_can_never_be_is_refused_at_boot() {
        for config in [
            json!({"others": "deny", "at-most": 257}),
            json!({"others": "deny", "at-most": 0, "parameters": {"a": {"required": true}}}),
            json!({"others": "deny", "parameters": {"a": {"pattern": "("}}}),
        ] {
            assert!(
                Trial::try_build::<Query>(&config, &mut TrialHost::new()).is_err(),
                "{config}"
            );
        }
    }
}
