//! Networks with the number of their owners, and those of them that no other one contains.

use std::collections::BTreeMap;

use ipnet::IpNet;

/// Networks, each counted as often as it was added.
///
/// Only the outermost ones, those that no other network here contains, are shown: they contain the same addresses, and
/// interval sets of nftables refuse intervals that overlap.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct NetworkCover {
    owners: BTreeMap<IpNet, u32>,
    /// How many different networks there are of each family and length.
    lengths: BTreeMap<(bool, u8), u32>,
}

/// A change of the outermost networks.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum CoverChange {
    Added(IpNet),
    Removed(IpNet),
}

impl NetworkCover {
    /// The outermost networks, in order.
    pub fn outermost(&self) -> impl Iterator<Item = IpNet> {
        self.owners.keys().copied().filter(|network| !self.is_covered(network))
    }

    /// Whether the address is in one of the networks.
    #[must_use]
    pub fn contains(&self, address: std::net::IpAddr) -> bool {
        let host = IpNet::from(address);
        self.owners.contains_key(&host) || self.is_covered(&host)
    }

    /// Adds a network, or another owner of one that is here.
    pub(crate) fn add(&mut self, network: IpNet) -> Vec<CoverChange> {
        let network = network.trunc();
        let owners = self.owners.entry(network).or_default();
        *owners += 1;
        if *owners > 1 {
            return Vec::new();
        }
        *self.lengths.entry(length_of(&network)).or_default() += 1;
        if self.is_covered(&network) {
            return Vec::new();
        }
        let inside = self.outermost_inside(network);
        inside.map(CoverChange::Removed).chain([CoverChange::Added(network)]).collect()
    }

    /// Removes an owner of a network, which must have been added before.
    pub(crate) fn remove(&mut self, network: IpNet) -> Vec<CoverChange> {
        let network = network.trunc();
        let Some(owners) = self.owners.get_mut(&network) else { return Vec::new() };
        *owners -= 1;
        if *owners > 0 {
            return Vec::new();
        }
        self.owners.remove(&network);
        let length = length_of(&network);
        if let Some(count) = self.lengths.get_mut(&length) {
            *count -= 1;
            if *count == 0 {
                self.lengths.remove(&length);
            }
        }
        if self.is_covered(&network) {
            return Vec::new();
        }
        let inside = self.outermost_inside(network);
        [CoverChange::Removed(network)].into_iter().chain(inside.map(CoverChange::Added)).collect()
    }

    /// Whether a shorter network here contains this one.
    fn is_covered(&self, network: &IpNet) -> bool {
        let (family, length) = length_of(network);
        let shorter = self.lengths.range((family, 0)..(family, length));
        shorter.map(|(&(_, shorter), _)| shorter).any(|shorter| {
            let outer = IpNet::new(network.addr(), shorter).map(|outer| outer.trunc());
            outer.is_ok_and(|outer| self.owners.contains_key(&outer))
        })
    }

    /// Those strictly inside of a network that nothing else inside of it contains.
    fn outermost_inside(&self, network: IpNet) -> impl Iterator<Item = IpNet> {
        let inside = self.owners.range(network..).map(|(&inner, _)| inner);
        let inside = inside.take_while(move |inner| network.contains(inner));
        let mut last: Option<IpNet> = None;
        // Networks are in the order of their addresses and lengths: what contains others comes before them.
        inside.filter(move |inner| {
            let is_new = *inner != network && !last.is_some_and(|last| last.contains(inner));
            if is_new {
                last = Some(*inner);
            }
            is_new
        })
    }
}

impl FromIterator<IpNet> for NetworkCover {
    fn from_iter<T: IntoIterator<Item = IpNet>>(networks: T) -> Self {
        let mut cover = Self::default();
        for network in networks {
            cover.add(network);
        }
        cover
    }
}

/// The key of `lengths`; `true` is IPv6.
fn length_of(network: &IpNet) -> (bool, u8) {
    (matches!(network, IpNet::V6(_)), network.prefix_len())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn network() -> impl Strategy<Value = IpNet> {
        let networks = [
            "0.0.0.0/0",
            "10.0.0.0/8",
            "10.0.0.0/9",
            "10.128.0.0/9",
            "10.0.0.0/32",
            "10.0.0.1/32",
            "::/0",
            "fd00::/8",
        ];
        prop::sample::select(networks.to_vec()).prop_map(|text| text.parse().unwrap())
    }

    proptest! {
        /// What is shown after any history is what a look at all networks finds, and the changes lead there.
        #[test]
        fn the_outermost_are_shown(history in prop::collection::vec((network(), any::<bool>()), 0..40)) {
            let mut cover = NetworkCover::default();
            let mut owned: Vec<IpNet> = Vec::new();
            let mut shown: std::collections::BTreeSet<IpNet> = std::collections::BTreeSet::new();
            for (network, adds) in history {
                let position = owned.iter().position(|owned| *owned == network);
                let changes = match (adds, position) {
                    (false, Some(position)) => {
                        owned.swap_remove(position);
                        cover.remove(network)
                    }
                    _ => {
                        owned.push(network);
                        cover.add(network)
                    }
                };
                for change in changes {
                    match change {
                        CoverChange::Added(network) => prop_assert!(shown.insert(network)),
                        CoverChange::Removed(network) => prop_assert!(shown.remove(&network)),
                    }
                }
                let is_inside = |inner: &IpNet| owned.iter().any(|outer| outer != inner && outer.contains(inner));
                let expected: std::collections::BTreeSet<IpNet> =
                    owned.iter().filter(|network| !is_inside(network)).copied().collect();
                prop_assert_eq!(&shown, &expected);
                prop_assert_eq!(cover.outermost().collect::<std::collections::BTreeSet<_>>(), expected);
                for address in ["10.0.0.1", "10.200.0.1", "192.0.2.1", "fd00::1", "2001:db8::1"] {
                    let address: std::net::IpAddr = address.parse().unwrap();
                    let expected = owned.iter().any(|network| network.contains(&address));
                    prop_assert_eq!(cover.contains(address), expected);
                }
            }
        }
    }
}
