//! `client-certificate`: proves who is calling by the certificate that the client has shown in the TLS handshake.
//!
//! The listener has verified issuer and purpose; here it is read, once for each certificate, and its time is
//! looked at again, because a connection may outlive it. Never reads a header field: what a proxy claims about a
//! certificate is not a certificate.

mod config;
mod names;
mod permitted;
mod remembered;

use std::sync::Arc;

use adamant_filter::Consumers;
use adamant_filter::prelude::*;

pub use self::config::{CertificateName, ClientCertificateConfig};

use self::names::Certificate;
use self::permitted::Permitted;
use self::remembered::{Proof, Remembered};
use crate::challenge::{Challenge, default_realm};

/// The filter `client-certificate`.
#[derive(Debug)]
pub struct ClientCertificate {
    prover: Prover,
    challenge: Challenge,
    identity: Writes<Identity>,
}

impl Filter for ClientCertificate {
    const NAME: &'static str = "client-certificate";
    const ROLE: Role = Role::Authenticate;
    const REASONS: &'static [&'static Reason] = &[
        &Self::MISSING,
        &Self::UNREADABLE,
        &Self::NOT_YET_VALID,
        &Self::EXPIRED,
        &Self::UNNAMED,
        &Self::SEVERAL,
        &Self::OTHER_TRUST_DOMAIN,
        &Self::NOT_PERMITTED,
    ];
    type Config = ClientCertificateConfig;

    fn build(config: ClientCertificateConfig, boot: &mut Boot<'_>) -> Result<Self, Problem> {
        boot.client_certificate();
        boot.reserve("certificates of clients", Remembered::bound(config.remember));
        Ok(Self {
            prover: Prover::new(&config, boot.consumers())?,
            challenge: Challenge::new("ClientCertificate", &default_realm(), &[])?,
            identity: boot.writes::<Identity>(),
        })
    }

    fn hooks(&self, hooks: Hooks<Self>) -> Hooks<Self> {
        hooks.request(Self::check)
    }
}

impl ClientCertificate {
    const MISSING: Reason = Reason::new("missing", 401, "a client certificate is required");
    const UNREADABLE: Reason = Reason::new("unreadable", 401, "the client certificate cannot be read");
    const NOT_YET_VALID: Reason =
        Reason::new("not-yet-valid", 401, "the client certificate is not valid yet");
    const EXPIRED: Reason = Reason::new("expired", 401, "the client certificate has expired");
    const UNNAMED: Reason = Reason::new(
        "unnamed",
        403,
        "the client certificate has no name of the kind that is asked for",
    );
    const SEVERAL: Reason = Reason::new(
        "several",
        403,
        "the client certificate has several names of the kind that is asked for",
    );
    const OTHER_TRUST_DOMAIN: Reason = Reason::new(
        "other-trust-domain",
        403,
        "the client certificate is of another trust domain",
    );
    const NOT_PERMITTED: Reason = Reason::new(
        "not-permitted",
        403,
        "the name in the client certificate is not permitted here",
    );

    fn check(&self, request: &mut Request) -> Verdict {
        let leaf = request.tls().and_then(|tls| tls.client_chain.first());
        let proved = match leaf {
            Some(leaf) => self.prover.prove(leaf, request.wall()),
            None => Err(&Self::MISSING),
        };
        match proved {
            Ok(identity) => {
                request.put(&self.identity, identity);
                Verdict::Pass
            }
            Err(reason) if reason.status() == 401 => self.challenge.deny(reason),
            Err(reason) => reason.deny(),
        }
    }
}

/// From the bytes of a certificate to an identity.
#[derive(Debug)]
struct Prover {
    name: CertificateName,
    permitted: Permitted,
    remembered: Remembered,
    consumers: Arc<Consumers>,
}

impl Prover {
    fn new(config: &ClientCertificateConfig, consumers: Arc<Consumers>) -> Result<Self, Problem> {
        Ok(Self {
            name: config.consumer,
            permitted: config.permitted()?,
            remembered: Remembered::new(config.remember),
            consumers,
        })
    }

    fn prove(&self, leaf: &[u8], now: Wall) -> Result<Arc<Identity>, &'static Reason> {
        if let Some(proof) = self.remembered.get(leaf) {
            let proved = proof.at(now);
            if proved.is_err() {
                self.remembered.forget(leaf);
            }
            return proved;
        }
        let certificate = Certificate::read(leaf)?;
        certificate.validity.at(now)?;
        let name = certificate.name(self.name)?;
        self.permitted.check(&name)?;
        let identity = Identity::new(ClientCertificate::NAME, "", &name);
        let identity = Arc::new(self.consumers.resolve(identity));
        let proof = Proof {
            validity: certificate.validity,
            identity: Arc::clone(&identity),
        };
        self.remembered.insert(leaf, &name, proof);
        Ok(identity)
    }
}

#[cfg(test)]
mod tests;
