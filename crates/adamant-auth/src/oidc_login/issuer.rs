//! The issuer as the gateway speaks to it: where browsers are sent, and how a code becomes a token.
//!
//! Never follows a redirect and never asks anybody but the one service that was granted. What it answers is not
//! believed here: tokens are verified by the caller.

use std::sync::{Arc, OnceLock};

use adamant_filter::prelude::*;
use adamant_filter::serde_json;
use adamant_filter::{Call, Target, Transport};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::config::{ClientAuthentication, OidcLoginConfig};
use super::discovery::Discovery;
use super::place::Place;
use super::reason::{BUSY, CODE_REFUSED, ISSUER_FAILED, KEY_WITHHELD, UNDISCOVERED};
use crate::form;
use crate::room::Room;

/// Largest answer that is read.
const ANSWER_MAX: u64 = 64 * 1024;

const AUTHORIZATION: HeaderName = HeaderName::from_static("authorization");
const CONTENT_TYPE: HeaderName = HeaderName::from_static("content-type");
const ACCEPT: HeaderName = HeaderName::from_static("accept");

/// Where the issuer serves logins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Endpoints {
    /// Where browsers are sent.
    pub(super) authorization: String,
    /// Path and query at which codes are exchanged.
    pub(super) token: String,
}

/// How the gateway proves itself.
enum Credentials {
    /// The field.
    Basic(HeaderValue),
    /// The secret.
    Post(Box<str>),
}

/// Why there is no token.
#[derive(Debug)]
pub(super) enum Failure {
    /// The issuer says that the login is not good.
    Refused(&'static Reason),
    /// The world failed.
    Fault(Fault),
}

impl From<&'static Reason> for Failure {
    fn from(reason: &'static Reason) -> Self {
        Self::Fault(Fault { reason })
    }
}

/// The issuer.
pub(super) struct Issuer {
    endpoints: Arc<OnceLock<Endpoints>>,
    service: Arc<dyn Transport>,
    client: Box<str>,
    redirect: Box<str>,
    ask: Box<str>,
    /// Absent when the secret is withheld from this command.
    credentials: Option<Credentials>,
    /// For the exchanges of codes.
    room: Room,
}

impl std::fmt::Debug for Issuer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Issuer")
            .field("endpoints", &self.endpoints)
            .finish_non_exhaustive()
    }
}

/// What is sent along with a browser.
#[derive(Clone, Copy, Debug)]
pub(super) struct Challenge<'c> {
    /// Comes back with the browser.
    pub(super) state: &'c str,
    /// Comes back in the token.
    pub(super) nonce: &'c str,
    /// The hash of what only the gateway knows (RFC 7636).
    pub(super) code_challenge: &'c str,
}

/// What is read of the issuer's answer.
#[derive(Deserialize)]
struct Granted {
    #[serde(default)]
    id_token: Option<String>,
}

/// What is read of a refusal (RFC 6749 §5.2).
#[derive(Deserialize)]
struct Refusal {
    error: String,
}

impl Issuer {
    /// Asks for everything that is needed to speak to the issuer.
    pub(super) fn build(config: &OidcLoginConfig, boot: &mut Boot<'_>) -> Result<Self, Problem> {
        let (origin, known) = match &config.endpoints {
            Some(endpoints) => {
                let place = |key: &str, text: &str| {
                    Place::parse(text).ok_or_else(|| {
                        Problem::at(key, format!("`{text}` is not a place that may be used"))
                            .with_help("write an `https` address, or an `http` one at a loopback address")
                    })
                };
                place("endpoints.authorization", &endpoints.authorization)?;
                let token = place("endpoints.token", &endpoints.token)?;
                let known = Endpoints {
                    authorization: endpoints.authorization.clone(),
                    token: if token.target.is_empty() {
                        "/".to_owned()
                    } else {
                        token.target
                    },
                };
                (token.origin, Some(known))
            }
            None => {
                let place = Place::parse(&config.issuer).ok_or_else(|| {
                    Problem::at(
                        "issuer",
                        "this issuer has no place where it could be asked for its endpoints",
                    )
                    .with_help("add `endpoints`")
                })?;
                (place.origin, None)
            }
        };
        boot.reserve(
            "answers",
            Size::from_bytes(u64::from(config.at_once) * ANSWER_MAX),
        );
        let service = boot.outbound(&Target {
            origin,
            timeout: config.timeout.duration(),
            answer_max: ANSWER_MAX,
            authorities: None,
        })?;
        let endpoints = Arc::new(OnceLock::new());
        match known {
            Some(known) => drop(endpoints.set(known)),
            None => Discovery::new(&config.issuer, &service, &endpoints).begin(boot),
        }
        let ask: Vec<&str> = config.ask.iter().map(String::as_str).collect();
        Ok(Self {
            endpoints,
            service,
            client: config.client.as_str().into(),
            redirect: format!("{}{}", config.origin, config.callback).into(),
            ask: ask.join(" ").into(),
            credentials: credentials(config, boot)?,
            room: Room::new(config.at_once),
        })
    }

    /// The address to which a browser is sent.
    pub(super) fn login(&self, challenge: Challenge<'_>) -> Result<String, &'static Reason> {
        let at = &self.endpoints.get().ok_or(&UNDISCOVERED)?.authorization;
        let asked = form::pairs(&[
            ("response_type", "code"),
            ("client_id", &self.client),
            ("redirect_uri", &self.redirect),
            ("scope", &self.ask),
            ("state", challenge.state),
            ("nonce", challenge.nonce),
            ("code_challenge", challenge.code_challenge),
            ("code_challenge_method", "S256"),
        ]);
        let mark = if at.contains('?') { '&' } else { '?' };
        Ok(format!("{at}{mark}{asked}"))
    }

    /// Makes a token of a code.
    pub(super) async fn exchange(&self, code: &str, verifier: &str) -> Result<String, Failure> {
        let place = self.room.enter().ok_or(&BUSY)?;
        let answer = self.service.call(self.call(code, verifier)?).await;
        drop(place);
        let answer = answer.map_err(Failure::Fault)?;
        match answer.status.as_u16() {
            200 => {
                let granted: Granted = serde_json::from_slice(&answer.body).map_err(|_| &ISSUER_FAILED)?;
                Ok(granted.id_token.ok_or(&ISSUER_FAILED)?)
            }
            400 | 401 => {
                let refusal: Option<Refusal> = serde_json::from_slice(&answer.body).ok();
                let is_about_the_code = refusal.is_some_and(|refusal| refusal.error == "invalid_grant");
                Err(if is_about_the_code {
                    Failure::Refused(&CODE_REFUSED)
                } else {
                    (&ISSUER_FAILED).into()
                })
            }
            _ => Err((&ISSUER_FAILED).into()),
        }
    }

    fn call(&self, code: &str, verifier: &str) -> Result<Call, &'static Reason> {
        let endpoints = self.endpoints.get().ok_or(&UNDISCOVERED)?;
        let credentials = self.credentials.as_ref().ok_or(&KEY_WITHHELD)?;
        let mut pairs = vec![
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", &*self.redirect),
            ("code_verifier", verifier),
        ];
        let mut fields = vec![
            (
                CONTENT_TYPE,
                HeaderValue::from_static("application/x-www-form-urlencoded"),
            ),
            (ACCEPT, HeaderValue::from_static("application/json")),
        ];
        match credentials {
            Credentials::Basic(value) => fields.push((AUTHORIZATION, value.clone())),
            Credentials::Post(secret) => {
                pairs.push(("client_id", &self.client));
                pairs.push(("client_secret", secret));
            }
        }
        Ok(Call {
            method: Method::POST,
            target: endpoints.token.clone(),
            fields,
            body: form::pairs(&pairs).into(),
        })
    }
}

fn credentials(config: &OidcLoginConfig, boot: &mut Boot<'_>) -> Result<Option<Credentials>, Problem> {
    let secret = boot.secret(&config.secret)?;
    let Some(secret) = secret.reveal() else {
        return Ok(None);
    };
    let wrong = || Problem::at("secret", "the secret is not a text").hidden();
    let text = str::from_utf8(secret).map_err(|_| wrong())?;
    Ok(Some(match config.client_authentication {
        ClientAuthentication::Post => Credentials::Post(text.into()),
        ClientAuthentication::Basic => {
            // RFC 6749 §2.3.1: both are encoded as in a form first.
            let mut pair = String::new();
            form::encode_into(&mut pair, config.client.as_bytes());
            pair.push(':');
            form::encode_into(&mut pair, secret);
            let mut value =
                HeaderValue::try_from(format!("Basic {}", STANDARD.encode(pair))).map_err(|_| wrong())?;
            value.set_sensitive(true);
            Credentials::Basic(value)
        }
    }))
}
