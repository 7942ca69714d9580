//! The routes that a peer must hold in the end.

use std::rc::Rc;

use bgp_codec::{IpPrefix as _, Ipv4Prefix, NextHop, PathAttributes};
use foldhash::{HashMap, HashMapExt};

use crate::workload::{AttributeSets, RouteTable};

/// Expected prefixes with their attributes.
#[derive(Debug)]
pub(crate) struct Expectation {
    group_of: Rc<HashMap<Ipv4Prefix, usize>>,
    attributes: AttributeSets,
    next_hop: NextHop,
}

impl Expectation {
    /// A whole table.
    pub(crate) fn table(table: &RouteTable, attributes: AttributeSets, next_hop: NextHop) -> Self {
        let numbered = table.groups().iter().enumerate();
        let group_of =
            numbered.flat_map(|(group, prefixes)| prefixes.iter().map(move |prefix| (*prefix, group)));
        Self { group_of: Rc::new(group_of.collect()), attributes, next_hop }
    }

    /// The same prefixes with new attributes.
    pub(crate) fn with_attributes(&self, attributes: AttributeSets) -> Self {
        Self { group_of: Rc::clone(&self.group_of), attributes, next_hop: self.next_hop }
    }

    /// The same routes without those inside a prefix.
    pub(crate) fn outside(&self, prefix: Ipv4Prefix) -> Self {
        let outside = self.group_of.iter().filter(|&(&inner, _)| !prefix.contains(inner));
        Self {
            group_of: Rc::new(outside.map(|(&prefix, &group)| (prefix, group)).collect()),
            attributes: self.attributes.clone(),
            next_hop: self.next_hop,
        }
    }

    /// No routes.
    pub(crate) fn nothing(next_hop: NextHop) -> Self {
        Self { group_of: Rc::new(HashMap::new()), attributes: AttributeSets::default(), next_hop }
    }

    /// Number of routes.
    pub(crate) fn len(&self) -> usize {
        self.group_of.len()
    }

    pub(crate) fn prefixes(&self) -> impl Iterator<Item = Ipv4Prefix> + '_ {
        self.group_of.keys().copied()
    }

    /// The expected attributes and next hop of a prefix; `None` if no route is expected.
    pub(crate) fn route(&self, prefix: Ipv4Prefix) -> Option<(&PathAttributes, NextHop)> {
        let group = self.group_of.get(&prefix)?;
        Some((&self.attributes.as_slice()[*group], self.next_hop))
    }
}
