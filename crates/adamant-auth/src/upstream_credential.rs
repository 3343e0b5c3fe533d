//! `upstream-credential`: the gateway's own credential for the upstream, in place of whatever the client sent.
//!
//! Never prints it: the value is marked as sensitive, and problems with it do not repeat it.

use adamant_filter::prelude::*;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Serializer;

use crate::owned_field::owned_field;

/// Sends the gateway's own credential to the upstream; exactly one of `bearer`, `basic` and `header`.
///
/// What the client sent in the same field goes no further, on any try.
///
/// Example: `upstream-credential: { bearer: { env: ORDERS_TOKEN } }`
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum UpstreamCredentialConfig {
    /// `Authorization: Bearer` with this token. Example: `{ env: ORDERS_TOKEN }`
    Bearer(SecretRef),
    /// `Authorization: Basic` with this user and password (RFC 7617).
    /// Example: `{ user: gateway, password: { file: secrets/orders } }`
    Basic(BasicCredential),
    /// Another field. Example: `{ name: x-api-key, value: { env: ORDERS_KEY } }`
    Header(HeaderCredential),
}

/// A user and a password.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct BasicCredential {
    /// The user; it has no colon. Example: `gateway`
    pub user: String,
    /// Where the password is found. Example: `{ env: ORDERS_PASSWORD }`
    pub password: SecretRef,
}

/// A field with a secret as its value.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct HeaderCredential {
    /// The name of the field. Example: `x-api-key`
    #[serde(serialize_with = "lower_case")]
    pub name: String,
    /// Where its value is found. Example: `{ env: ORDERS_KEY }`
    pub value: SecretRef,
    /// What stands before the value, blanks included; nothing by default. Example: `"Token "`
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub prefix: String,
}

fn lower_case<S: Serializer>(name: &str, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&name.to_ascii_lowercase())
}

const AUTHORIZATION: HeaderName = HeaderName::from_static("authorization");

/// The filter `upstream-credential`.
#[derive(Debug)]
pub struct UpstreamCredential {
    field: HeaderName,
    /// `None` where secrets are withheld.
    value: Option<HeaderValue>,
}

impl Filter for UpstreamCredential {
    const NAME: &'static str = "upstream-credential";
    const ROLE: Role = Role::Shape;
    const REASONS: &'static [&'static Reason] = &[&Self::WITHHELD];
    type Config = UpstreamCredentialConfig;

    fn build(config: UpstreamCredentialConfig, boot: &mut Boot<'_>) -> Result<Self, Problem> {
        let (field, path, value) = match config {
            UpstreamCredentialConfig::Bearer(token) => {
                let token = boot.secret(&token)?;
                (AUTHORIZATION, "bearer", with_prefix(b"Bearer ", token.reveal()))
            }
            UpstreamCredentialConfig::Basic(BasicCredential { user, password }) => {
                check_user(&user)?;
                let password = boot.secret(&password)?;
                (AUTHORIZATION, "basic.password", basic(&user, password.reveal())?)
            }
            UpstreamCredentialConfig::Header(HeaderCredential { name, value, prefix }) => {
                let field = owned_field(&name, "header.name")?;
                check_prefix(&prefix)?;
                let value = boot.secret(&value)?;
                (
                    field,
                    "header.value",
                    with_prefix(prefix.as_bytes(), value.reveal()),
                )
            }
        };
        Ok(Self {
            field,
            value: value.map(|value| sensitive(&value, path)).transpose()?,
        })
    }

    fn hooks(&self, hooks: Hooks<Self>) -> Hooks<Self> {
        hooks.attempt(Self::present)
    }
}

impl UpstreamCredential {
    const WITHHELD: Reason = Reason::new("withheld", 503, "the credential for the upstream is not at hand");

    fn present(&self, attempt: &mut Attempt<'_>) -> Result<(), Fault> {
        match &self.value {
            // Name and value share their bytes with the filter.
            Some(value) => attempt.set_header(self.field.clone(), value.clone()),
            None => {
                attempt.remove_header(&self.field);
                return Err(Fault {
                    reason: &Self::WITHHELD,
                });
            }
        }
        Ok(())
    }
}

fn with_prefix(prefix: &[u8], secret: Option<&[u8]>) -> Option<Vec<u8>> {
    secret.map(|secret| [prefix, secret].concat())
}

/// RFC 7617 §2: user and password are one text, and the first colon is where the password begins.
fn basic(user: &str, password: Option<&[u8]>) -> Result<Option<Vec<u8>>, Problem> {
    let Some(password) = password else { return Ok(None) };
    if password.iter().any(u8::is_ascii_control) {
        return Err(unfit("basic.password"));
    }
    let pair = STANDARD.encode([user.as_bytes(), b":", password].concat());
    Ok(with_prefix(b"Basic ", Some(pair.as_bytes())))
}

fn check_user(user: &str) -> Result<(), Problem> {
    if user.is_empty() || user.chars().any(|one| one == ':' || one.is_control()) {
        return Err(Problem::at(
            "basic.user",
            "a user has neither a colon nor control characters, and a name",
        ));
    }
    Ok(())
}

fn check_prefix(prefix: &str) -> Result<(), Problem> {
    let printable = prefix.bytes().all(|byte| matches!(byte, b' '..=b'~'));
    if printable && !prefix.starts_with(' ') {
        return Ok(());
    }
    Err(Problem::at(
        "header.prefix",
        "a prefix is printable ASCII and does not begin with a blank",
    ))
}

/// A value that neither logs nor the compression of HTTP/2 may remember.
fn sensitive(bytes: &[u8], path: &str) -> Result<HeaderValue, Problem> {
    let is_fit = bytes.iter().all(|byte| matches!(byte, b' '..=b'~')) && !bytes.ends_with(b" ");
    let value = HeaderValue::from_bytes(bytes).ok().filter(|_| is_fit);
    let mut value = value.ok_or_else(|| unfit(path))?;
    value.set_sensitive(true);
    Ok(value)
}

fn unfit(path: &str) -> Problem {
    let problem = Problem::at(path, "the secret has bytes that no header field can carry").hidden();
    problem.with_help("use printable ASCII, without a blank or a line end at its end")
}

#[cfg(test)]
mod tests {
    use adamant_filter::serde_json::{Value, json};
    use adamant_filter::trial::{Trial, TrialHost};

    use super::*;

    const CLIENTS: &str = "Bearer of-the-client";

    fn host(secret: &[u8]) -> TrialHost {
        TrialHost::new().with_secret(SecretRef::Env("S".to_owned()), secret)
    }

    /// What the upstream sees in the field.
    fn seen(config: &Value, secret: &[u8], field: &'static str) -> Vec<String> {
        let trial = Trial::with_host::<UpstreamCredential>(config, &mut host(secret));
        let sent = Request::build(Method::GET, "/").unwrap();
        let sent = sent.with_header(field, CLIENTS).with_header(field, CLIENTS);
        let mut head = sent.head().clone();
        let request = trial.prepare(sent);
        for number in [1, 2] {
            trial.attempt(&request, &mut head, number, "orders").unwrap();
        }
        let values = head.headers.get_all(field).iter();
        values
            .inspect(|value| assert!(value.is_sensitive()))
            .map(|value| value.to_str().unwrap().to_owned())
            .collect()
    }

    #[test]
    fn the_upstream_sees_ours_alone() {
        let secret = json!({"env": "S"});
        let bearer = seen(&json!({ "bearer": secret }), b"t0ken", "authorization");
        assert_eq!(bearer, ["Bearer t0ken"]);
        let basic = json!({"basic": {"user": "Aladdin", "password": secret}});
        // The example of RFC 7617 §2.
        assert_eq!(
            seen(&basic, b"open sesame", "authorization"),
            ["Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="]
        );
        let header = json!({"header": {"name": "X-Key", "value": secret}});
        assert_eq!(seen(&header, b"k", "x-key"), ["k"]);
        let prefixed = json!({"header": {"name": "authorization", "value": secret, "prefix": "Token "}});
        assert_eq!(seen(&prefixed, b"k", "authorization"), ["Token k"]);
    }

    #[test]
    fn without_the_secret_the_clients_is_taken_away_all_the_same() {
        let config = json!({"bearer": {"env": "S"}});
        let trial = Trial::of::<UpstreamCredential>(&config);
        let sent = Request::build(Method::GET, "/")
            .unwrap()
            .with_header("authorization", CLIENTS);
        let mut head = sent.head().clone();
        let fault = trial
            .attempt(&trial.prepare(sent), &mut head, 1, "orders")
            .unwrap_err();
        assert_eq!(fault.reason, &UpstreamCredential::WITHHELD);
        assert!(head.headers.get("authorization").is_none());
    }

    #[test]
    fn a_secret_that_no_field_can_carry_is_a_problem_that_does_not_repeat_it() {
        let secret = json!({"env": "S"});
        let cases = [
            (json!({ "bearer": secret }), "tok\nen"),
            (json!({ "bearer": secret }), "token "),
            (json!({ "bearer": secret }), "tökén"),
            (json!({"basic": {"user": "u", "password": secret}}), "s3\ncret"),
            (json!({"basic": {"user": "u:v", "password": secret}}), "s3cret"),
            (json!({"basic": {"user": "", "password": secret}}), "s3cret"),
            (json!({"header": {"name": "x", "value": secret}}), "s3\0cret"),
            (
                json!({"header": {"name": "x", "value": secret, "prefix": " T"}}),
                "s3cret",
            ),
            (
                json!({"header": {"name": "x", "value": secret, "prefix": "T\t"}}),
                "s3cret",
            ),
            (json!({"header": {"name": "host", "value": secret}}), "s3cret"),
            (json!({"header": {"name": "x_key", "value": secret}}), "s3cret"),
            (json!({"header": {"name": "", "value": secret}}), "s3cret"),
        ];
        for (config, bytes) in cases {
            let built = Trial::try_build::<UpstreamCredential>(&config, &mut host(bytes.as_bytes()));
            let said = format!("{:?}", built.map(drop).unwrap_err());
            assert!(!said.contains(bytes), "{said}");
        }
    }

    #[test]
    fn nothing_prints_the_value() {
        let config = json!({"bearer": {"env": "S"}});
        let trial = Trial::with_host::<UpstreamCredential>(&config, &mut host(b"t0ken"));
        assert!(!format!("{trial:?}").contains("t0ken"));
        let filter = UpstreamCredential {
            field: AUTHORIZATION,
            value: Some(sensitive(b"t0ken", "").unwrap()),
        };
        assert!(!format!("{filter:?}").contains("t0ken"));
    }
}
