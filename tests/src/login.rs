//! A gateway that signs people in, with what one test says differently.

use crate::gateway::Setup;
use crate::issuer::{CLIENT, SECRET};
use crate::{Gateway, Issuer, Origin, Policy, Response};

/// The secret of cookies.
pub const COOKIES: &str = "0123456789abcdef0123456789abcdef";
/// Another secret of cookies.
pub const OTHER_COOKIES: &str = "fedcba9876543210fedcba9876543210";

/// What a test says differently about the filter.
#[derive(Clone, Copy, Debug)]
pub struct Keys<'k> {
    /// Where the issuer serves logins.
    pub endpoints: &'k str,
    /// Keys of `session`, after the secret.
    pub session: &'k str,
    /// Further keys of the filter.
    pub more: &'k str,
    /// Further steps.
    pub steps: &'k str,
}

/// What most tests say.
pub const USUAL: Keys<'static> = Keys {
    endpoints: "explicit",
    session: "",
    more: "",
    steps: "",
};

/// The gateway, not started yet.
#[must_use]
pub fn policy(issuer: &Issuer, origin: &Origin, keys: Keys<'_>) -> Setup {
    let at = issuer.address();
    let endpoints = match keys.endpoints {
        "explicit" => format!("endpoints: {{ authorization: \"{at}/authorize\", token: \"{at}/token\" }},"),
        other => other.to_owned(),
    };
    let set = |name: &str, value: &str| {
        if keys.more.contains(&format!("{name}:")) {
            String::new()
        } else {
            format!("{name}: {value}, ")
        }
    };
    let usual = [
        set("issuer", &format!("\"{}\"", issuer.name())),
        set("client", CLIENT),
        set("secret", "{ file: client.secret }"),
        set("keys", "{ file: jwks.json }"),
        set("algorithms", "[ES256]"),
        set("origin", "\"https://app.test\""),
    ]
    .concat();
    let session = if keys.session.contains("secret:") {
        keys.session.to_owned()
    } else {
        format!("secret: {{ file: cookies.secret }}{}", keys.session)
    };
    let route = format!(
        "name: all\nmatch: {{ path: /** }}\nto: origin\nfilters:\n  - oidc-login: {{ {endpoints} {usual} session: {{ {session} }}{} }}{}",
        keys.more, keys.steps
    );
    Setup::new(
        &Policy::before(origin)
            .route(&route)
            .observe("access-log: { to: stdout }"),
    )
    .file("jwks.json", issuer.jwks())
    .file("client.secret", SECRET)
    .file("cookies.secret", COOKIES)
    .variable("COOKIES", COOKIES)
    .variable("OTHER_COOKIES", OTHER_COOKIES)
    .variable("CLIENT_SECRET", SECRET)
}

/// The gateway.
pub async fn serving(issuer: &Issuer, origin: &Origin, keys: Keys<'_>) -> Gateway {
    policy(issuer, origin, keys).start().await
}

/// The reason of a refusal, or the status of anything else.
#[must_use]
pub fn told(answer: &Response) -> String {
    if answer.status >= 400 {
        answer.reason()
    } else {
        answer.status.to_string()
    }
}
