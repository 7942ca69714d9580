//! The node's links with their IPv4 addresses.

use std::collections::{HashMap, HashSet};
use std::net::Ipv4Addr;

use crate::{
    netlink::{LinkNotice, LinkState},
    version::Version,
};

/// All links by index.
#[derive(Default)]
pub(crate) struct Links(HashMap<u32, Link>);

#[derive(Default)]
struct Link {
    name: String,
    state: Option<LinkState>,
    addresses: HashSet<Ipv4Addr>,
    /// State of the IPv4 next hops over it.
    ipv4_hops: Hops,
}

/// State that the kernel assigns to the next hops over a link (`RTNH_F_DEAD`). A route whose next hops are
/// all dead is removed.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) enum Hops {
    Alive,
    Dead,
    /// The link has no address, and it is unknown whether the routes over it are older than that.
    #[default]
    Doubtful,
}

/// Meaning of a link message for routes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum LinkChange {
    /// No relevant change, only counters.
    None,
    /// The link became usable.
    CameUp,
    /// It lost its carrier. The kernel keeps routes over it, and removes next hop objects.
    LostCarrier,
    /// It was set down or deleted: routes over it are flushed, IPv4 ones silently.
    WentDown,
}

impl Links {
    /// Whether packets can be sent over the interface: administratively up, with a carrier, and not a
    /// loopback interface.
    pub(crate) fn is_usable(&self, interface: u32) -> bool {
        let state = self.0.get(&interface).and_then(|link| link.state);
        state.is_some_and(LinkState::is_usable)
    }

    pub(crate) fn name(&self, interface: u32) -> Option<&str> {
        self.0.get(&interface).map(|link| link.name.as_str())
    }

    /// State of the next hops over the interface. With its last address, IPv4 ones die as if the link had
    /// been set down.
    pub(crate) fn hops(&self, interface: u32, version: Version) -> Hops {
        let Some(link) = self.0.get(&interface) else { return Hops::Dead };
        match version {
            Version::Ipv4 => link.ipv4_hops,
            Version::Ipv6 if link.state.is_some_and(|state| !state.up) => Hops::Dead,
            Version::Ipv6 => Hops::Alive,
        }
    }

    /// Whether the interface has any IPv4 address.
    pub(crate) fn has_addresses(&self, interface: u32) -> bool {
        self.0.get(&interface).is_some_and(|link| !link.addresses.is_empty())
    }

    /// Whether any interface has the address.
    pub(crate) fn has_address(&self, address: Ipv4Addr) -> bool {
        self.0.values().any(|link| link.addresses.contains(&address))
    }

    /// The index of an interface.
    pub(crate) fn index(&self, name: &str) -> Option<u32> {
        self.0.iter().find(|(_, link)| link.state.is_some() && link.name == name).map(|(&index, _)| index)
    }

    pub(crate) fn indexes(&self) -> impl Iterator<Item = u32> {
        self.0.keys().copied()
    }

    /// Handles a link's new state and returns what changed.
    pub(crate) fn on_link(&mut self, notice: &LinkNotice) -> LinkChange {
        let link = self.0.entry(notice.interface).or_default();
        let renamed = link.name != notice.name;
        link.name.clone_from(&notice.name);
        let before = link.state.replace(notice.state);
        let was = |which: fn(LinkState) -> bool| before.is_some_and(which);
        let is = notice.state;
        if !is.up {
            link.ipv4_hops = Hops::Dead;
        } else if was(|state| !state.up) {
            link.ipv4_hops = Hops::Alive;
        }
        if was(|state| state.up) && !is.up {
            LinkChange::WentDown
        } else if was(LinkState::is_usable) && !is.is_usable() {
            LinkChange::LostCarrier
        } else if is.is_usable() && (renamed || !was(LinkState::is_usable)) {
            LinkChange::CameUp
        } else {
            LinkChange::None
        }
    }

    pub(crate) fn on_link_gone(&mut self, interface: u32) {
        self.0.remove(&interface);
    }

    /// Handles an address. Returns whether the interface has just lost its last one.
    pub(crate) fn on_address(&mut self, interface: u32, address: Ipv4Addr, removed: bool) -> bool {
        let link = self.0.entry(interface).or_default();
        if !removed {
            link.addresses.insert(address);
            if link.state.is_none_or(|state| state.up) {
                link.ipv4_hops = Hops::Alive;
            }
            return false;
        }
        let was_there = link.addresses.remove(&address);
        if link.addresses.is_empty() {
            link.ipv4_hops = Hops::Dead;
        }
        was_there && link.addresses.is_empty()
    }

    pub(crate) fn forget_addresses(&mut self) {
        for link in self.0.values_mut() {
            link.addresses.clear();
            if link.ipv4_hops == Hops::Alive {
                link.ipv4_hops = Hops::Doubtful;
            }
        }
    }
}

impl LinkState {
    fn is_usable(self) -> bool {
        self.up && self.running && !self.loopback
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_of_a_link_are_classified() {
        let mut links = Links::default();
        let rows = [
            (false, false, LinkChange::None),
            (true, false, LinkChange::None),
            (true, true, LinkChange::CameUp),
            (true, true, LinkChange::None),
            (true, false, LinkChange::LostCarrier),
            (true, true, LinkChange::CameUp),
            (false, true, LinkChange::WentDown),
            (false, false, LinkChange::None),
            (true, false, LinkChange::None),
            (false, false, LinkChange::WentDown),
        ];
        for (number, (up, running, expected)) in rows.into_iter().enumerate() {
            let state = LinkState { up, running, loopback: false };
            let notice = LinkNotice { interface: 3, name: "one".to_owned(), state };
            assert_eq!(links.on_link(&notice), expected, "row {number}");
            assert_eq!(links.is_usable(3), up && running, "row {number}");
        }
    }

    #[test]
    fn the_last_address_is_noticed() {
        let mut links = Links::default();
        let [a, b] = ["10.0.0.1", "10.0.0.2"].map(|text| text.parse().unwrap());
        assert!(!links.on_address(3, a, false));
        assert!(!links.on_address(3, b, false));
        assert!(!links.on_address(3, a, true));
        assert!(!links.on_address(3, a, true), "twice the same");
        assert!(links.on_address(3, b, true));
    }
}
