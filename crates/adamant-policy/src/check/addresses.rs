//! Addresses: nobody binds what another one has, and redirects lead to where TLS is.

use std::net::SocketAddr;

use adamant_filter::{Problem, Span};

use crate::language::{Context, Draft};

/// Every listener has its own address. Port 0 is a new one each time.
pub(super) fn binds(draft: &Draft, context: &mut Context<'_>) {
    let mut bound: Vec<(SocketAddr, Span)> = Vec::new();
    let listeners = draft
        .listeners
        .iter()
        .flatten()
        .map(|draft| (draft.listener.bind, draft.bind_span));
    let admin = draft
        .admin
        .iter()
        .map(|draft| (draft.admin.bind, draft.bind_span));
    let expose = draft
        .admin
        .iter()
        .filter_map(|draft| Some((draft.admin.expose.as_ref()?.bind, draft.expose_span?)));
    for (address, span) in listeners.chain(admin).chain(expose) {
        if let Some((other, first)) = bound.iter().find(|(other, _)| overlap(*other, address)) {
            let message = match *other == address {
                true => format!("{address} is bound twice"),
                false => format!("{address} and {other} overlap"),
            };
            let problem = Problem::new("listeners.bind", message).with_span(span);
            context.tell(problem.with_second(*first, "first bound here"));
        }
        bound.push((address, span));
    }
}

fn overlap(a: SocketAddr, b: SocketAddr) -> bool {
    let (x, y) = (a.ip(), b.ip());
    let same_family = x.is_ipv4() == y.is_ipv4();
    a.port() != 0
        && a.port() == b.port()
        && (x == y || same_family && (x.is_unspecified() || y.is_unspecified()))
}

/// A redirecting listener leads to one that has TLS and serves.
pub(super) fn redirects(draft: &Draft, context: &mut Context<'_>) {
    for (at, from) in draft.listeners.iter().enumerate() {
        let Some(from) = from else { continue };
        let Some(target) = from.listener.redirect_to else {
            continue;
        };
        let message = match draft.listeners.get(target.0).and_then(Option::as_ref) {
            _ if target.0 == at => "a listener cannot redirect to itself",
            Some(to) if to.listener.redirect_to.is_some() => {
                "the listener that this redirects to redirects itself"
            }
            Some(to) if to.listener.tls.is_none() => "the listener that this redirects to has no `tls`",
            Some(_) | None => continue,
        };
        context.tell(Problem::new("listeners.redirect", message).with_span(from.redirect_span));
    }
}
