//! The peers that may connect, and which of them a connection belongs to.

use std::collections::BTreeMap;
use std::net::IpAddr;

use margay_config::PeerPlace;

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

    /// The owner of a connection between two addresses: the peer with this own address, else the one without
    /// any, else the only one. Ports say nothing: a connection comes from a port of its own.
    pub(crate) fn owner(&self, peer: IpAddr, own: IpAddr) -> Owner<&T> {
        let Some(peers) = self.by_address.get(&peer) else { return Owner::Nobody };
        if let [(_, only)] = &peers[..] {
            return Owner::Peer(only);
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
        PeerPlace { address: address(peer), source, port: port.parse().unwrap() }
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
                let found = match peers.owner(address("10.0.0.2"), address(own)) {
                    Owner::Peer(text) => Owner::Peer(*text),
                    Owner::Unclear => Owner::Unclear,
                    Owner::Nobody => Owner::Nobody,
                };
                assert_eq!(found, expected, "{places:?} and a connection to {own}");
            }
        }
    }

    #[test]
    fn a_removed_peer_leaves_the_others_at_its_address() {
        let mut peers = ExpectedPeers::default();
        let (one, other) = (place("10.0.0.2"), place("10.0.0.2:1790"));
        peers.insert(one, 1);
        peers.insert(other, 2);
        assert!(peers.remove(one), "another one is left");
        assert_eq!(peers.owner(one.address, one.address), Owner::Peer(&2));
        assert!(!peers.remove(other));
        assert_eq!(peers.owner(one.address, one.address), Owner::Nobody);
        assert!(!peers.remove(other));
    }
}
