//! A peer as the Rib sees it: from session up until its last path is swept.

use std::collections::{BTreeSet, HashMap};
use std::net::IpAddr;
use std::num::NonZeroU16;
use std::sync::Arc;

use bgp_codec::{AsWidth, Asn, BgpIdentifier, Family, NextHop, PeerKind, Prefix};
use foldhash::fast::FixedState;
use margay_filter::FilterChain;
use roaring::RoaringBitmap;

use crate::export::GroupId;
use crate::family::{PerFamily, RibFamily};
use crate::family_rib::{RefreshIn, RefreshOut};
use crate::log::ReaderId;
use crate::paths::EntryIndex;
use crate::paths::Path;
use crate::policy::Reflection;

/// Names a peer's session in the Rib. A peer that comes back is given another one, so that nothing of the former
/// session is taken for the new one's.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct PeerIndex(pub(crate) u32);

impl PeerIndex {
    /// The source of the routes that this speaker originates.
    pub const LOCAL: Self = Self(0);

    /// The number, for those who write down what they tell the Rib.
    #[must_use]
    pub fn to_u32(self) -> u32 {
        self.0
    }

    /// The index with a number that was written down.
    #[must_use]
    pub fn from_u32(number: u32) -> Self {
        Self(number)
    }
}

/// What the Rib has to know of a peer whose session is established.
#[derive(Clone, Debug)]
pub struct PeerOptions {
    /// What operators call the peer.
    pub name: Arc<str>,
    /// Whether the peer is external or internal.
    pub kind: PeerKind,
    /// The peer's AS number.
    pub asn: Asn,
    /// The peer's BGP Identifier.
    pub identifier: BgpIdentifier,
    /// The peer's address.
    pub address: IpAddr,
    /// What the peer may use as next hop for IPv4 routes through this speaker.
    pub own_ipv4_next_hop: Option<NextHop>,
    /// What the peer may use as next hop for IPv6 routes through this speaker.
    pub own_ipv6_next_hop: Option<NextHop>,
    /// The subnet over which the peer is directly attached, if it is.
    pub shared_subnet: Option<Prefix>,
    /// The families that both sides announced.
    pub families: Vec<Family>,
    /// Decides what is used of what the peer announces.
    pub import: FilterChain,
    /// Decides what the peer is told.
    pub export: FilterChain,
    /// How NEXT_HOP is set in what the peer is told.
    pub next_hop: NextHopMode,
    /// The peer's part in route reflection.
    pub reflection: Reflection,
    /// The families in which the peer is told paths with path ids (RFC 7911), and which paths. In other families it is
    /// told the best one.
    pub add_path: Vec<(Family, PathsSent)>,
    /// How wide AS numbers are in what the peer is told.
    pub as_width: AsWidth,
    /// The longest message that the peer takes, in octets.
    pub max_message_octets: usize,
    /// Whether the peer is told where the answer to its ROUTE-REFRESH begins and ends (RFC 7313).
    pub enhanced_refresh: bool,
}

/// How NEXT_HOP is set in what a peer is told.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub enum NextHopMode {
    /// As RFC 4271 §5.1.3 has it: towards internal peers the next hop stays, towards external ones it is the own address.
    /// For a route from inside this AS whose next hop is on the subnet shared with the external peer it stays, too: the
    /// peer need not send the packets through this speaker.
    #[default]
    Auto,
    /// Always the own address.
    OwnAddress,
    /// The next hop stays, towards external peers too.
    Keep,
}

/// Which of the usable paths to a prefix a peer is told that takes several (RFC 7911).
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub enum PathsSent {
    /// All that export rules and filters let pass.
    #[default]
    All,
    /// The best ones of those that export rules and filters let pass, as many as this.
    Best(NonZeroU16),
}

/// Everything that is known about one peer.
#[derive(Debug)]
struct Peer {
    options: Arc<PeerOptions>,
    /// Whether the session is up; otherwise the peer's paths are invisible and wait to be swept.
    up: bool,
    routes: PerFamily<PeerRoutes>,
}

/// What a peer has in one family.
#[derive(Debug, Default)]
pub(crate) struct PeerRoutes {
    /// The entries with a path from the peer.
    pub(crate) entries: RoaringBitmap,
    /// How many paths the peer announced.
    pub(crate) received: usize,
    /// How many of them import accepted.
    pub(crate) accepted: usize,
    pub(crate) membership: Option<Membership>,
    /// The peer has not been told the end of the table yet.
    pub(crate) owes_end_of_rib: bool,
    /// The peer is to be told everything again between two marks.
    pub(crate) refresh_out: RefreshOut,
    /// The peer tells everything again.
    pub(crate) refresh_in: RefreshIn,
}

impl PeerRoutes {
    /// Notes that a path of the peer took the place of another; the caller removes the entry when its last path goes.
    pub(crate) fn on_replaced(&mut self, index: EntryIndex, old: Option<&Path>, new: Option<&Path>) {
        let accepted =
            |path: Option<&Path>| usize::from(path.is_some_and(|path| path.import.handle().is_some()));
        self.received = self.received + usize::from(new.is_some()) - usize::from(old.is_some());
        self.accepted = self.accepted + accepted(new) - accepted(old);
        if new.is_some() && old.is_none() {
            self.entries.insert(index.0);
        }
    }
}

/// A peer's place in an export group.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Membership {
    pub(crate) group: GroupId,
    pub(crate) reader: ReaderId,
}

/// All peers whose session is up, or whose paths are not swept yet.
///
/// An index is not used again before all others have been: messages and records that name a peer of the past must not come to
/// mean another one.
#[derive(Debug)]
pub(crate) struct Peers {
    by_index: HashMap<PeerIndex, Peer, FixedState>,
    next: u32,
}

impl Peers {
    pub(crate) fn new(hash_seed: u64) -> Self {
        let by_index = HashMap::with_hasher(FixedState::with_seed(hash_seed));
        Self { by_index, next: PeerIndex::LOCAL.0 + 1 }
    }

    pub(crate) fn add(&mut self, options: Arc<PeerOptions>) -> PeerIndex {
        let index = self.take_index();
        self.by_index.insert(index, Peer { options, up: true, routes: PerFamily::default() });
        index
    }

    /// An index that no known peer has. Peers that come and go fast use all of them up within weeks.
    fn take_index(&mut self) -> PeerIndex {
        loop {
            let index = PeerIndex(self.next);
            self.next = self.next.wrapping_add(1);
            if index != PeerIndex::LOCAL && !self.by_index.contains_key(&index) {
                return index;
            }
        }
    }

    /// The session is down: from now on the peer's paths count for nothing.
    pub(crate) fn set_down(&mut self, peer: PeerIndex) {
        if let Some(peer) = self.by_index.get_mut(&peer) {
            peer.up = false;
        }
    }

    /// Forgets a peer whose paths are swept.
    pub(crate) fn remove(&mut self, peer: PeerIndex) {
        self.by_index.remove(&peer);
    }

    /// Other options for a peer, with what cannot change in a session as it was.
    pub(crate) fn set_options(&mut self, peer: PeerIndex, options: Arc<PeerOptions>) {
        if let Some(peer) = self.by_index.get_mut(&peer) {
            peer.options = options;
        }
    }

    /// The peers whose sessions are up.
    pub(crate) fn all_up(&self) -> BTreeSet<PeerIndex> {
        self.by_index.iter().filter(|(_, peer)| peer.up).map(|(&index, _)| index).collect()
    }

    /// All that are known, in the order of their indexes, and whether they are up.
    pub(crate) fn sorted(&self) -> Vec<(PeerIndex, &PeerOptions, bool)> {
        let peers = self.by_index.iter().map(|(&index, peer)| (index, &*peer.options, peer.up));
        let mut peers: Vec<_> = peers.collect();
        peers.sort_unstable_by_key(|&(index, _, _)| index);
        peers
    }

    /// The options of a peer that is known, up or not.
    pub(crate) fn options(&self, peer: PeerIndex) -> Option<&Arc<PeerOptions>> {
        self.by_index.get(&peer).map(|peer| &peer.options)
    }

    /// The options of a peer whose session is up.
    pub(crate) fn up(&self, peer: PeerIndex) -> Option<&Arc<PeerOptions>> {
        self.by_index.get(&peer).filter(|peer| peer.up).map(|peer| &peer.options)
    }

    pub(crate) fn routes<P: RibFamily>(&self, peer: PeerIndex) -> Option<&PeerRoutes> {
        self.by_index.get(&peer).map(|peer| P::of(&peer.routes))
    }

    pub(crate) fn routes_mut<P: RibFamily>(&mut self, peer: PeerIndex) -> Option<&mut PeerRoutes> {
        self.by_index.get_mut(&peer).map(|peer| P::of_mut(&mut peer.routes))
    }

    /// The routes of every peer that is known.
    pub(crate) fn all_routes<P: RibFamily>(&self) -> impl Iterator<Item = &PeerRoutes> {
        self.by_index.values().map(|peer| P::of(&peer.routes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options() -> PeerOptions {
        PeerOptions {
            name: Arc::from("peer"),
            kind: PeerKind::Ebgp,
            asn: Asn(65001),
            identifier: BgpIdentifier::new(1).unwrap(),
            address: IpAddr::from([192, 0, 2, 1]),
            own_ipv4_next_hop: None,
            own_ipv6_next_hop: None,
            shared_subnet: None,
            families: Vec::new(),
            import: FilterChain::accept_all(),
            export: FilterChain::accept_all(),
            next_hop: NextHopMode::Auto,
            reflection: Reflection::NonClient,
            add_path: Vec::new(),
            as_width: AsWidth::Four,
            max_message_octets: 4096,
            enhanced_refresh: false,
        }
    }

    #[test]
    fn when_the_indexes_run_out_that_of_a_forgotten_session_is_used_again() {
        let options = Arc::new(options());
        let mut peers = Peers::new(1);
        let [known, forgotten] = [(); 2].map(|()| peers.add(Arc::clone(&options)));
        peers.remove(forgotten);
        peers.next = u32::MAX;
        let added = [(); 2].map(|()| peers.add(Arc::clone(&options)));
        assert_eq!(added, [PeerIndex(u32::MAX), forgotten]);
        assert!(peers.up(known).is_some());
    }
}
