//! Names of fields that match, a few at a time: how fields are removed by pattern without allocation.
//!
//! Knows neither requests nor answers; the head forbids iteration while it is changed.

use http::header::HeaderName;

/// Names collected at a time. A head has some twenty fields, so that one batch nearly always does.
const BATCH: usize = 16;

/// Up to [`BATCH`] names that matched.
pub(crate) struct NameBatch([Option<HeaderName>; BATCH]);

impl NameBatch {
    pub(crate) fn of<'h>(
        names: impl Iterator<Item = &'h HeaderName>,
        matches: &impl Fn(&HeaderName) -> bool,
    ) -> Self {
        let mut batch = [const { None }; BATCH];
        for (place, name) in batch.iter_mut().zip(names.filter(|name| matches(name))) {
            // Names of the standard are copied, others share their bytes.
            *place = Some(name.clone());
        }
        Self(batch)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &HeaderName> {
        self.0.iter().flatten()
    }

    /// Whether there may be more.
    pub(crate) fn is_full(&self) -> bool {
        self.0.iter().all(Option::is_some)
    }
}
