//! What may pass, and what may leave: the filters `accept`, `addresses`, `body-size`, `cache-control`, `compress`,
//! `content-type`, `cors`, `csrf`, `errors`, `headers`, `mask`, `methods`, `query` and `security-headers`.
//!
//! Uses the public contract of `adamant-filter` alone. The framing, the path and the size of heads are not
//! checked here: the transport guard of the gateway always does that, before any filter.

mod accept;
mod addresses;
mod body_size;
mod cache_control;
mod coding;
mod compress;
mod content_type;
mod cors;
mod csrf;
mod errors;
mod headers;
mod mask;
mod media_range;
mod methods;
mod pattern;
mod query;
mod security_headers;
mod statuses;

use adamant_filter::Catalogue;

/// Adds the filters of this crate to a catalogue.
#[must_use]
pub fn register(catalogue: Catalogue) -> Catalogue {
    let version = env!("CARGO_PKG_VERSION");
    catalogue
        .filter::<methods::Methods>(version)
        .filter::<addresses::Addresses>(version)
        .filter::<body_size::BodySize>(version)
        .filter::<headers::Headers>(version)
        .filter::<cors::Cors>(version)
        .filter::<mask::Mask>(version)
        .filter::<content_type::ContentType>(version)
        .filter::<accept::Accept>(version)
        .filter::<csrf::Csrf>(version)
        .filter::<query::Query>(version)
        .filter::<errors::Errors>(version)
        .filter::<security_headers::SecurityHeaders>(version)
        .filter::<cache_control::CacheControl>(version)
        .filter::<compress::Compress>(version)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_catalogue_knows_every_filter() {
        let catalogue = register(Catalogue::new());
        let names: Vec<_> = catalogue.iter().map(adamant_filter::Registered::name).collect();
        assert_eq!(
            names,
            [
                "accept",
                "addresses",
                "body-size",
                "cache-control",
                "compress",
                "content-type",
                "cors",
                "csrf",
                "errors",
                "headers",
                "mask",
                "methods",
                "query",
                "security-headers"
            ]
        );
    }
}
