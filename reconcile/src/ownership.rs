//! Which things of the kernel belong to this program.

use std::collections::BTreeSet;
use std::net::IpAddr;

use crate::{Key, LinkName, Seen};

/// Which things belong to this program. Those that do and are not wanted are removed; all others are left alone.
///
/// - A link belongs to it by its name, together with all addresses (link-local IPv6 ones aside), permanent neighbours and
///   forwarding entries on it.
/// - Routes and rules belong to it by their protocol number.
/// - A sysctl belongs to it while it is wanted.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Ownership {
    /// Links that it creates and removes.
    pub links: BTreeSet<LinkName>,
    /// Links that it does not create, but on which addresses and neighbours are its own.
    pub furnished_links: BTreeSet<LinkName>,
    /// The protocol number of its routes and rules.
    pub protocol: u8,
}

impl Ownership {
    /// Whether a seen thing belongs to this program.
    #[must_use]
    pub fn covers(&self, seen: &Seen) -> bool {
        match &seen.key {
            Key::Route(_) | Key::Rule(_) => seen.protocol == Some(self.protocol),
            key => self.covers_key(key),
        }
    }

    /// Whether a thing belongs to this program by its key; never for routes and rules.
    #[must_use]
    pub fn covers_key(&self, key: &Key) -> bool {
        match key {
            Key::Link(link) => self.links.contains(link),
            Key::Address(link, address) => {
                let is_link_local =
                    matches!(address.addr(), IpAddr::V6(address) if address.is_unicast_link_local());
                !is_link_local && self.furnishes(link)
            }
            Key::Forwarding(link, _) | Key::Neighbour(link, _) => self.furnishes(link),
            Key::Sysctl { .. } | Key::Route(_) | Key::Rule(_) => false,
        }
    }

    fn furnishes(&self, link: &LinkName) -> bool {
        self.links.contains(link) || self.furnished_links.contains(link)
    }
}
