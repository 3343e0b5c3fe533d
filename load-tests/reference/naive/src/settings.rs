//! What the environment asks of the naive gateway, read once.
//!
//! It decides about no request.

use std::collections::HashMap;
use std::fs;
use std::time::Duration;

use jsonwebtoken::{Algorithm, DecodingKey};
use load_floor::server::{Failure, origin, setting};
use pingora::upstreams::peer::HttpPeer;
use pingora_limits::rate::Rate;

use crate::record::Metrics;

/// Everything that the steps need.
pub(crate) struct Settings {
    /// Where requests go.
    pub(crate) origin: HttpPeer,
    /// Path prefixes, looked through one after the other.
    pub(crate) routes: Vec<String>,
    /// How tokens are verified, if they are.
    pub(crate) token_key: Option<(Algorithm, DecodingKey)>,
    /// API keys and whose they are.
    pub(crate) api_keys: HashMap<String, String>,
    /// Requests per second and client, if they are limited.
    pub(crate) limit: Option<isize>,
    /// Counts requests per client.
    pub(crate) rate: Rate,
    /// Counters, if they are kept.
    pub(crate) metrics: Option<Metrics>,
    steps: Vec<String>,
}

impl Settings {
    /// Reads the environment and the files that it names.
    pub(crate) fn from_environment() -> Result<Self, Failure> {
        let steps: Vec<String> = setting("STEPS")
            .unwrap_or_default()
            .split(',')
            .map(str::to_string)
            .collect();
        let has = |step: &str| steps.iter().any(|given| given == step);
        Ok(Self {
            origin: origin()?,
            routes: lines("ROUTES")?,
            token_key: token_key()?,
            api_keys: lines("API_KEYS")?
                .into_iter()
                .enumerate()
                .map(|(n, key)| (key, format!("user-{n}")))
                .collect(),
            limit: setting("LIMIT").map(|limit| limit.parse()).transpose()?,
            rate: Rate::new(Duration::from_secs(1)),
            metrics: if has("metrics") {
                Some(Metrics::registered()?)
            } else {
                None
            },
            steps,
        })
    }

    /// Whether a step runs.
    pub(crate) fn has(&self, step: &str) -> bool {
        self.steps.iter().any(|given| given == step)
    }
}

/// The lines of the file that a variable names; none if it names none.
fn lines(name: &str) -> Result<Vec<String>, Failure> {
    let Some(path) = setting(name) else {
        return Ok(Vec::new());
    };
    Ok(fs::read_to_string(path)?.lines().map(str::to_string).collect())
}

/// The algorithm and key that `TOKENS` and `TOKEN_KEY` name.
fn token_key() -> Result<Option<(Algorithm, DecodingKey)>, Failure> {
    let Some(algorithm) = setting("TOKENS") else {
        return Ok(None);
    };
    let bytes = fs::read(setting("TOKEN_KEY").ok_or("TOKEN_KEY is not set")?)?;
    let pair = match algorithm.as_str() {
        "HS256" => (Algorithm::HS256, DecodingKey::from_secret(&bytes)),
        "ES256" => (Algorithm::ES256, DecodingKey::from_ec_pem(&bytes)?),
        "RS256" => (Algorithm::RS256, DecodingKey::from_rsa_pem(&bytes)?),
        other => return Err(format!("TOKENS knows no {other}").into()),
    };
    Ok(Some(pair))
}
