//! That whoever sends a token is the one to whom it was issued: by a client certificate (RFC 8705), or by a
//! proof that is signed for each request (DPoP, RFC 9449).
//!
//! A proof says nothing about who somebody is; the token does. It is checked each time, also for a token that
//! is remembered.

mod proof;
mod used;

use std::collections::BTreeSet;

use adamant_filter::OneOrMany;
use adamant_filter::prelude::*;
use http::Uri;
use http::uri::PathAndQuery;
use serde::Serializer;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use self::proof::Proofs;
use super::algorithm::Algorithm;
use super::binding::Binding;
use super::reason::{CERTIFICATE_MISSING, CERTIFICATE_OTHER, SCHEME, UNBOUND};
use crate::credential::is_proof_scheme;

/// How a sender proves to be the one to whom a token was issued. A token must be bound in a way that stands
/// here, and everything that it is bound to must be proved.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct SenderConfig {
    /// By proofs that the sender signs for each request (DPoP, RFC 9449). The token stands in `Authorization`
    /// after the word `DPoP`, the proof in the field `DPoP`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dpop: Option<DpopConfig>,
    /// By the client certificate of the connection (RFC 8705), which the token names by its hash. A listener of
    /// the route must ask clients for certificates.
    #[serde(default)]
    pub certificate: bool,
}

/// Which DPoP proofs are accepted.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct DpopConfig {
    /// By which origins clients call this gateway, such as `https://api.example.com`. A proof names the target
    /// of its request: one of these and the path.
    #[serde(serialize_with = "sorted")]
    pub origins: OneOrMany<String>,
    /// Signature algorithms that are accepted for proofs, such as `[ES256]`; the client chooses its key.
    pub algorithms: BTreeSet<Algorithm>,
    /// How far the time of a proof (`iat`) may be from that of the gateway; at most `5m`.
    #[serde(default = "default_within")]
    pub within: Period,
    /// How many proofs are remembered for as long as they could be sent again, which is twice `within` and a second;
    /// 312 bytes each. When there is no room for another, requests are refused. One client, by the key of its proofs,
    /// may hold an eighth. With the defaults, 100000 proofs of 121 seconds, a step carries 826 requests a second, and
    /// each client 103 of them. The memory is that of the step: where a token is accepted by several steps, a proof
    /// is good once for each, so write the step once, as a policy, and name it on the routes by `use`.
    #[serde(default = "default_remember")]
    pub remember: u32,
}

const fn default_within() -> Period {
    Period::from_secs(60)
}

const fn default_remember() -> u32 {
    100_000
}

/// Longer ones would have to be remembered for longer.
const WITHIN_MAX: Period = Period::from_secs(300);

fn sorted<S: Serializer>(origins: &OneOrMany<String>, serializer: S) -> Result<S::Ok, S::Error> {
    origins.0.iter().collect::<BTreeSet<_>>().serialize(serializer)
}

impl SenderConfig {
    /// What only needs this configuration to be judged.
    pub(super) fn check(&self) -> Result<(), Problem> {
        let Some(dpop) = &self.dpop else {
            return if self.certificate {
                Ok(())
            } else {
                Err(
                    Problem::at("sender", "the sender has nothing by which to prove itself")
                        .with_help("write `dpop`, `certificate: true`, or both"),
                )
            };
        };
        if dpop.algorithms.is_empty() || dpop.algorithms.iter().any(|one| one.is_symmetric()) {
            let message = "proofs are signed by keys that their clients do not share: RS…, PS…, ES… or EdDSA";
            return Err(Problem::at("sender.dpop.algorithms", message));
        }
        if dpop.within.is_zero() || dpop.within > WITHIN_MAX {
            let message = format!("{} is not between 1ms and {WITHIN_MAX}", dpop.within);
            return Err(Problem::at("sender.dpop.within", message));
        }
        if dpop.remember == 0 {
            let message = "a proof that is not remembered could be sent again";
            return Err(Problem::at("sender.dpop.remember", message));
        }
        dpop.origins().map(|_| ())
    }
}

impl DpopConfig {
    /// The origins in the form in which they are compared: scheme, host, port.
    fn origins(&self) -> Result<Vec<PublicOrigin>, Problem> {
        if self.origins.0.is_empty() {
            return Err(Problem::at(
                "sender.dpop.origins",
                "without an origin no proof could be accepted",
            ));
        }
        let origins = self.origins.0.iter().enumerate();
        origins
            .map(|(index, text)| {
                PublicOrigin::of_text(text).ok_or_else(|| {
                    let path = format!("sender.dpop.origins[{index}]");
                    Problem::at(&path, format!("`{text}` is not an origin"))
                        .with_help("write scheme and host, and the port if it is not the usual one")
                })
            })
            .collect()
    }
}

/// Scheme, host and port by which a client calls the gateway.
#[derive(Clone, Debug, PartialEq, Eq)]
struct PublicOrigin {
    is_secure: bool,
    host: String,
    port: u16,
}

impl PublicOrigin {
    fn of(uri: &Uri) -> Option<Self> {
        let is_secure = match uri.scheme_str()? {
            "https" => true,
            "http" => false,
            _ => return None,
        };
        if uri.authority()?.as_str().contains('@') {
            return None;
        }
        Some(Self {
            is_secure,
            host: uri.host()?.to_ascii_lowercase(),
            port: uri.port_u16().unwrap_or(if is_secure { 443 } else { 80 }),
        })
    }

    fn of_text(text: &str) -> Option<Self> {
        let uri: Uri = text.parse().ok()?;
        let is_bare = uri.path_and_query().map(PathAndQuery::as_str) == Some("/") && !text.ends_with('/');
        is_bare.then(|| Self::of(&uri))?
    }
}

/// Checks the senders of bound tokens.
#[derive(Debug)]
pub(super) struct Sender {
    proofs: Option<Proofs>,
}

impl Sender {
    pub(super) fn build(config: &SenderConfig, boot: &mut Boot<'_>) -> Result<Self, Problem> {
        if config.certificate {
            boot.client_certificate();
        }
        let proofs = match &config.dpop {
            Some(dpop) => Some(Proofs::build(dpop, boot)?),
            None => None,
        };
        Ok(Self { proofs })
    }

    /// Algorithms of proofs, as a challenge names them.
    pub(super) fn algorithms(&self) -> Option<&str> {
        self.proofs.as_ref().map(Proofs::algorithms)
    }

    /// Whether the sender of this request proves all that its token is bound to.
    pub(super) fn check(
        &self,
        request: &Request,
        binding: Option<&Binding>,
        credential: &[u8],
    ) -> Result<(), &'static Reason> {
        // Claims without a binding do not get this far.
        let binding = binding.ok_or(&UNBOUND)?;
        // RFC 9449 §7.2: a token that is bound to a key is no bearer token, and only such a token is none.
        if binding.key.is_some() != is_proof_scheme(request) {
            return Err(&SCHEME);
        }
        if let Some(expected) = &binding.certificate {
            let chain = request.tls().map(|tls| tls.client_chain.as_slice());
            let leaf = chain.and_then(<[_]>::first).ok_or(&CERTIFICATE_MISSING)?;
            if !bool::from(Sha256::digest(leaf).as_slice().ct_eq(expected)) {
                return Err(&CERTIFICATE_OTHER);
            }
        }
        match (&binding.key, &self.proofs) {
            (Some(key), Some(proofs)) => proofs.check(request, key, credential),
            (Some(_), None) => Err(&UNBOUND),
            (None, _) => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_scheme_host_and_port_alone() {
        let same = ["https://api.test", "https://API.test:443"].map(PublicOrigin::of_text);
        assert!(same[0].is_some() && same[0] == same[1]);
        for other in ["http://api.test", "https://api.test:8443", "https://b.test"] {
            let other = PublicOrigin::of_text(other);
            assert!(other.is_some() && other != same[0]);
        }
        for wrong in [
            "",
            "api.test",
            "https://api.test/",
            "https://api.test/v1",
            "https://api.test?a",
            "https://u@api.test",
            "ftp://api.test",
        ] {
            assert_eq!(PublicOrigin::of_text(wrong), None, "{wrong}");
        }
    }
}
