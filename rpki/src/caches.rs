//! The payloads of several caches as one set.

use std::collections::{BTreeMap, BTreeSet};

use crate::change::PayloadChange;
use crate::payload::RoutePayload;

/// Names a cache of a [`CacheUnion`].
pub type CacheIndex = usize;

/// All payloads that at least one cache has. Caches that validate the same repositories agree but for the time of their
/// last run, so that a payload counts while any of them still has it.
#[derive(Debug, Default)]
pub struct CacheUnion {
    /// In how many caches each payload is.
    counts: BTreeMap<RoutePayload, usize>,
    by_cache: BTreeMap<CacheIndex, BTreeSet<RoutePayload>>,
}

impl CacheUnion {
    /// Applies a change of one cache. Returns the change of the union.
    pub fn apply(&mut self, cache: CacheIndex, change: &PayloadChange) -> PayloadChange {
        let of_cache = self.by_cache.entry(cache).or_default();
        let mut of_union = PayloadChange::default();
        for &payload in &change.removed {
            if !of_cache.remove(&payload) {
                continue;
            }
            let count = self.counts.entry(payload).or_insert(1);
            *count -= 1;
            if *count == 0 {
                self.counts.remove(&payload);
                of_union.removed.push(payload);
            }
        }
        for &payload in &change.added {
            if !of_cache.insert(payload) {
                continue;
            }
            let count = self.counts.entry(payload).or_insert(0);
            *count += 1;
            if *count == 1 {
                of_union.added.push(payload);
            }
        }
        of_union
    }

    /// Forgets a cache. Returns the change of the union.
    pub fn remove(&mut self, cache: CacheIndex) -> PayloadChange {
        let removed = self.by_cache.get(&cache).into_iter().flatten().copied().collect();
        let change = self.apply(cache, &PayloadChange { added: Vec::new(), removed });
        self.by_cache.remove(&cache);
        change
    }

    /// Number of payloads of the union.
    #[must_use]
    pub fn len(&self) -> usize {
        self.counts.len()
    }

    /// Whether no cache has any payload.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.counts.is_empty()
    }

    /// All payloads, in order.
    pub fn iter(&self) -> impl Iterator<Item = RoutePayload> {
        self.counts.keys().copied()
    }
}

#[cfg(test)]
mod tests {
    use bgp_codec::Asn;
    use proptest::prelude::*;

    use super::*;

    fn payload(number: u8) -> RoutePayload {
        let prefix = format!("10.{number}.0.0/16").parse().unwrap();
        RoutePayload::new(prefix, 24, Asn(65001)).unwrap()
    }

    proptest! {
        #[test]
        fn the_changes_of_the_union_add_up_to_what_any_cache_has(
            steps in proptest::collection::vec((0..3usize, 0..6u8, 0..4u8), 0..80),
        ) {
            let mut union = CacheUnion::default();
            let mut caches: BTreeMap<CacheIndex, BTreeSet<RoutePayload>> = BTreeMap::new();
            let mut followed = BTreeSet::new();
            for (cache, number, kind) in steps {
                let payload = payload(number);
                let of_cache = caches.entry(cache).or_default();
                let change = match kind {
                    0 => {
                        caches.remove(&cache);
                        union.remove(cache)
                    }
                    1 => {
                        of_cache.remove(&payload);
                        union.apply(cache, &PayloadChange { added: Vec::new(), removed: vec![payload] })
                    }
                    _ => {
                        of_cache.insert(payload);
                        union.apply(cache, &PayloadChange { added: vec![payload], removed: Vec::new() })
                    }
                };
                for payload in change.removed {
                    prop_assert!(followed.remove(&payload));
                }
                for payload in change.added {
                    prop_assert!(followed.insert(payload));
                }
                let any: BTreeSet<RoutePayload> = caches.values().flatten().copied().collect();
                prop_assert_eq!(&followed, &any);
                prop_assert!(union.iter().eq(any.iter().copied()));
            }
        }
    }
}
