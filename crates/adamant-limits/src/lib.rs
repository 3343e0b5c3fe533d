//! How much a caller may: the filters `rate`, `in-flight`, `quota`, `failures` and `bandwidth`.
//!
//! Uses the public contract of `adamant-filter` alone. Knows no clock (time is that of the request), no
//! other filter, and no state without a declared bound.

mod bandwidth;
mod carried;
#[cfg(test)]
mod conformance;
mod exact;
mod failures;
mod fields;
mod gcra;
mod held;
mod in_flight;
mod kept;
mod keyed;
mod meter;
mod quota;
mod rate;
mod sketch;
mod sliding;
mod table;

use adamant_filter::Catalogue;

/// Adds the filters of this crate to a catalogue.
#[must_use]
pub fn register(catalogue: Catalogue) -> Catalogue {
    let version = env!("CARGO_PKG_VERSION");
    catalogue
        .filter::<rate::RateLimit>(version)
        .filter::<in_flight::InFlight>(version)
        .filter::<quota::Quota>(version)
        .filter::<failures::Failures>(version)
        .filter::<bandwidth::Bandwidth>(version)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_catalogue_knows_every_filter() {
        let catalogue = register(Catalogue::new());
        let names: Vec<_> = catalogue.iter().map(adamant_filter::Registered::name).collect();
        assert_eq!(names, ["bandwidth", "failures", "in-flight", "quota", "rate"]);
    }
}
