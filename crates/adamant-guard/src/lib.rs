//! What may pass: the filters `methods`, `addresses`, `body-size`, `headers` and `rules`.
//!
//! Uses the public contract of `adamant-filter` alone. The framing, the path and the size of heads are not
//! checked here: the transport guard of the gateway always does that, before any filter.

mod addresses;
mod body_size;
mod headers;
mod methods;
mod rules;

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
        assert_eq!(names, ["addresses", "body-size", "headers", "methods", "rules"]);
    }
}
