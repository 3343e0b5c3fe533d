//! What may pass: the filters `methods`, `addresses`, `body-size` and `headers`.
//!
//! Uses the public contract of `adamant-filter` alone. The framing, the path and the size of heads are not
//! checked here: the transport guard of the gateway always does that, before any filter.

mod addresses;
mod body_size;
#[cfg(test)]
mod conformance;
mod headers;
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
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_catalogue_knows_every_filter() {
        let catalogue = register(Catalogue::new());
        let names: Vec<_> = catalogue.iter().map(adamant_filter::Registered::name).collect();
        assert_eq!(names, ["addresses", "body-size", "headers", "methods"]);
    }
}
