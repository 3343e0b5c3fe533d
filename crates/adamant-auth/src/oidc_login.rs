//! `oidc-login`: signs people in at an OpenID provider, and proves who they are by a session in a cookie.
//!
//! Keeps no session, prints and forwards no token, and sends a browser nowhere but to the issuer and to paths of
//! its own host. The time is that of the request.

mod browser;
mod callback;
mod config;
mod discovery;
mod issuer;
mod pending;
mod place;
mod reason;
mod sealed;
mod session;

use std::sync::Arc;

use adamant_filter::prelude::*;
use adamant_filter::serde_json::Value;
use adamant_filter::{Consumers, Random};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

pub use self::config::{ClientAuthentication, EndpointsConfig, IssuerKeys, OidcLoginConfig, SessionConfig};

use self::callback::Returned;
use self::issuer::{Challenge, Failure, Issuer};
use self::pending::{LOGIN_MAX, Pending};
use self::sealed::{Purpose, SECRET_MIN, Sealer};
use self::session::{Lifetime, Renewed, Session};
use crate::challenge;
use crate::credential::{Found, cookie, strip_cookie};
use crate::jwt::{Jwt, reason as token_reason};
use crate::replay::{Replay, Seen};

const NAME: &str = "oidc-login";

const ALLOW: HeaderName = HeaderName::from_static("allow");
const CACHE_CONTROL: HeaderName = HeaderName::from_static("cache-control");
const CONTENT_TYPE: HeaderName = HeaderName::from_static("content-type");
const LOCATION: HeaderName = HeaderName::from_static("location");
const REFERRER_POLICY: HeaderName = HeaderName::from_static("referrer-policy");
const SET_COOKIE: HeaderName = HeaderName::from_static("set-cookie");

/// What seals cookies.
#[derive(Debug)]
struct Sealers {
    session: Sealer,
    login: Sealer,
}

/// The filter `oidc-login`.
#[derive(Debug)]
pub struct OidcLogin {
    name: Box<str>,
    client: Box<str>,
    issuer: Issuer,
    tokens: Jwt,
    /// Absent when the secret is withheld from this command.
    sealers: Option<Sealers>,
    random: Shared,
    origin: Box<str>,
    callback: Box<str>,
    logout: Option<Box<str>>,
    session_cookie: Box<str>,
    login_cookie: Box<str>,
    lifetime: Lifetime,
    claims: Box<[String]>,
    completed: Arc<Replay>,
    consumers: Arc<Consumers>,
    unproved: challenge::Challenge,
    identity: Writes<Identity>,
    renewed: (Writes<Renewed>, MayRead<Renewed>),
}

/// Randomness that can be shown as nothing.
struct Shared(Arc<dyn Random>);

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Random")
    }
}

impl Filter for OidcLogin {
    const NAME: &'static str = NAME;
    const ROLE: Role = Role::Authenticate;
    const REASONS: &'static [&'static Reason] = reason::ALL;
    type Config = OidcLoginConfig;

    fn issuer(config: &OidcLoginConfig) -> String {
        config.issuer.clone()
    }

    fn build(config: OidcLoginConfig, boot: &mut Boot<'_>) -> Result<Self, Problem> {
        config.check()?;
        let session = &config.session;
        boot.reserve("completed logins", Replay::bound(config.remember));
        Ok(Self {
            tokens: Jwt::build(config.tokens()?, boot)?,
            issuer: Issuer::build(&config, boot)?,
            sealers: sealers(&config, boot)?,
            random: Shared(boot.random()),
            origin: config.origin.as_str().into(),
            callback: config.callback.as_str().into(),
            logout: config.logout.as_deref().map(Box::from),
            session_cookie: session.cookie.as_str().into(),
            login_cookie: format!("{}-login", session.cookie).into(),
            lifetime: Lifetime {
                absolute: session.absolute.millis(),
                idle: session.idle.millis(),
            },
            claims: config.claims.iter().cloned().collect(),
            completed: Arc::new(Replay::new(config.remember, LOGIN_MAX.duration())),
            consumers: boot.consumers(),
            unproved: challenge::Challenge::new("Cookie", &challenge::default_realm(), &[])?,
            identity: boot.writes::<Identity>(),
            renewed: (boot.writes::<Renewed>(), boot.may_read::<Renewed>()),
            name: config.issuer.into(),
            client: config.client.into(),
        })
    }

    fn hooks(&self, hooks: Hooks<Self>) -> Hooks<Self> {
        hooks
            .request_or_async(Self::check, Self::complete)
            .conceal(Self::conceal)
            .response(Self::renew)
    }
}

fn sealers(config: &OidcLoginConfig, boot: &mut Boot<'_>) -> Result<Option<Sealers>, Problem> {
    let current = boot.secret(&config.session.secret)?;
    let previous = match &config.session.previous {
        Some(at) => Some(boot.secret(at)?),
        None => None,
    };
    let all = [
        ("session.secret", Some(&current)),
        ("session.previous", previous.as_ref()),
    ];
    for (path, secret) in all {
        let length = secret.and_then(Secret::reveal).map(<[u8]>::len);
        if length.is_some_and(|length| length < SECRET_MIN) {
            let message = format!("the secret is shorter than {SECRET_MIN} bytes");
            return Err(Problem::at(path, message).with_code("secrets.weak").hidden());
        }
    }
    let kept: Vec<&str> = config.claims.iter().map(String::as_str).collect();
    let meaning = [&*config.consumer, &*config.scopes, &kept.join("\0")].join("\0");
    let mut sealer = |word| {
        let purpose = Purpose {
            word,
            issuer: &config.issuer,
            client: &config.client,
            meaning: &meaning,
        };
        Sealer::new(&current, previous.as_ref(), purpose, boot.random())
    };
    Ok(sealer("session")
        .zip(sealer("login"))
        .map(|(session, login)| Sealers { session, login }))
}

impl OidcLogin {
    /// Everything but a login that comes back. A session is opened anew for each request: that costs less than a
    /// memory of sessions would have to be watched for.
    fn check(&self, request: &mut Request) -> Option<Verdict> {
        if request.path() == &*self.callback {
            return None;
        }
        if self.logout.as_deref() == Some(request.path()) {
            return Some(self.end(request));
        }
        Some(match self.session_of(request) {
            Ok(session) => self.accept(request, session),
            Err(reason) if *reason == reason::KEY_WITHHELD => reason.fault(),
            Err(_) if browser::is_navigation(request) => self.begin(request),
            Err(reason) => self.unproved.deny(reason),
        })
    }

    fn conceal(&self, request: &mut Request) {
        strip_cookie(request, &self.session_cookie);
        strip_cookie(request, &self.login_cookie);
    }

    fn session_of(&self, request: &Request) -> Result<Session, &'static Reason> {
        let value = match cookie(request, &self.session_cookie) {
            Found::Absent => return Err(&reason::MISSING),
            Found::Several => return Err(&reason::SEVERAL),
            Found::Unreadable => return Err(&reason::SESSION_INVALID),
            Found::One(value) => value,
        };
        let sealers = self.sealers.as_ref().ok_or(&reason::KEY_WITHHELD)?;
        Session::open(value, &sealers.session, self.lifetime, request.wall())
    }

    fn accept(&self, request: &mut Request, mut session: Session) -> Verdict {
        let identity = session::identity(&session, &self.name, &self.consumers);
        request.put(&self.identity, identity);
        self.conceal(request);
        if session.is_due(self.lifetime, request.wall())
            && let Some(sealers) = &self.sealers
        {
            session.used = request.wall().0;
            if let Ok(value) = session.cookie(&self.session_cookie, &sealers.session, self.lifetime) {
                request.put(&self.renewed.0, Renewed(value));
            }
        }
        Verdict::Pass
    }

    /// Sends the browser to the issuer.
    fn begin(&self, request: &Request) -> Verdict {
        let Some(sealers) = &self.sealers else {
            return reason::KEY_WITHHELD.fault();
        };
        if !self.is_our_host(request) {
            return reason::OTHER_HOST.deny();
        }
        let pending = Pending::begin(request, &*self.random.0);
        let location = self.issuer.login(Challenge {
            state: &pending.state,
            nonce: &pending.nonce,
            code_challenge: &pending.code_challenge(),
        });
        match (location, pending.cookie(&self.login_cookie, &sealers.login)) {
            (Ok(location), Ok(cookie)) => redirect(&location, [Some(cookie), None], true),
            (Err(reason), _) | (_, Err(reason)) => reason.fault(),
        }
    }

    /// Completes a login that comes back from the issuer.
    async fn complete(&self, request: &mut Request) -> Verdict {
        if *request.method() != Method::GET {
            return reason::METHOD.deny_with(vec![(ALLOW, HeaderValue::from_static("GET"))]);
        }
        if !self.is_our_host(request) {
            return reason::OTHER_HOST.deny();
        }
        match self.try_to_complete(request).await {
            Ok(verdict) => verdict,
            Err(Failure::Fault(fault)) => Verdict::Fault(fault),
            Err(Failure::Refused(reason)) => self.refuse_login(reason),
        }
    }

    async fn try_to_complete(&self, request: &mut Request) -> Result<Verdict, Failure> {
        let sealers = self.sealers.as_ref().ok_or(&reason::KEY_WITHHELD)?;
        let (pending, code) = self.returned(request, sealers).map_err(Failure::Refused)?;
        // One question for each login at a time. It may be asked again unless it came to a session.
        let mark = Sha256::digest(pending.state.as_bytes()).into();
        let login = match self.completed.begin(mark, request.now()) {
            Ok(login) => login,
            Err(Seen::NoRoom) => return Err((&reason::MEMORY_FULL).into()),
            Err(Seen::UnderWay) => return Err(Failure::Refused(&reason::UNDER_WAY)),
            Err(Seen::Again | Seen::First) => return Err(Failure::Refused(&reason::STATE_USED)),
        };
        let token = self.issuer.exchange(&code, &pending.verifier).await?;
        let identity = self
            .tokens
            .prove(token.as_bytes(), request)
            .await
            .map_err(|reason| {
                // Keys that cannot be had are not the fault of whoever signs in.
                if token_reason::FAULTS.contains(&reason) {
                    Failure::from(reason)
                } else {
                    Failure::Refused(reason)
                }
            })?;
        let session = self
            .session_from(&identity, &pending, request.wall())
            .map_err(Failure::Refused)?;
        let cookie = session
            .cookie(&self.session_cookie, &sealers.session, self.lifetime)
            .map_err(Failure::Refused)?;
        login.count();
        Ok(redirect(
            &pending.target,
            [Some(cookie), session::set(&self.login_cookie, "", 0)],
            false,
        ))
    }

    /// The login that the browser has begun, and the code that it brings back.
    fn returned(&self, request: &Request, sealers: &Sealers) -> Result<(Pending, String), &'static Reason> {
        let returned = Returned::read(request.query().unwrap_or_default())?;
        let value = match cookie(request, &self.login_cookie) {
            Found::One(value) => value,
            Found::Absent => return Err(&reason::LOGIN_MISSING),
            Found::Several | Found::Unreadable => return Err(&reason::LOGIN_INVALID),
        };
        let pending = Pending::open(value, &sealers.login, request.wall())?;
        if !is_same(&pending.state, &returned.state) {
            return Err(&reason::STATE);
        }
        if returned.issuer.is_some_and(|issuer| issuer != *self.name) {
            return Err(&reason::OTHER_ISSUER);
        }
        match returned.code {
            Some(code) => Ok((pending, code)),
            None => Err(&reason::REFUSED),
        }
    }

    /// The session of a token that is good and was issued for this login.
    fn session_from(
        &self,
        identity: &Identity,
        pending: &Pending,
        now: Wall,
    ) -> Result<Session, &'static Reason> {
        let claim = |name: &str| identity.claim(name);
        // OpenID Connect Core 1.0 §3.1.3.7, 4 and 5.
        let several = claim("aud")
            .and_then(Value::as_array)
            .is_some_and(|all| all.len() > 1);
        match claim("azp") {
            Some(party) if party.as_str() != Some(&self.client) => return Err(&reason::PARTY),
            None if several => return Err(&reason::PARTY),
            Some(_) | None => {}
        }
        let nonce = claim("nonce").and_then(Value::as_str).unwrap_or_default();
        if !is_same(&pending.nonce, nonce) {
            return Err(&reason::NONCE);
        }
        // OpenID Connect Core §2: every token has one.
        if claim("sub").is_none_or(|subject| !subject.is_string()) {
            return Err(&reason::SUBJECT);
        }
        let kept = ["sub".to_owned()];
        let kept = kept.iter().chain(&self.claims);
        let kept = kept.filter_map(|name| Some((name.clone(), claim(name)?.clone())));
        let scopes: Vec<&str> = identity.scopes().collect();
        Ok(Session {
            subject: identity.subject().to_owned(),
            scopes: scopes.join(" "),
            claims: kept.collect(),
            began: now.0,
            used: now.0,
        })
    }

    /// A login that failed is over: whatever comes next begins anew.
    fn refuse_login(&self, reason: &'static Reason) -> Verdict {
        let forget = session::set(&self.login_cookie, "", 0).map(|value| (SET_COOKIE, value));
        match self.unproved.deny(reason) {
            // The answer to another login says nothing about the one of this browser, and one that is under way is
            // not over.
            Verdict::Deny(denial) if [reason::STATE, reason::UNDER_WAY].contains(reason) => {
                Verdict::Deny(denial)
            }
            Verdict::Deny(mut denial) => {
                denial.fields.extend(forget);
                Verdict::Deny(denial)
            }
            other => other,
        }
    }

    /// Makes the browser forget its session.
    fn end(&self, request: &Request) -> Verdict {
        if !matches!(*request.method(), Method::GET | Method::POST) {
            return reason::METHOD.deny_with(vec![(ALLOW, HeaderValue::from_static("GET, POST"))]);
        }
        if !browser::is_from_here(request, &self.origin) {
            return reason::CROSS_SITE.deny();
        }
        let forget = [&self.session_cookie, &self.login_cookie].map(|name| session::set(name, "", 0));
        let mut fields = vec![
            (
                CONTENT_TYPE,
                HeaderValue::from_static("text/plain; charset=utf-8"),
            ),
            (CACHE_CONTROL, HeaderValue::from_static("no-store")),
        ];
        fields.extend(forget.into_iter().flatten().map(|value| (SET_COOKIE, value)));
        Verdict::Reply(Box::new(Reply {
            status: 200,
            fields,
            body: "You are signed out here.\n".into(),
            refuses: false,
        }))
    }

    /// Gives a session that is in use a new beginning. Its answer is for this browser alone.
    fn renew(&self, response: &mut Response<'_>) -> Verdict {
        let renewed = response.peek(&self.renewed.1).map(|renewed| renewed.0.clone());
        if let Some(value) = renewed {
            response.append_header(SET_COOKIE, value);
            response.append_header(CACHE_CONTROL, HeaderValue::from_static("private"));
        }
        Verdict::Pass
    }

    fn is_our_host(&self, request: &Request) -> bool {
        let Some((scheme, host)) = self.origin.split_once("://") else {
            return false;
        };
        let asked = request.authority();
        let own = if scheme == "https" { ":443" } else { ":80" };
        asked
            .strip_suffix(own)
            .unwrap_or(asked)
            .eq_ignore_ascii_case(host)
    }
}

/// Compares in the same time, whatever differs.
fn is_same(one: &str, other: &str) -> bool {
    one.as_bytes().ct_eq(other.as_bytes()).into()
}

/// Sends the browser to another page; to the issuer in place of a refusal. What was asked for stays between gateway
/// and issuer.
fn redirect(location: &str, cookies: [Option<HeaderValue>; 2], refuses: bool) -> Verdict {
    let Ok(location) = HeaderValue::from_str(location) else {
        return reason::ISSUER_FAILED.fault();
    };
    let mut fields = vec![
        (LOCATION, location),
        (CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    ];
    fields.extend(cookies.into_iter().flatten().map(|value| (SET_COOKIE, value)));
    Verdict::Reply(Box::new(Reply {
        status: 302,
        fields,
        body: Default::default(),
        refuses,
    }))
}

#[cfg(test)]
mod tests;
