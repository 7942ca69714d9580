//! Which things rest on which link.

use std::collections::{BTreeMap, BTreeSet};

use crate::{Key, LinkName};

/// Which things rest on which link.
#[derive(Clone, Debug, Default)]
pub(super) struct LinkIndex(BTreeMap<LinkName, BTreeSet<Key>>);

impl LinkIndex {
    /// The things on a link.
    pub(super) fn on(&self, link: &LinkName) -> Vec<Key> {
        self.0.get(link).into_iter().flatten().cloned().collect()
    }

    /// Replaces the links that a thing rests on.
    pub(super) fn update(&mut self, key: &Key, before: &BTreeSet<LinkName>, after: &BTreeSet<LinkName>) {
        for link in before.difference(after) {
            if let Some(keys) = self.0.get_mut(link) {
                keys.remove(key);
                if keys.is_empty() {
                    self.0.remove(link);
                }
            }
        }
        for link in after.difference(before) {
            self.0.entry(link.clone()).or_default().insert(key.clone());
        }
    }
}
