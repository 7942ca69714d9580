//! The peers that may connect, and which of them a connection belongs to.

use std::collections::BTreeMap;
use std::net::IpAddr;

use margay_config::PeerPlace;
use margay_forwarding::LinkName;

/// Peers by where they are reached, each with a value.
#[derive(Debug)]
pub(crate) struct ExpectedPeers<T> {
    by_address: BTreeMap<IpAddr, Vec<(PeerPlace, T)>>,
}

/// The peer that a connection belongs to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Owner<T> {
    /// This one.
    Peer(T),
    /// It may belong to several, or to none of those that have its address.
    Unclear,
    /// No peer has its address.
    Nobody,
}

impl<T> Default for ExpectedPeers<T> {
    fn default() -> Self {
        Self { by_address: BTreeMap::new() }
    }
}

impl<T> ExpectedPeers<T> {
    /// Adds a peer, or changes its value.
    pub(crate) fn insert(&mut self, place: PeerPlace, value: T) {
        let peers = self.by_address.entry(place.address.to_canonical()).or_default();
        peers.retain(|(other, _)| *other != place);
        peers.push((place, value));
    }

    /// Removes a peer. Returns whether others are left at its address.
    pub(crate) fn remove(&mut self, place: PeerPlace) -> bool {
        let address = place.address.to_canonical();
        let Some(peers) = self.by_address.get_mut(&address) else { return false };
        peers.retain(|(other, _)| *other != place);
        if peers.is_empty() {
            self.by_address.remove(&address);
            return false;
        }
        true
    }

    /// The owner of a connection between two addresses, over this link if they are link-local: the peer with this
    /// own address, else the one without any, else the only one. Ports say nothing: a connection comes from a
    /// port of its own.
    pub(crate) fn owner(&self, peer: IpAddr, link: Option<LinkName>, own: IpAddr) -> Owner<&T> {
        let at_address = self.by_address.get(&peer).map(Vec::as_slice).unwrap_or_default();
        let peers: Vec<&(PeerPlace, T)> = at_address.iter().filter(|(place, _)| place.link == link).collect();
        match peers[..] {
            [] => return Owner::Nobody,
            [(_, only)] => return Owner::Peer(only),
            _ => {}
        }
        let of_source = |source: Option<IpAddr>| {
            let source = source.map(|address| address.to_canonical());
            peers.iter().filter(move |(place, _)| place.source.map(|it| it.to_canonical()) == source)
        };
        for source in [Some(own), None] {
            let mut matching = of_source(source);
            match (matching.next(), matching.next()) {
                (Some((_, peer)), None) => return Owner::Peer(peer),
                (Some(_), Some(_)) => return Owner::Unclear,
                (None, _) => {}
            }
        }
        Owner::Unclear
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    /// A place as `address`, `address:port`, or one of both with `<source` behind it.
    fn place(text: &str) -> PeerPlace {
        let (peer, source) =
            text.split_once('<').map_or((text, None), |(peer, own)| (peer, Some(address(own))));
        let (peer, port) = peer.split_once(':').unwrap_or((peer, "179"));
        PeerPlace { address: address(peer), link: None, source, port: port.parse().unwrap() }
    }

    #[test]
    fn a_connection_belongs_to_the_peer_of_the_most_specific_place() {
        let rows: [(&[&str], &str, Owner<&str>); 11] = [
            (&[], "10.0.0.1", Owner::Nobody),
            (&["10.0.0.9"], "10.0.0.1", Owner::Nobody),
            (&["10.0.0.2"], "10.0.0.1", Owner::Peer("10.0.0.2")),
            // The only one, whatever it connects from itself.
            (&["10.0.0.2<10.0.0.7"], "10.0.0.1", Owner::Peer("10.0.0.2<10.0.0.7")),
            (&["10.0.0.2<10.0.0.1", "10.0.0.2<10.0.0.7"], "10.0.0.1", Owner::Peer("10.0.0.2<10.0.0.1")),
            (&["10.0.0.2<10.0.0.1", "10.0.0.2<10.0.0.7"], "10.0.0.7", Owner::Peer("10.0.0.2<10.0.0.7")),
            (&["10.0.0.2<10.0.0.1", "10.0.0.2<10.0.0.7"], "10.0.0.8", Owner::Unclear),
            (&["10.0.0.2<10.0.0.1", "10.0.0.2"], "10.0.0.1", Owner::Peer("10.0.0.2<10.0.0.1")),
            (&["10.0.0.2<10.0.0.1", "10.0.0.2"], "10.0.0.8", Owner::Peer("10.0.0.2")),
            (&["10.0.0.2", "10.0.0.2:1790"], "10.0.0.1", Owner::Unclear),
            (&["10.0.0.2<10.0.0.1", "10.0.0.2:1790<10.0.0.1", "10.0.0.2"], "10.0.0.1", Owner::Unclear),
        ];
        for (places, own, expected) in rows {
            // In any order.
            for reversed in [false, true] {
                let mut places = places.to_vec();
                if reversed {
                    places.reverse();
                }
                let mut peers = ExpectedPeers::default();
                places.iter().for_each(|text| peers.insert(place(text), *text));
                let found = match peers.owner(address("10.0.0.2"), None, address(own)) {
                    Owner::Peer(text) => Owner::Peer(*text),
                    Owner::Unclear => Owner::Unclear,
                    Owner::Nobody => Owner::Nobody,
                };
                assert_eq!(found, expected, "{places:?} and a connection to {own}");
            }
        }
    }

    /// `fe80::1` is another router on each link.
    #[test]
    fn a_link_local_address_is_of_the_peer_on_its_link() {
        let [eth0, eth1, eth2] = ["eth0", "eth1", "eth2"].map(|name| Some(name.parse().unwrap()));
        let own = address("fe80::2");
        let place = |link| PeerPlace { link, ..PeerPlace::of_address(address("fe80::1")) };
        let mut peers = ExpectedPeers::default();
        peers.insert(place(eth0), 0);
        peers.insert(place(eth1), 1);
        let owner = |peers: &ExpectedPeers<u32>, link| match peers.owner(address("fe80::1"), link, own) {
            Owner::Peer(number) => Some(*number),
            Owner::Nobody => None,
            Owner::Unclear => panic!("not unclear"),
        };
        assert_eq!([eth0, eth1, eth2, None].map(|link| owner(&peers, link)), [Some(0), Some(1), None, None]);
        assert!(peers.remove(place(eth0)));
        assert_eq!([eth0, eth1].map(|link| owner(&peers, link)), [None, Some(1)]);
    }

    #[test]
    fn a_removed_peer_leaves_the_others_at_its_address() {
        let mut peers = ExpectedPeers::default();
        let (one, other) = (place("10.0.0.2"), place("10.0.0.2:1790"));
        peers.insert(one, 1);
        peers.insert(other, 2);
        assert!(peers.remove(one), "another one is left");
        assert_eq!(peers.owner(one.address, None, one.address), Owner::Peer(&2));
        assert!(!peers.remove(other));
        assert_eq!(peers.owner(one.address, None, one.address), Owner::Nobody);
        assert!(!peers.remove(other));
    }
}
