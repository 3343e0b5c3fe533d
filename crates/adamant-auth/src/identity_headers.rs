//! `identity-headers`: tells the upstream who was proved to be calling.
//!
//! The fields are the gateway's own: whatever a client sends under their names goes no further, even when nobody
//! was proved. Never tells a credential, only what was proved by it.

use std::collections::BTreeMap;

use adamant_filter::prelude::*;
use adamant_filter::serde_json::Value;
use serde::Serializer;

use crate::claim::{ClaimName, with_text};
use crate::escape::encode;
use crate::owned_field::owned_field;

/// Tells the upstream who is calling, in header fields that no client can set.
///
/// Each field is taken out of every request as the client sent it, and set when there is something to tell. What
/// is told has one form: every byte but printable ASCII, and blanks, commas and percent signs, are
/// percent-encoded; several values stand in one field with commas between them. A value of more than 4,096 bytes
/// refuses the request, whatever `on-fault` says: an upstream could believe in what is left out. The step runs on public routes,
/// too, where there may be nobody to tell of. A `when` beside it limits both, so that the fields of a client
/// would pass where it does not hold.
///
/// Example: `identity-headers: { set: { x-consumer: consumer, x-email: "claim:email" } }`
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct IdentityHeadersConfig {
    /// Fields, each with what it tells: `consumer`, `method` (the filter that proved it), `scopes`, `plan`,
    /// `groups`, or `claim:NAME`. A name with dots is a claim of that name or else one below others; a claim
    /// that is a list is told with commas, one that has members not at all.
    /// Example: `{ x-consumer: consumer, x-roles: "claim:realm_access.roles" }`
    #[serde(serialize_with = "lower_case_keys")]
    pub set: BTreeMap<String, String>,
}

/// Names of fields have no case, so the canonical form has none.
fn lower_case_keys<S: Serializer>(
    fields: &BTreeMap<String, String>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    let fields: BTreeMap<_, _> = fields
        .iter()
        .map(|(name, source)| (name.to_ascii_lowercase(), source))
        .collect();
    fields.serialize(serializer)
}

/// Longest value: more does not fit into what upstreams accept as a field.
const VALUE_MAX: usize = 4096;

/// The filter `identity-headers`.
#[derive(Debug)]
pub struct IdentityHeaders {
    identity: MayRead<Identity>,
    fields: Box<[(HeaderName, Told)]>,
}

/// What a field tells.
#[derive(Debug)]
enum Told {
    Consumer,
    Method,
    Scopes,
    Plan,
    Groups,
    Claim(ClaimName),
}

impl Told {
    fn parse(source: &str, path: &str) -> Result<Self, Problem> {
        if let Some(name) = source.strip_prefix("claim:") {
            return ClaimName::parse(name, path).map(Self::Claim);
        }
        match source {
            "consumer" => Ok(Self::Consumer),
            "method" => Ok(Self::Method),
            "scopes" => Ok(Self::Scopes),
            "plan" => Ok(Self::Plan),
            "groups" => Ok(Self::Groups),
            _ => Err(
                Problem::at(path, format!("`{source}` is nothing that can be told"))
                    .with_help("use consumer, method, scopes, plan, groups or claim:NAME"),
            ),
        }
    }

    fn write(&self, identity: &Identity, into: &mut Vec<u8>) {
        match self {
            Self::Consumer => encode(identity.consumer(), into),
            Self::Method => encode(identity.method(), into),
            Self::Plan => encode(identity.plan().unwrap_or_default(), into),
            Self::Scopes => identity.scopes().for_each(|scope| push(scope, into)),
            Self::Groups => identity.groups().for_each(|group| push(group, into)),
            Self::Claim(name) => match name.find(identity) {
                Some(Value::Array(items)) => items.iter().for_each(|item| {
                    with_text(item, |text| push(text, into));
                }),
                Some(single) => {
                    with_text(single, |text| encode(text, into));
                }
                None => {}
            },
        }
    }
}

/// One more value of a list. An empty one would be no value.
fn push(item: &str, into: &mut Vec<u8>) {
    if item.is_empty() {
        return;
    }
    if !into.is_empty() {
        into.push(b',');
    }
    encode(item, into);
}

impl Filter for IdentityHeaders {
    const NAME: &'static str = "identity-headers";
    const ROLE: Role = Role::Shape;
    const REASONS: &'static [&'static Reason] = &[&Self::TOO_LONG];
    type Config = IdentityHeadersConfig;

    fn build(config: IdentityHeadersConfig, boot: &mut Boot<'_>) -> Result<Self, Problem> {
        if config.set.is_empty() {
            return Err(Problem::at("set", "this tells nothing")
                .with_help("name a field and what it tells, such as `x-consumer: consumer`"));
        }
        let mut fields: Vec<(HeaderName, Told)> = Vec::with_capacity(config.set.len());
        for (name, source) in &config.set {
            let path = format!("set.{name}");
            let name = owned_field(name, &path)?;
            if fields.iter().any(|(other, _)| *other == name) {
                let message = format!("`{name}` stands here twice, since names have no case");
                return Err(Problem::at(&path, message));
            }
            fields.push((name, Told::parse(source, &path)?));
        }
        Ok(Self {
            identity: boot.may_read::<Identity>(),
            fields: fields.into(),
        })
    }

    fn hooks(&self, hooks: Hooks<Self>) -> Hooks<Self> {
        hooks.request(Self::clear).attempt(Self::tell)
    }
}

impl IdentityHeaders {
    const TOO_LONG: Reason = Reason::new(
        "too-long",
        403,
        "what the credential says does not fit into a header field",
    );

    /// At once, so that no later filter believes what the client wrote.
    fn clear(&self, request: &mut Request) -> Verdict {
        self.fields
            .iter()
            .for_each(|(name, _)| request.discard_header(name));
        Verdict::Pass
    }

    /// At last, so that it does not matter whether the identity is proved before this step or behind it. The
    /// values go away with the head, so each is an allocation.
    fn tell(&self, attempt: &mut Attempt<'_>) -> Result<(), Fault> {
        let fault = Fault {
            reason: &Self::TOO_LONG,
        };
        for (name, told) in &self.fields {
            attempt.remove_header(name);
            let Some(identity) = attempt.request().peek(&self.identity) else {
                continue;
            };
            let mut value = Vec::new();
            told.write(identity, &mut value);
            if value.is_empty() {
                continue;
            }
            if value.len() > VALUE_MAX {
                return Err(fault);
            }
            // Encoded bytes are printable ASCII, so that no value is refused here.
            let value = HeaderValue::try_from(value).map_err(|_| fault)?;
            attempt.set_header(name.clone(), value);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use adamant_filter::serde_json::json;
    use adamant_filter::trial::{Trial, TrialHost};
    use adamant_filter::{Consumer, Consumers, KnownBy};

    use super::*;

    fn identity() -> Identity {
        let claims = json!({
            "email": "jörg, jr@id.test", "roles": ["a b", "c,d", "", 7, {"x": 1}], "deep": {"team": "blue"},
            "age": 7, "rate": 1.5, "null": null, "long": "x".repeat(5000), "tab": "a\tb\r\nx: y",
        });
        let proved = Identity::new("jwt", "https://id.test/", "joerg")
            .with_scopes(["orders:read", "a b"])
            .with_claims_text(claims.to_string().into_bytes());
        let consumer = Arc::new(Consumer {
            name: "acme".into(),
            plan: Some("gold".into()),
            groups: vec!["partners".into(), "eu".into()],
        });
        let by = KnownBy {
            method: "jwt",
            issuer: "https://id.test/",
            name: "joerg",
        };
        Consumers::new(Vec::new(), [(by, consumer)]).resolve(proved)
    }

    /// The value of a field that tells `source`, when the client sent the same field twice.
    fn told(source: &str, identity: Option<Identity>) -> Result<Option<String>, Fault> {
        let mut trial = Trial::of::<IdentityHeaders>(&json!({"set": {"X-Told": source}}));
        let sent = Request::build(Method::GET, "/").unwrap();
        let sent = sent.with_header("x-told", "mine").with_header("x-told", "mine");
        let mut head = sent.head().clone();
        let mut request = match identity {
            Some(identity) => trial.prepare_with(sent, identity),
            None => trial.prepare(sent),
        };
        assert!(matches!(trial.ask(&mut request), Verdict::Pass));
        let name = HeaderName::from_static("x-told");
        assert_eq!(request.header(&name), None, "no later filter sees it");
        trial.attempt(&request, &mut head, 1, "orders")?;
        let values: Vec<_> = head.headers.get_all(&name).iter().collect();
        assert!(values.len() < 2);
        Ok(values.first().map(|value| value.to_str().unwrap().to_owned()))
    }

    #[test]
    fn what_is_told_has_one_form() {
        let cases = [
            ("consumer", Some("acme")),
            ("method", Some("jwt")),
            ("plan", Some("gold")),
            ("groups", Some("partners,eu")),
            ("scopes", Some("orders:read,a%20b")),
            ("claim:email", Some("j%C3%B6rg%2C%20jr@id.test")),
            ("claim:roles", Some("a%20b,c%2Cd,7")),
            ("claim:deep.team", Some("blue")),
            ("claim:deep", None),
            ("claim:age", Some("7")),
            ("claim:rate", None),
            ("claim:null", None),
            ("claim:absent", None),
            ("claim:tab", Some("a%09b%0D%0Ax:%20y")),
        ];
        for (source, expected) in cases {
            assert_eq!(
                told(source, Some(identity())).unwrap().as_deref(),
                expected,
                "{source}"
            );
            assert_eq!(
                told(source, None).unwrap(),
                None,
                "{source}: what the client sent is gone"
            );
        }
    }

    #[test]
    fn a_value_that_does_not_fit_is_a_fault() {
        let fault = told("claim:long", Some(identity())).unwrap_err();
        assert_eq!(fault.reason, &IdentityHeaders::TOO_LONG);
    }

    #[test]
    fn fields_that_are_not_ours_to_set_are_problems() {
        for set in [
            json!({}),
            json!({"x": "user"}),
            json!({"x": "claim:"}),
            json!({"x y": "consumer"}),
            json!({"x_consumer": "consumer"}),
            json!({"Host": "consumer"}),
            json!({"content-length": "consumer"}),
            json!({"connection": "consumer"}),
            json!({"x-forwarded-for": "consumer"}),
            json!({"X-Told": "consumer", "x-told": "plan"}),
        ] {
            let built = Trial::try_build::<IdentityHeaders>(&json!({ "set": set }), &mut TrialHost::new());
            assert!(built.is_err(), "{set}");
        }
    }
}
