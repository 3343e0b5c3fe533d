//! `admin:` health, metrics and version for operators. Never reachable from outside except by `expose`.

use std::net::SocketAddr;

use adamant_filter::{Node, Problem, Span, Spanned};
use schemars::JsonSchema;
use serde::Deserialize;

use super::Context;
use crate::config::{Admin, Expose};

/// The operators' listener: `/livez`, `/readyz`, `/startupz`, `/metrics` and `/version`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct AdminEntry {
    /// A loopback address with its port, such as `127.0.0.1:9900`.
    bind: Spanned<String>,
    /// A second listener, for what a cluster must reach.
    expose: Option<ExposeEntry>,
}

/// A listener that shows a part of `admin` to the network.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct ExposeEntry {
    /// Any address with its port, such as `0.0.0.0:9901`.
    bind: Spanned<String>,
    /// What it serves.
    #[schemars(length(min = 1))]
    serve: Vec<Spanned<Served>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
enum Served {
    /// `/livez`, `/readyz` and `/startupz`.
    Health,
    /// `/metrics`.
    Metrics,
}

/// The admin listener with the places that checks point at.
#[derive(Debug)]
pub(crate) struct AdminDraft {
    pub(crate) admin: Admin,
    pub(crate) bind_span: Span,
    pub(crate) expose_span: Option<Span>,
}

pub(super) fn read(node: &Node, key_span: Span, context: &mut Context<'_>) -> Option<AdminDraft> {
    let entry: AdminEntry = context.read(node)?;
    let bind = socket_address(&entry.bind, context)?;
    if !bind.ip().is_loopback() {
        let problem = Problem::new(
            "admin.loopback",
            format!("`admin` listens on loopback only, and {} is not", bind.ip()),
        );
        let help = "bind 127.0.0.1 or [::1]; `expose` shows health and metrics to the network";
        context.tell(problem.with_span(entry.bind.span).with_help(help));
    }
    let expose_span = entry.expose.as_ref().map(|expose| expose.bind.span);
    let expose = match entry.expose {
        None => None,
        Some(expose) => {
            let bind = socket_address(&expose.bind, context)?;
            let serves = |what| expose.serve.iter().any(|served| served.value == what);
            Some(Expose {
                bind,
                health: serves(Served::Health),
                metrics: serves(Served::Metrics),
            })
        }
    };
    Some(AdminDraft {
        admin: Admin {
            bind,
            expose,
            span: key_span,
        },
        bind_span: entry.bind.span,
        expose_span,
    })
}

/// An IP address with its port. Names are refused: what they mean can change under the gateway.
pub(super) fn socket_address(text: &Spanned<String>, context: &mut Context<'_>) -> Option<SocketAddr> {
    if let Ok(address) = text.parse() {
        return Some(address);
    }
    let problem = Problem::new(
        "values.address",
        format!("`{}` is not an address with a port", text.value),
    );
    let help = match text.rsplit_once(':') {
        _ if text.parse::<std::net::IpAddr>().is_ok() => {
            let shown = if text.contains(':') {
                format!("[{}]", text.value)
            } else {
                text.value.clone()
            };
            format!("add the port, such as `{shown}:8080`")
        }
        _ if text.parse::<u16>().is_ok() => format!("add the address, such as `127.0.0.1:{}`", text.value),
        Some(("localhost", port)) => format!("write `127.0.0.1:{port}` or `[::1]:{port}`"),
        Some(("" | "*", port)) => format!("write `0.0.0.0:{port}` for IPv4 or `[::]:{port}` for IPv6"),
        _ => "write an IP address and a port, such as `0.0.0.0:8443` or `[::]:8443`".to_owned(),
    };
    context.tell(problem.with_span(text.span).with_help(help));
    None
}
