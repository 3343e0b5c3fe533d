//! An OpenID provider: it signs anybody in who comes with a good request, hands out codes that are good once, and
//! makes tokens of them for whoever knows the verifier. A test can make it lie.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jsonwebtoken::Algorithm;
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};

use crate::idp::{Key, encode, now};
use crate::{Answer, Idp, Origin, Seen};

/// The name under which it knows the gateway.
pub const CLIENT: &str = "app";

/// What it shares with the gateway.
pub const SECRET: &str = "a client secret: 100% & more";

/// The other tokens that it gives, which nobody asked for.
pub const OTHER_TOKENS: [&str; 2] = [
    "opaque-access-token-0123456789",
    "opaque-refresh-token-0123456789",
];

/// A running issuer.
#[derive(Debug)]
pub struct Issuer {
    origin: Origin,
    address: String,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    idp: Idp,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    codes: HashMap<String, Asked>,
    count: usize,
    last_code: String,
    last_token: String,
    twists: Map<String, Value>,
    is_careless: bool,
    is_hidden: bool,
    was_basic: bool,
}

/// A login that was granted.
#[derive(Clone, Debug)]
struct Asked {
    redirect: String,
    nonce: String,
    challenge: String,
    is_used: bool,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn decode(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        rest = after;
        if let (b'%', [high, low, after @ ..]) = (first, after) {
            let pair = [*high, *low];
            let pair = str::from_utf8(&pair).expect("an escape");
            bytes.push(u8::from_str_radix(pair, 16).expect("an escape"));
            rest = after;
        } else {
            bytes.push(*first);
        }
    }
    String::from_utf8(bytes).expect("a text")
}

fn form(text: &str) -> HashMap<String, String> {
    let pairs = text.split('&').filter_map(|pair| pair.split_once('='));
    pairs.map(|(name, value)| (decode(name), decode(value))).collect()
}

impl Issuer {
    /// An issuer whose keys are for these algorithms; the first signs.
    pub async fn start(algorithms: &[Algorithm]) -> Self {
        let shared = Arc::new(Shared {
            idp: Idp::new(algorithms),
            state: Mutex::default(),
        });
        let script = Arc::clone(&shared);
        let origin = Origin::start(move |seen| script.answer(seen)).await;
        Self {
            address: format!("http://{}", origin.address()),
            origin,
            shared,
        }
    }

    /// Scheme, host and port.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Its `iss`.
    #[must_use]
    pub fn name(&self) -> String {
        format!("{}/", self.address)
    }

    /// Its public keys.
    #[must_use]
    pub fn jwks(&self) -> String {
        self.shared.idp.jwks()
    }

    /// Signs Ann in: follows the redirect of a browser, and tells the path to which the browser is sent back.
    pub async fn sign_in(&self, location: &str) -> String {
        let target = location
            .strip_prefix(&self.address)
            .expect("the browser is sent here");
        let answer = crate::client::get(self.origin.address(), target, &[]).await;
        assert_eq!(answer.status, 302, "{}", answer.text());
        let back = answer.field("location").expect("a redirect");
        back.strip_prefix("https://app.test")
            .expect("the browser is sent back")
            .to_owned()
    }

    /// From now on, tokens have this claim, or lack it (null).
    pub fn twist(&self, claim: &str, value: Value) {
        self.twist_all(json!({ claim: value }));
    }

    /// From now on, tokens have these claims, or lack them (null).
    pub fn twist_all(&self, claims: Value) {
        let Value::Object(claims) = claims else {
            panic!("claims are an object")
        };
        self.shared.state().twists = claims;
    }

    /// From now on, codes are good more than once.
    pub fn be_careless(&self) {
        self.shared.state().is_careless = true;
    }

    /// Whether it answers nobody.
    pub fn hide(&self, is_hidden: bool) {
        self.shared.state().is_hidden = is_hidden;
    }

    /// The last code.
    #[must_use]
    pub fn last_code(&self) -> String {
        self.shared.state().last_code.clone()
    }

    /// The last token of a login.
    #[must_use]
    pub fn last_token(&self) -> String {
        self.shared.state().last_token.clone()
    }

    /// All that it was asked.
    #[must_use]
    pub fn seen(&self) -> Vec<Seen> {
        self.origin.seen()
    }

    /// Whether the gateway has last proved itself by `Authorization: Basic`.
    #[must_use]
    pub fn last_was_basic(&self) -> bool {
        self.shared.state().was_basic
    }
}

impl Shared {
    fn answer(&self, seen: &Seen) -> Answer {
        if self.state().is_hidden {
            return Answer::status(500);
        }
        let (path, query) = seen.target.split_once('?').unwrap_or((&seen.target, ""));
        let address = format!("http://{}", seen.host);
        let json = |value: Value| Answer::ok(value.to_string()).with("Content-Type", "application/json");
        match (seen.method.as_str(), path) {
            ("GET", "/.well-known/openid-configuration") => json(json!({
                "issuer": format!("{address}/"),
                "authorization_endpoint": format!("{address}/authorize"),
                "token_endpoint": format!("{address}/token"),
                "jwks_uri": format!("{address}/jwks"),
            })),
            ("GET", "/jwks") => Answer::ok(self.idp.jwks()).with("Content-Type", "application/json"),
            ("GET", "/authorize") => self.authorize(&form(query)),
            ("POST", "/token") => self.token(seen, &address),
            _ => Answer::status(404),
        }
    }

    fn authorize(&self, asked: &HashMap<String, String>) -> Answer {
        let good = asked["response_type"] == "code"
            && asked["client_id"] == CLIENT
            && asked["code_challenge_method"] == "S256"
            && asked["redirect_uri"].starts_with("https://app.test/");
        if !good {
            return Answer::status(400);
        }
        let mut state = self.state();
        state.count += 1;
        let code = format!("code+{}/{}", state.count, encode(asked["state"].as_bytes()));
        state.codes.insert(
            code.clone(),
            Asked {
                redirect: asked["redirect_uri"].clone(),
                nonce: asked["nonce"].clone(),
                challenge: asked["code_challenge"].clone(),
                is_used: false,
            },
        );
        let written = code.replace('+', "%2B").replace('/', "%2F");
        state.last_code.clone_from(&code);
        let back = format!(
            "{}?code={written}&state={}",
            asked["redirect_uri"], asked["state"]
        );
        Answer::status(302).with("Location", &back)
    }

    fn token(&self, seen: &Seen, address: &str) -> Answer {
        let sent = form(str::from_utf8(&seen.body).expect("a form"));
        let mut state = self.state();
        state.was_basic = seen.field("authorization").is_some();
        let refuse =
            |status: u16, error: &str| Answer::ok(json!({ "error": error }).to_string()).with_status(status);
        if !is_client(seen, &sent) {
            return refuse(401, "invalid_client");
        }
        let code = sent.get("code").cloned().unwrap_or_default();
        let known = state.codes.get(&code).cloned();
        let Some(asked) = known.filter(|asked| !asked.is_used || state.is_careless) else {
            return refuse(400, "invalid_grant");
        };
        let says = |name: &str, value: &str| sent.get(name).is_some_and(|said| said == value);
        let verifier = sent.get("code_verifier").cloned().unwrap_or_default();
        if encode(Sha256::digest(verifier.as_bytes())) != asked.challenge
            || !says("redirect_uri", &asked.redirect)
            || !says("grant_type", "authorization_code")
        {
            return refuse(400, "invalid_grant");
        }
        if let Some(used) = state.codes.get_mut(&code) {
            used.is_used = true;
        }
        let token = self.id_token(&state.twists, &asked, address);
        state.last_token.clone_from(&token);
        let [access, refresh] = OTHER_TOKENS;
        let answer = json!({ "access_token": access, "refresh_token": refresh, "token_type": "Bearer", "id_token": token });
        Answer::ok(answer.to_string())
    }

    fn id_token(&self, twists: &Map<String, Value>, asked: &Asked, address: &str) -> String {
        let mut claims = json!({
            "iss": format!("{address}/"), "sub": "ann", "aud": CLIENT, "iat": now() - 60, "exp": now() + 300,
            "nonce": asked.nonce, "groups": ["staff"],
        });
        let map = claims.as_object_mut().expect("claims are an object");
        for (name, value) in twists {
            if value.is_null() {
                map.remove(name);
            } else {
                map.insert(name.clone(), value.clone());
            }
        }
        let signer = match twists.get("alg").and_then(Value::as_str) {
            Some("RS256") => &self.idp.keys[1],
            _ => &self.idp.keys[0],
        };
        let header = json!({ "alg": format!("{:?}", signer.algorithm), "kid": signer.id });
        match twists.get("signature").and_then(Value::as_str) {
            Some("none") => format!("{}.{}", encode(header.to_string()), encode(claims.to_string())),
            Some(_) => Key::new("stranger", Algorithm::ES256).sign_with(&header, &claims),
            None => signer.sign_with(&header, &claims),
        }
    }
}

/// Whether the gateway proves itself, by one of two ways.
fn is_client(seen: &Seen, sent: &HashMap<String, String>) -> bool {
    match seen.field("authorization") {
        Some(line) => {
            let pair = STANDARD
                .decode(line.strip_prefix("Basic ").expect("a scheme"))
                .expect("base64");
            let pair = String::from_utf8(pair).expect("a text");
            let (client, secret) = pair.split_once(':').expect("a pair");
            decode(client) == CLIENT && decode(secret) == SECRET && !sent.contains_key("client_secret")
        }
        None => {
            sent.get("client_id").map(String::as_str) == Some(CLIENT)
                && sent.get("client_secret").map(String::as_str) == Some(SECRET)
        }
    }
}
