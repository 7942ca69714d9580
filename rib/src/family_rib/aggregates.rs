//! Aggregates: prefixes that are originated while enough routes inside them are in use.

use std::collections::BTreeMap;

use bgp_codec::Prefix;
use margay_filter::FilterChain;
use roaring::RoaringBitmap;

use crate::index::EntryIndex;
use crate::options::AggregateOptions;

/// The aggregates of one family, and which entries contribute to each.
#[derive(Debug, Default)]
pub(crate) struct Aggregates(BTreeMap<Prefix, Aggregate>);

/// An aggregate, and the entries inside it whose best paths contribute.
#[derive(Debug)]
pub(crate) struct Aggregate {
    pub(crate) options: AggregateOptions,
    contributors: RoaringBitmap,
}

impl Aggregate {
    /// Whether enough routes contribute.
    pub(crate) fn is_active(&self) -> bool {
        self.contributors.len() >= u64::from(self.options.least.get())
    }
}

impl Aggregates {
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Sets the aggregate at a prefix; `None` for no aggregate. One with another filter has no contributors until they are
    /// [updated](Self::update), and keeps those that it had while the filter stays.
    pub(crate) fn set(&mut self, prefix: Prefix, options: Option<AggregateOptions>) {
        let former = self.0.remove(&prefix);
        if let Some(options) = options {
            let is_same =
                |former: &Aggregate| former.options.contributors.same_content(&options.contributors);
            let contributors = former.filter(is_same).map(|former| former.contributors).unwrap_or_default();
            self.0.insert(prefix, Aggregate { options, contributors });
        }
    }

    pub(crate) fn get(&self, prefix: Prefix) -> Option<&Aggregate> {
        self.0.get(&prefix)
    }

    /// The aggregates, ordered by prefix.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (Prefix, &Aggregate)> {
        self.0.iter().map(|(&prefix, aggregate)| (prefix, aggregate))
    }

    /// Notes which aggregates the route of an entry contributes to now, as `passes` says of their filters. Returns the prefixes
    /// of those that have become active or inactive.
    ///
    /// The cost is in proportion to the number of aggregates.
    pub(crate) fn update(
        &mut self,
        prefix: Prefix,
        entry: EntryIndex,
        passes: impl Fn(&FilterChain) -> bool,
    ) -> Vec<Prefix> {
        let around = self.0.iter_mut().filter(|(around, _)| around.contains(prefix) && **around != prefix);
        let changed = around.filter_map(|(around, aggregate)| {
            let was_active = aggregate.is_active();
            match passes(&aggregate.options.contributors) {
                true => aggregate.contributors.insert(entry.0),
                false => aggregate.contributors.remove(entry.0),
            };
            (aggregate.is_active() != was_active).then_some(*around)
        });
        changed.collect()
    }
}
