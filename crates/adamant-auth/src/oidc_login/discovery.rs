//! Discovery (OpenID Connect Discovery 1.0 §4): where an issuer serves logins, asked for beside requests.
//!
//! Asks until it is told, and then never again. An issuer that names another issuer, or a token endpoint that
//! is not at its own origin, is not believed.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use adamant_filter::prelude::*;
use adamant_filter::serde_json;
use adamant_filter::{Call, Readiness, Transport};

use super::issuer::Endpoints;
use super::place::Place;

/// Time from one question to the next.
const AGAIN: Duration = Duration::from_secs(2);

/// A question to an issuer.
pub(super) struct Discovery {
    issuer: Box<str>,
    service: Arc<dyn Transport>,
    endpoints: Arc<OnceLock<Endpoints>>,
    is_asking: AtomicBool,
}

/// What is read of the answer.
#[derive(Deserialize)]
struct Document {
    issuer: String,
    authorization_endpoint: String,
    token_endpoint: String,
}

impl Discovery {
    pub(super) fn new(
        issuer: &str,
        service: &Arc<dyn Transport>,
        endpoints: &Arc<OnceLock<Endpoints>>,
    ) -> Self {
        Self {
            issuer: issuer.into(),
            service: Arc::clone(service),
            endpoints: Arc::clone(endpoints),
            is_asking: AtomicBool::new(false),
        }
    }

    /// Asks from now on, until there is an answer.
    pub(super) fn begin(self, boot: &mut Boot<'_>) {
        let readiness = boot.readiness("the issuer's endpoints");
        let background = boot.background();
        let this = Arc::new(self);
        boot.every(
            AGAIN,
            Box::new(move |_| {
                // One question at a time.
                if this.endpoints.get().is_none() && !this.is_asking.swap(true, Ordering::AcqRel) {
                    let (this, readiness) = (Arc::clone(&this), readiness.clone());
                    background.spawn(Box::pin(async move { this.ask(&readiness).await }));
                }
            }),
        );
    }

    async fn ask(&self, readiness: &Readiness) {
        let call = Call {
            method: Method::GET,
            target: well_known(&self.issuer),
            fields: vec![(
                HeaderName::from_static("accept"),
                HeaderValue::from_static("application/json"),
            )],
            body: Default::default(),
        };
        let answer = self.service.call(call).await.ok();
        let answer = answer.filter(|answer| answer.status == StatusCode::OK);
        if let Some(found) = answer.and_then(|answer| read(&answer.body, &self.issuer)) {
            // Only this sets it, and one at a time.
            let _ = self.endpoints.set(found);
            readiness.set(true);
        }
        self.is_asking.store(false, Ordering::Release);
    }
}

/// The path of the document, below that of the issuer.
fn well_known(issuer: &str) -> String {
    let path = Place::parse(issuer).map(|place| place.target).unwrap_or_default();
    format!("{}/.well-known/openid-configuration", path.trim_end_matches('/'))
}

fn read(body: &[u8], issuer: &str) -> Option<Endpoints> {
    let document: Document = serde_json::from_slice(body).ok()?;
    let token = Place::parse(&document.token_endpoint)?;
    let own = Place::parse(issuer)?;
    Place::parse(&document.authorization_endpoint)?;
    if document.issuer != issuer || token.origin != own.origin || token.target.is_empty() {
        return None;
    }
    Some(Endpoints {
        authorization: document.authorization_endpoint,
        token: token.target,
    })
}

#[cfg(test)]
mod tests {
    use adamant_filter::serde_json::json;

    use super::*;

    #[test]
    fn an_issuer_is_believed_about_itself_only() {
        let good = json!({
            "issuer": "https://id.test/tenant/",
            "authorization_endpoint": "https://login.test/authorize",
            "token_endpoint": "https://id.test/token?x=1",
        });
        let issuer = "https://id.test/tenant/";
        assert_eq!(well_known(issuer), "/tenant/.well-known/openid-configuration");
        assert_eq!(well_known("https://id.test"), "/.well-known/openid-configuration");
        let found = read(good.to_string().as_bytes(), issuer).unwrap();
        assert_eq!(found.authorization, "https://login.test/authorize");
        assert_eq!(found.token, "/token?x=1");
        let wrong = [
            ("issuer", "https://id.test/tenant"),
            ("issuer", "https://evil.test/"),
            ("token_endpoint", "https://evil.test/token"),
            ("token_endpoint", "http://id.test/token"),
            ("token_endpoint", "/token"),
            ("authorization_endpoint", "http://login.test/authorize"),
            ("authorization_endpoint", "javascript:alert(1)"),
        ];
        for (member, value) in wrong {
            let mut changed = good.clone();
            changed[member] = value.into();
            assert_eq!(
                read(changed.to_string().as_bytes(), issuer),
                None,
                "{member} {value}"
            );
        }
        assert_eq!(read(b"{}", issuer), None);
    }
}
