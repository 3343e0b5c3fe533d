//! Listeners from the file: certificates loaded and checked, rules of TLS, sockets joined with both.

use std::path::Path;
use std::sync::Arc;

use adamant_filter::SecretRef;
use adamant_policy::config::{Config, Listener};
use adamant_policy::plan::Plan;
use tokio_rustls::rustls::ServerConfig;

use super::StartError;
use crate::host::LiveHost;
use crate::listen::{
    Bound, CertificateFiles, Certificates, KeySource, Listening, client_verifier, server_config,
};

/// TLS of one listener; `None` in clear text.
pub(super) type Tls = Option<(Arc<ServerConfig>, Arc<Certificates>)>;

/// Loads what every listener needs for TLS.
pub(super) fn certificates(plan: &Plan, folder: &Path) -> Result<Vec<Tls>, StartError> {
    let listeners = plan.config().listeners.iter().enumerate();
    listeners
        .map(|(position, listener)| of(listener, plan.client_authorities(position), folder))
        .collect()
}

fn of(listener: &Listener, authorities: Option<&Arc<[u8]>>, folder: &Path) -> Result<Tls, StartError> {
    let Some(tls) = &listener.tls else { return Ok(None) };
    let host = LiveHost::offline(folder);
    let mut files = Vec::new();
    for certificate in &tls.certificates {
        let key = match &certificate.key {
            SecretRef::File(path) => KeySource::File(folder.join(path)),
            SecretRef::Env(name) => {
                let pem = host.reveal(&certificate.key).map_err(StartError::Secret)?;
                KeySource::Text {
                    name: name.clone(),
                    pem,
                }
            }
        };
        files.push(CertificateFiles {
            chain: folder.join(&certificate.chain),
            key,
        });
    }
    let certificates = Certificates::load(files).map_err(|source| StartError::Certificate {
        listener: Arc::clone(&listener.name),
        source,
    })?;
    let clients = match (&tls.clients, authorities) {
        (None, _) => None,
        (Some(clients), authorities) => {
            let pem = authorities.map(AsRef::as_ref).unwrap_or_default();
            let verifier = client_verifier(pem, clients.required);
            Some(verifier.map_err(|source| StartError::ClientAuthorities {
                listener: Arc::clone(&listener.name),
                path: clients.authorities.clone(),
                source,
            })?)
        }
    };
    let config = server_config(
        Arc::clone(&certificates),
        tls.at_least,
        listener.protocols,
        clients,
    )
    .map_err(|error| StartError::Tls(error.to_string()))?;
    Ok(Some((config, certificates)))
}

/// Joins sockets, TLS and bounds, in file order.
pub(super) fn listening(config: &Config, bound: Vec<Bound>, tls: Vec<Tls>) -> Vec<Listening> {
    let joined = config.listeners.iter().zip(bound).zip(tls);
    joined
        .map(|((listener, bound), tls)| Listening {
            bound,
            protocols: listener.protocols,
            tls,
            bounds: listener.bounds.clone(),
        })
        .collect()
}
