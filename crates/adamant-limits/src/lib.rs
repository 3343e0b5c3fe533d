//! How much a caller may: the filter `rate`.
//!
//! Uses the public contract of `adamant-filter` alone. Knows no clock (time is that of the request), no
//! other filter, and no state without a declared bound.

mod exact;
mod gcra;
mod held;
mod meter;
mod rate;
mod sketch;
mod sliding;
mod table;

use adamant_filter::Catalogue;

/// Adds the filters of this crate to a catalogue.
#[must_use]
pub fn register(catalogue: Catalogue) -> Catalogue {
    catalogue.filter::<rate::RateLimit>(env!("CARGO_PKG_VERSION"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_catalogue_knows_every_filter() {
        let catalogue = register(Catalogue::new());
        let names: Vec<_> = catalogue.iter().map(adamant_filter::Registered::name).collect();
        assert_eq!(names, ["rate"]);
    }
}
