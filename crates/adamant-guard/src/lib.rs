//! What may pass, and what may leave: the filters that look at what requests and answers hold.
//!
//! Uses the public contract of `adamant-filter` alone. The framing, the path and the size of heads are not
//! checked here: the transport guard of the gateway always does that, before any filter.
//!
//! | Filters | What they look at |
//! |---|---|
//! | `methods`, `addresses`, `headers`, `content-type`, `accept`, `query` | heads of requests |
//! | `cors`, `csrf` | what pages of other sites ask |
//! | `body-size`, `json`, `form`, `multipart`, `schema`, `openapi` | bodies of requests |
//! | `rules` | attacks, wherever they stand |
//! | `mask`, `errors`, `security-headers`, `cache-control`, `compress` | answers |
//!
//! | Modules without a filter | |
//! |---|---|
//! | `coding` | content codings, within bounds |
//! | `gate` | how a filter comes to the body of a request |
//! | `media`, `media_range` | media types of bodies, and lists of them |
//! | `names`, `pattern`, `statuses` | lists and patterns in configurations |

mod accept;
mod addresses;
mod body_size;
mod cache_control;
mod coding;
mod compress;
#[cfg(test)]
mod conformance;
mod content_type;
mod cors;
mod csrf;
mod errors;
mod form;
mod gate;
mod headers;
mod json;
mod mask;
mod media;
mod media_range;
mod methods;
mod multipart;
mod names;
mod openapi;
mod pattern;
mod query;
mod rules;
mod schema;
mod security_headers;
mod statuses;

use adamant_filter::Catalogue;

/// Why an expression cannot be one of a rule; `None` when it can.
#[must_use]
pub fn expression_problem(pattern: &str) -> Option<String> {
    rules::expression_problem(pattern)
}

/// Adds the filters of this crate to a catalogue.
#[must_use]
pub fn register(catalogue: Catalogue) -> Catalogue {
    let version = env!("CARGO_PKG_VERSION");
    catalogue
        .filter::<methods::Methods>(version)
        .filter::<addresses::Addresses>(version)
        .filter::<body_size::BodySize>(version)
        .filter::<headers::Headers>(version)
        .filter::<content_type::ContentType>(version)
        .filter::<accept::Accept>(version)
        .filter::<query::Query>(version)
        .filter::<cors::Cors>(version)
        .filter::<csrf::Csrf>(version)
        .filter::<json::Json>(version)
        .filter::<form::Form>(version)
        .filter::<multipart::Multipart>(version)
        .filter::<schema::Schema>(version)
        .filter::<openapi::Openapi>(version)
        // The digest of a policy says which built-in rules it was that decided.
        .filter::<rules::Rules>(rules::EDITION)
        .filter::<mask::Mask>(version)
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
                "form",
                "headers",
                "json",
                "mask",
                "methods",
                "multipart",
                "openapi",
                "query",
                "rules",
                "schema",
                "security-headers",
            ]
        );
    }
}
