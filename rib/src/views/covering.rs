//! The prefixes that cover an address.

use std::net::IpAddr;

use bgp_codec::{IpPrefix, Ipv4Prefix, Ipv6Prefix, Prefix};

use super::family_view::FamilyView;
use super::rib_view::RibView;
use crate::family::FamilyIndex;
use crate::rib::Rib;

impl RibView<'_> {
    /// The prefixes with a path that cover an address, the longest first.
    #[must_use]
    pub fn covering(self, address: IpAddr) -> Vec<Prefix> {
        around(address).filter(|&prefix| has_path(self.rib, prefix, false)).collect()
    }

    /// The prefix whose route is used for packets to an address: the longest with a usable path, or if there
    /// is none the longest with a path.
    #[must_use]
    pub fn route_to(self, address: IpAddr) -> Option<Prefix> {
        let usable = around(address).find(|&prefix| has_path(self.rib, prefix, true));
        usable.or_else(|| around(address).find(|&prefix| has_path(self.rib, prefix, false)))
    }
}

fn has_path(rib: &Rib, prefix: Prefix, usable: bool) -> bool {
    let view = FamilyIndex::of(prefix.family()).map(|family| FamilyView::of(rib, family));
    view.and_then(|view| view.entry(prefix))
        .is_some_and(|entry| !entry.paths.is_empty() && (!usable || entry.best.is_some()))
}

/// The prefixes that cover an address, the longest first.
fn around(address: IpAddr) -> Box<dyn Iterator<Item = Prefix>> {
    match address {
        IpAddr::V4(address) => {
            Box::new((0..=32).rev().map(move |length| Ipv4Prefix::truncating(address, length).erase()))
        }
        IpAddr::V6(address) => {
            Box::new((0..=128).rev().map(move |length| Ipv6Prefix::truncating(address, length).erase()))
        }
    }
}
