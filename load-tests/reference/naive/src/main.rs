//! The gateway that one writes in an afternoon: every check parses, copies and verifies anew.
//!
//! It is no straw man: each step is what the libraries' first examples show, and it is correct. `STEPS` lists
//! what runs: routes, addresses, limits, jwt, api-key, rate, log, metrics.

mod record;
mod settings;

use std::time::Instant;

use async_trait::async_trait;
use jsonwebtoken::{Validation, decode};
use load_floor::server::{Failure, Platform, serve};
use pingora::Result;
use pingora::http::ResponseHeader;
use pingora::proxy::{ProxyHttp, Session};
use pingora::upstreams::peer::HttpPeer;
use serde::Deserialize;

use crate::settings::Settings;

/// The claims that are looked at.
#[derive(Deserialize)]
struct Claims {
    sub: String,
}

struct Naive {
    settings: Settings,
}

/// What is known about a request so far.
struct Context {
    start: Instant,
    route: String,
    user: Option<String>,
}

/// Why a request is refused.
type Refusal = (u16, &'static str);

impl Naive {
    fn route(&self, path: &str, context: &mut Context) -> Result<(), Refusal> {
        if !self.settings.has("routes") {
            return Ok(());
        }
        let route = self
            .settings
            .routes
            .iter()
            .find(|prefix| path.starts_with(prefix.as_str()));
        context.route = route.cloned().ok_or((404, "no such route"))?;
        Ok(())
    }

    fn address(&self, session: &Session) -> Result<(), Refusal> {
        if !self.settings.has("addresses") {
            return Ok(());
        }
        let client = session
            .client_addr()
            .map(|address| address.to_string())
            .unwrap_or_default();
        if client.starts_with("192.0.2.") {
            Ok(())
        } else {
            Err((403, "not from here"))
        }
    }

    fn limits(&self, session: &Session) -> Result<(), Refusal> {
        if !self.settings.has("limits") {
            return Ok(());
        }
        let headers = &session.req_header().headers;
        let size: usize = headers
            .iter()
            .map(|(name, value)| name.as_str().len() + value.len())
            .sum();
        if size > 65_536 || headers.len() > 100 {
            return Err((431, "too many headers"));
        }
        if !headers.contains_key("host") {
            return Err((400, "no host"));
        }
        Ok(())
    }

    fn token(&self, session: &Session, context: &mut Context) -> Result<(), Refusal> {
        let Some((algorithm, key)) = &self.settings.token_key else {
            return Ok(());
        };
        let header = text(session, "authorization").ok_or((401, "no token"))?;
        let token = header
            .strip_prefix("Bearer ")
            .ok_or((401, "no bearer token"))?
            .to_string();
        let mut validation = Validation::new(*algorithm);
        validation.set_issuer(&["https://issuer.test"]);
        validation.set_audience(&["api"]);
        let data = decode::<Claims>(&token, key, &validation).map_err(|_| (401, "bad token"))?;
        context.user = Some(data.claims.sub);
        Ok(())
    }

    fn api_key(&self, session: &Session, context: &mut Context) -> Result<(), Refusal> {
        if !self.settings.has("api-key") {
            return Ok(());
        }
        let key = text(session, "x-api-key").ok_or((401, "no key"))?;
        let user = self.settings.api_keys.get(&key).ok_or((401, "unknown key"))?;
        context.user = Some(user.clone());
        Ok(())
    }

    fn rate(&self, session: &Session) -> Result<(), Refusal> {
        let Some(limit) = self.settings.limit else {
            return Ok(());
        };
        let client = text(session, "x-client").unwrap_or_default();
        if self.settings.rate.observe(&client, 1) > limit {
            Err((429, "too many requests"))
        } else {
            Ok(())
        }
    }

    fn check(&self, session: &Session, context: &mut Context) -> Result<(), Refusal> {
        let path = session.req_header().uri.path().to_string();
        self.route(&path, context)?;
        self.address(session)?;
        self.limits(session)?;
        self.token(session, context)?;
        self.api_key(session, context)?;
        self.rate(session)
    }
}

/// A header field as text.
fn text(session: &Session, name: &str) -> Option<String> {
    let value = session.req_header().headers.get(name)?;
    value.to_str().ok().map(str::to_string)
}

async fn refuse(session: &mut Session, (status, reason): Refusal) -> Result<bool> {
    let body = serde_json::json!({ "status": status, "error": reason }).to_string();
    let mut head = ResponseHeader::build(status, None)?;
    head.insert_header("Content-Type", "application/json")?;
    head.insert_header("Content-Length", body.len().to_string())?;
    session.write_response_header(Box::new(head), false).await?;
    session.write_response_body(Some(body.into()), true).await?;
    Ok(true)
}

#[async_trait]
impl ProxyHttp for Naive {
    type CTX = Context;

    fn new_ctx(&self) -> Context {
        Context {
            start: Instant::now(),
            route: String::new(),
            user: None,
        }
    }

    async fn request_filter(&self, session: &mut Session, context: &mut Context) -> Result<bool> {
        match self.check(session, context) {
            Ok(()) => Ok(false),
            Err(refusal) => refuse(session, refusal).await,
        }
    }

    async fn upstream_peer(&self, _: &mut Session, _: &mut Context) -> Result<Box<HttpPeer>> {
        Ok(Box::new(self.settings.origin.clone()))
    }

    async fn logging(&self, session: &mut Session, _: Option<&pingora::Error>, context: &mut Context) {
        if let Some(metrics) = &self.settings.metrics {
            metrics.count(session, &context.route, context.start);
        }
        if self.settings.has("log") {
            record::write(session, context.user.as_deref(), context.start);
        }
    }
}

fn main() -> Result<(), Failure> {
    // Lines go to standard error, one write each, as env_logger does.
    let filter = env_logger::Env::default().default_filter_or("error,access=info");
    env_logger::Builder::from_env(filter).init();
    serve(
        Naive {
            settings: Settings::from_environment()?,
        },
        Platform::STOCK,
    )
}
