//! What may pass: the filters `accept`, `addresses`, `body-size`, `content-type`, `cors`, `headers`, `mask` and `methods`.
//!
//! Uses the public contract of `adamant-filter` alone. The framing, the path and the size of heads are not
//! checked here: the transport guard of the gateway always does that, before any filter.

mod accept;
mod addresses;
mod body_size;
mod content_type;
mod cors;
mod headers;
mod mask;
mod media_range;
mod methods;

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
                "content-type",
                "cors",
                "headers",
                "mask",
                "methods"
            ]
        );
    }
}
