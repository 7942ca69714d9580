//! Foreign prefixes by the links that their routes lead over.

use std::collections::{BTreeSet, HashMap};

use bgp_codec::Prefix;

/// See the [module](self).
#[derive(Default)]
pub(crate) struct ForeignLinks {
    by_interface: HashMap<u32, BTreeSet<Prefix>>,
    by_prefix: HashMap<Prefix, BTreeSet<u32>>,
}

impl ForeignLinks {
    /// Stands for routes that refer to a next hop object: they may lead over any link.
    pub(crate) const ANY_INTERFACE: u32 = 0;

    /// Sets the interfaces that the routes to a prefix lead over.
    pub(crate) fn set(&mut self, prefix: Prefix, interfaces: BTreeSet<u32>) {
        let before = self.by_prefix.remove(&prefix).unwrap_or_default();
        for left in before.difference(&interfaces) {
            if let Some(prefixes) = self.by_interface.get_mut(left) {
                prefixes.remove(&prefix);
                if prefixes.is_empty() {
                    self.by_interface.remove(left);
                }
            }
        }
        for &new in interfaces.difference(&before) {
            self.by_interface.entry(new).or_default().insert(prefix);
        }
        if !interfaces.is_empty() {
            self.by_prefix.insert(prefix, interfaces);
        }
    }

    /// The prefixes whose routes may lead over an interface.
    pub(crate) fn on(&self, interface: u32) -> Vec<Prefix> {
        let sets = [interface, Self::ANY_INTERFACE].into_iter().filter_map(|key| self.by_interface.get(&key));
        sets.flatten().copied().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_has_the_prefixes_whose_routes_lead_over_it_now() {
        let [a, b, object] = ["10.1.0.0/16", "10.2.0.0/16", "10.3.0.0/16"].map(|text| text.parse().unwrap());
        let mut links = ForeignLinks::default();
        links.set(a, BTreeSet::from([3]));
        links.set(b, BTreeSet::from([3, 4]));
        assert_eq!((links.on(3), links.on(4), links.on(5)), (vec![a, b], vec![b], vec![]));
        links.set(object, BTreeSet::from([ForeignLinks::ANY_INTERFACE]));
        links.set(a, BTreeSet::from([4]));
        assert_eq!(
            (links.on(3), links.on(4), links.on(5)),
            (vec![b, object], vec![a, b, object], vec![object])
        );
        for gone in [a, b, object] {
            links.set(gone, BTreeSet::new());
        }
        assert!(links.by_interface.is_empty() && links.by_prefix.is_empty(), "nothing remains");
    }
}
