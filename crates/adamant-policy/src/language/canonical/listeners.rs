//! Listeners in canonical form.

use adamant_filter::SecretRef;
use serde_json::{Value, json};

use super::{Names, Object, time};
use crate::config::{
    Bounds, Certificate, ClientCertificates, ForwardingHeader, Listener, ListenerTls, Protocols, TlsVersion,
    Trust,
};

impl Names<'_> {
    pub(super) fn listener(&self, listener: &Listener) -> Value {
        let Listener {
            name: _,
            bind,
            protocols,
            tls,
            bounds,
            trust,
            redirect_to,
            span: _,
        } = listener;
        let Protocols { h1, h2 } = *protocols;
        let protocols = [("h1", h1), ("h2", h2)].into_iter().filter(|(_, speaks)| *speaks);
        let mut object = Object::default();
        object.put("bind", bind.to_string());
        object.put("protocols", protocols.map(|(word, _)| word).collect::<Vec<_>>());
        object.put_some("tls", tls.as_ref().map(of_tls));
        object.put("bounds", of_bounds(bounds));
        object.put_some("trust", of_trust(trust));
        object.put_some("redirect-to", redirect_to.map(|id| self.listener_name(id)));
        object.into()
    }
}

fn of_bounds(bounds: &Bounds) -> Value {
    let Bounds {
        connections,
        connections_per_client,
        header_bytes,
        header_fields,
        target_bytes,
        header_time,
        idle_time,
        handshake_time,
        body_idle,
        body_rate,
        send_idle,
        streams,
    } = bounds;
    json!({
        "connections": connections,
        "connections-per-client": connections_per_client,
        "header-bytes": header_bytes,
        "header-fields": header_fields,
        "target-bytes": target_bytes,
        "header-time": time(header_time),
        "idle-time": time(idle_time),
        "handshake-time": time(handshake_time),
        "body-idle": time(body_idle),
        "body-rate": format!("{body_rate}/s"),
        "send-idle": time(send_idle),
        "streams": streams,
    })
}

fn of_tls(tls: &ListenerTls) -> Value {
    let ListenerTls {
        certificates,
        at_least,
        clients,
    } = tls;
    let certificates: Vec<Value> = certificates
        .iter()
        .map(
            |Certificate {
                 chain,
                 key,
                 span: _,
                 key_span: _,
             }| json!({ "certificate": chain, "key": of_secret(key) }),
        )
        .collect();
    let at_least = match at_least {
        TlsVersion::V1_2 => "1.2",
        TlsVersion::V1_3 => "1.3",
    };
    let mut object = Object::default();
    object.put("certificates", certificates);
    object.put("at-least", at_least);
    object.put_some("clients", clients.as_ref().map(of_clients));
    object.into()
}

fn of_clients(clients: &ClientCertificates) -> Value {
    let ClientCertificates {
        authorities,
        required,
        span: _,
    } = clients;
    json!({ "authorities": authorities, "required": required })
}

fn of_secret(secret: &SecretRef) -> Value {
    match secret {
        SecretRef::Env(name) => json!({ "env": name }),
        SecretRef::File(path) => json!({ "file": path }),
    }
}

fn of_trust(trust: &Trust) -> Option<Value> {
    let Trust {
        header,
        proxies,
        request_id,
    } = trust;
    let header = match header {
        ForwardingHeader::XForwardedFor => "x-forwarded-for",
        ForwardingHeader::Forwarded => "forwarded",
    };
    let value = json!({ "header": header, "proxies": proxies, "request-id": request_id });
    (!proxies.is_empty()).then_some(value)
}
