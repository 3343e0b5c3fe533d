//! What may pass: the filters `methods`, `addresses`, `body-size`, `headers`, `compress`, `json`,
//! `form`, `multipart`, `schema` and `openapi`.
//! What may pass, and what may leave: the filters `accept`, `addresses`, `body-size`, `cache-control`, `content-type`,
//! `cors`, `csrf`, `errors`, `headers`, `mask`, `methods` and `security-headers`.
//! What may pass: the filters `methods`, `addresses`, `body-size`, `headers` and `rules`.
//!
//! Uses the public contract of `adamant-filter` alone. The framing, the path and the size of heads are not
//! checked here: the transport guard of the gateway always does that, before any filter.

mod accept;
mod addresses;
mod body_size;
mod coding;
mod compress;
mod form;
mod gate;
mod headers;
mod json;
mod media;
mod media_range;
mod methods;
mod multipart;
mod names;
mod openapi;
mod schema;
mod cache_control;
mod content_type;
mod cors;
mod csrf;
mod errors;
mod mask;
mod security_headers;
mod statuses;
mod rules;

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
        .filter::<compress::Compress>(version)
        .filter::<json::Json>(version)
        .filter::<form::Form>(version)
        .filter::<multipart::Multipart>(version)
        .filter::<schema::Schema>(version)
        .filter::<openapi::Openapi>(version)
        .filter::<compress::Compress>(version)
        .filter::<cors::Cors>(version)
        .filter::<mask::Mask>(version)
        .filter::<content_type::ContentType>(version)
        .filter::<accept::Accept>(version)
        .filter::<csrf::Csrf>(version)
        .filter::<errors::Errors>(version)
        .filter::<security_headers::SecurityHeaders>(version)
        .filter::<cache_control::CacheControl>(version)
        // The digest of a policy says which built-in rules it was that decided.
        .filter::<rules::Rules>(rules::EDITION)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_catalogue_knows_every_filter() {
        let catalogue = register(Catalogue::new());
        let names: Vec<_> = catalogue.iter().map(adamant_filter::Registered::name).collect();
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
                "form",
                "headers",
                "json",
                "mask",
                "methods",
                "multipart",
                "openapi",
                "rules",
                "schema",
                "security-headers",
            ]
    }
}
