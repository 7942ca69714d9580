//! Ways of static routes, which lead to next hops as the kernel's own routes do.

use std::collections::BTreeMap;
use std::net::IpAddr;

use bgp_codec::Prefix;
use margay_containers::LongestMatch;
use margay_forwarding::Hop;

/// Where an installed static route leads.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct StaticWay {
    /// Its next hops; without any, packets are discarded.
    pub hops: Vec<Hop>,
    /// Its metric, which is the cost to a next hop behind it.
    pub metric: u32,
}

/// The static routes that next hops are resolved by.
#[derive(Default)]
pub(crate) struct StaticWays {
    by_prefix: BTreeMap<Prefix, StaticWay>,
    around: LongestMatch<StaticWay>,
}

impl StaticWays {
    /// Replaces all. Returns the prefixes at which something changed.
    pub(crate) fn set(&mut self, ways: BTreeMap<Prefix, StaticWay>) -> Vec<Prefix> {
        let all = self.by_prefix.keys().chain(ways.keys());
        let mut changed: Vec<Prefix> =
            all.filter(|prefix| self.by_prefix.get(*prefix) != ways.get(*prefix)).copied().collect();
        changed.sort_unstable();
        changed.dedup();
        for &prefix in &changed {
            match ways.get(&prefix) {
                Some(way) => self.around.insert(prefix, way.clone()),
                None => self.around.remove(prefix),
            };
        }
        self.by_prefix = ways;
        changed
    }

    pub(crate) fn get(&self, prefix: Prefix) -> Option<&StaticWay> {
        self.by_prefix.get(&prefix)
    }

    pub(crate) fn prefixes(&self) -> impl Iterator<Item = Prefix> {
        self.by_prefix.keys().copied()
    }

    /// The static routes that cover an address, the longest first.
    pub(crate) fn around(&self, address: IpAddr) -> impl Iterator<Item = (Prefix, &StaticWay)> {
        self.around.around(address)
    }

    /// The prefixes of static routes whose ways may depend on a route to `prefix`, directly or over other static routes.
    pub(crate) fn behind(&self, prefix: Prefix) -> Vec<Prefix> {
        let mut found = vec![prefix];
        let mut at = 0;
        while let Some(&covering) = found.get(at) {
            let leads_into = |way: &StaticWay| {
                let gateways = way.hops.iter().filter_map(|hop| hop.gateway());
                gateways
                    .map(|gateway| gateway.address())
                    .any(|address| covering.contains(Prefix::host(address)))
            };
            for (&behind, way) in &self.by_prefix {
                if leads_into(way) && !found.contains(&behind) {
                    found.push(behind);
                }
            }
            at += 1;
        }
        found.split_off(1)
    }

    /// The prefixes of static routes that lead over a link which they name.
    pub(crate) fn over(&self, link: &str) -> Vec<Prefix> {
        let names =
            |way: &StaticWay| way.hops.iter().any(|hop| hop.link().is_some_and(|it| it.as_str() == link));
        self.by_prefix.iter().filter(|(_, way)| names(way)).map(|(&prefix, _)| prefix).collect()
    }
}
