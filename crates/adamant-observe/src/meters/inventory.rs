//! Everything that has a label, told at boot: from then on the number of series cannot grow.
//!
//! It counts nothing. Handles that it gives out are plain positions.

use std::collections::HashMap;
use std::sync::Arc;

use adamant_filter::{Counter, Reason};

/// What is known at boot of everything that is measured.
#[derive(Debug, Default)]
pub struct Inventory {
    /// Workers that record.
    pub workers: usize,
    /// Digest of the policy.
    pub digest: Arc<str>,
    /// Version of the policy language.
    pub language: u32,
    /// Version of the gateway.
    pub version: &'static str,
    /// Listeners, in the order of the file.
    pub listeners: Vec<Arc<str>>,
    /// Why a head may be refused before routing.
    pub head_reasons: &'static [&'static Reason],
    /// Routes, in the order of the file.
    pub routes: Vec<RouteName>,
    /// Upstreams, in the order of the file.
    pub upstreams: Vec<Arc<str>>,
    /// Counters that filters asked for.
    pub counters: Vec<FilterCounter>,
    /// Steps whose decisions are counted; filled by [`Inventory::filter`].
    pub filters: Filters,
}

/// Steps whose decisions are counted, by id.
#[derive(Debug, Default)]
pub struct Filters {
    pub(super) labels: Vec<FilterLabels>,
    positions: HashMap<Arc<str>, usize>,
}

/// Labels of a route.
#[derive(Clone, Debug)]
pub struct RouteName {
    /// Its name in the file.
    pub name: Arc<str>,
    /// Its path pattern, as written.
    pub pattern: Arc<str>,
}

/// A counter that a filter asked for.
#[derive(Clone, Debug)]
pub struct FilterCounter {
    /// Name between `adamant_` and `_total`.
    pub name: &'static str,
    /// One sentence.
    pub help: &'static str,
    /// The number. Instances that gave the same name are summed.
    pub counter: Counter,
}

/// Handle of the decisions of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FilterMeter(pub(super) u32);

/// A label of `adamant_decisions_total` with the reasons that may stand beside it.
#[derive(Debug)]
pub(super) struct FilterLabels {
    pub(super) id: Arc<str>,
    /// It is a step; else a part of the gateway, of which only refusals are counted.
    pub(super) is_step: bool,
    pub(super) reasons: Vec<&'static Reason>,
}

impl Inventory {
    /// The handle of a step called `id` that may refuse for `reasons`. Steps of the same id are counted
    /// together, so ten thousand routes with an inline `rate` make no more series than one.
    pub fn filter(&mut self, id: &Arc<str>, reasons: &[&'static Reason]) -> FilterMeter {
        self.decider(id, reasons, true)
    }

    /// The handle of a part of the gateway that refuses by itself, under this word.
    pub fn part(&mut self, word: &'static str, reasons: &[&'static Reason]) -> FilterMeter {
        self.decider(&Arc::from(word), reasons, false)
    }

    fn decider(&mut self, id: &Arc<str>, reasons: &[&'static Reason], is_step: bool) -> FilterMeter {
        let Filters { labels, positions } = &mut self.filters;
        let position = *positions.entry(Arc::clone(id)).or_insert_with(|| {
            labels.push(FilterLabels {
                id: Arc::clone(id),
                is_step: false,
                reasons: Vec::new(),
            });
            labels.len() - 1
        });
        if let Some(labels) = labels.get_mut(position) {
            labels.is_step |= is_step;
            for reason in reasons {
                if !labels.reasons.iter().any(|known| known.code() == reason.code()) {
                    labels.reasons.push(reason);
                }
            }
        }
        FilterMeter(position as u32)
    }
}
