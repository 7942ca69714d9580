//! A peer as the Rib sees it: from session up until its last path is swept.

mod refresh;

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use foldhash::fast::FixedState;
use margay_filter::{RouteSource, Session};
use roaring::RoaringBitmap;

pub(crate) use self::refresh::{RefreshIn, RefreshOut};
use crate::family::{FamilyIndex, FamilyTurn, PerFamily};
use crate::index::{EntryIndex, GroupId, PeerIndex, SourceIndex};
use crate::log::ReaderId;
use crate::options::PeerOptions;
use crate::paths::{ImportRefusal, Path, Source};

/// Everything known about one peer.
#[derive(Debug)]
struct Peer {
    options: Arc<PeerOptions>,
    /// The peer as filters see it.
    session: Session,
    presence: Presence,
    routes: PerFamily<PeerRoutes>,
    /// The family whose routes the peer is sent next.
    turn: FamilyTurn,
}

/// State of a peer's session.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Presence {
    /// Established.
    Up,
    /// Over, and expected to be resumed: the peer's paths stay in use.
    Away,
    /// Over: the peer's paths are out of use, and wait to be swept.
    Down,
}

/// State of a peer in one family.
#[derive(Debug, Default)]
pub(crate) struct PeerRoutes {
    /// The entries with a path from the peer.
    pub(crate) entries: RoaringBitmap,
    /// Number of paths that the peer announced.
    pub(crate) received: usize,
    /// Number of these paths that import accepted.
    pub(crate) accepted: usize,
    /// What is refused for the peer's limits; `None` for a peer that never exceeded one.
    pub(crate) beyond_limits: Option<Box<BeyondLimits>>,
    pub(crate) membership: Option<Membership>,
    /// Whether the peer was a member of a group in a former session, and has come back under the same index.
    pub(crate) was_member: bool,
    /// Whether the peer has been away for longer than a restart takes, and its paths are kept as a last resort (RFC 9494).
    pub(crate) is_long_lived_stale: bool,
    /// Whether the paths are marked as kept from a session that ended, because filters ask for it.
    pub(crate) is_marked_stale: bool,
    /// Whether End-of-RIB is still to be sent.
    pub(crate) owes_end_of_rib: bool,
    /// Progress of sending all routes again, between two marks.
    pub(crate) refresh_out: RefreshOut,
    /// Progress of a route refresh by the peer.
    pub(crate) refresh_in: RefreshIn,
}

/// What is refused for the limits of a peer in one family.
#[derive(Debug, Default)]
pub(crate) struct BeyondLimits {
    /// Number of paths that are refused because there are as many accepted ones as the peer may have.
    pub(crate) paths: usize,
    /// The entries with such a path, and possibly others that had one.
    pub(crate) entries: RoaringBitmap,
    /// Number of announcements that were not entered because there were as many paths as the peer may have.
    pub(crate) dropped: u64,
}

impl PeerRoutes {
    /// Notes that a path of the peer replaced another one. The caller removes the entry with its last path.
    pub(crate) fn on_replaced(&mut self, index: EntryIndex, old: Option<&Path>, new: Option<&Path>) {
        let accepted =
            |path: Option<&Path>| usize::from(path.is_some_and(|path| path.import.handle().is_some()));
        self.received = self.received + usize::from(new.is_some()) - usize::from(old.is_some());
        self.accepted = self.accepted + accepted(new) - accepted(old);
        let is_over = |path: Option<&Path>| {
            path.is_some_and(|path| path.import.result() == Err(ImportRefusal::OverLimit))
        };
        if is_over(old) || is_over(new) {
            let beyond = self.beyond_limits.get_or_insert_default();
            beyond.paths = beyond.paths + usize::from(is_over(new)) - usize::from(is_over(old));
            if is_over(new) {
                beyond.entries.insert(index.0);
            }
        }
        if new.is_some() && old.is_none() {
            self.entries.insert(index.0);
        }
    }
}

/// A peer's membership in an export group.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Membership {
    pub(crate) group: GroupId,
    pub(crate) reader: ReaderId,
}

/// All peers whose session is up, or whose paths are not swept yet.
///
/// An index is not reused before all others have been: messages and records that name a former peer must not
/// be attributed to another one.
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
        let session = options.filter_session();
        let (routes, turn) = (PerFamily::default(), FamilyTurn::default());
        self.by_index.insert(index, Peer { options, session, presence: Presence::Up, routes, turn });
        index
    }

    /// Takes an index that no known peer has. Peers that come and go fast use up all indexes within weeks.
    fn take_index(&mut self) -> PeerIndex {
        loop {
            let index = PeerIndex(self.next);
            self.next = self.next.wrapping_add(1);
            if index != PeerIndex::LOCAL && !self.by_index.contains_key(&index) {
                return index;
            }
        }
    }

    pub(crate) fn set_presence(&mut self, peer: PeerIndex, presence: Presence) {
        if let Some(peer) = self.by_index.get_mut(&peer) {
            peer.presence = presence;
        }
    }

    /// State of the session of a known peer.
    pub(crate) fn presence(&self, peer: PeerIndex) -> Option<Presence> {
        self.by_index.get(&peer).map(|peer| peer.presence)
    }

    /// Removes a peer whose session is down once no family has a path of it.
    pub(crate) fn remove_if_swept(&mut self, peer: PeerIndex) {
        let is_swept = |peer: &Peer| {
            peer.presence == Presence::Down && peer.routes.iter().all(|(_, routes)| routes.entries.is_empty())
        };
        if self.by_index.get(&peer).is_some_and(is_swept) {
            self.by_index.remove(&peer);
        }
    }

    /// Replaces the options of a peer, except for those that are fixed during a session.
    pub(crate) fn set_options(&mut self, peer: PeerIndex, options: Arc<PeerOptions>) {
        if let Some(peer) = self.by_index.get_mut(&peer) {
            peer.session = options.filter_session();
            peer.options = options;
        }
    }

    /// The origin of the paths of a source, as filters see it.
    pub(crate) fn route_source(&self, index: SourceIndex, source: &Source) -> RouteSource<'_> {
        match index {
            SourceIndex::LOCAL => RouteSource::Local,
            SourceIndex::KERNEL => RouteSource::Kernel,
            _ => match self.by_index.get(&source.peer) {
                Some(peer) => RouteSource::Peer(&peer.session),
                None => RouteSource::Static,
            },
        }
    }

    /// The peers whose paths are in use.
    pub(crate) fn all_in_use(&self) -> BTreeSet<PeerIndex> {
        let in_use = self.by_index.iter().filter(|(_, peer)| peer.presence != Presence::Down);
        in_use.map(|(&index, _)| index).collect()
    }

    /// Whether filters of any peer ask whether routes are kept from a session that ended.
    pub(crate) fn look_at_staleness(&self) -> bool {
        self.by_index.values().any(|peer| peer.options.looks_at_staleness())
    }

    /// The peers that are away, in the order of their indexes.
    pub(crate) fn away(&self) -> BTreeSet<PeerIndex> {
        let away = self.by_index.iter().filter(|(_, peer)| peer.presence == Presence::Away);
        away.map(|(&index, _)| index).collect()
    }

    /// All known peers with the states of their sessions, in the order of their indexes.
    pub(crate) fn sorted(&self) -> Vec<(PeerIndex, &PeerOptions, Presence)> {
        let peers = self.by_index.iter().map(|(&index, peer)| (index, &*peer.options, peer.presence));
        let mut peers: Vec<_> = peers.collect();
        peers.sort_unstable_by_key(|&(index, _, _)| index);
        peers
    }

    /// The options of a known peer, whether its session is up or not.
    pub(crate) fn options(&self, peer: PeerIndex) -> Option<&Arc<PeerOptions>> {
        self.by_index.get(&peer).map(|peer| &peer.options)
    }

    /// The options of a peer whose session is up.
    pub(crate) fn up(&self, peer: PeerIndex) -> Option<&Arc<PeerOptions>> {
        self.by_index.get(&peer).filter(|peer| peer.presence == Presence::Up).map(|peer| &peer.options)
    }

    /// The options of a peer whose paths are in use: its session is up or expected to be resumed.
    pub(crate) fn in_use(&self, peer: PeerIndex) -> Option<&Arc<PeerOptions>> {
        self.by_index.get(&peer).filter(|peer| peer.presence != Presence::Down).map(|peer| &peer.options)
    }

    pub(crate) fn routes(&self, family: FamilyIndex, peer: PeerIndex) -> Option<&PeerRoutes> {
        self.by_index.get(&peer).map(|peer| &peer.routes[family])
    }

    pub(crate) fn routes_mut(&mut self, family: FamilyIndex, peer: PeerIndex) -> Option<&mut PeerRoutes> {
        self.by_index.get_mut(&peer).map(|peer| &mut peer.routes[family])
    }

    /// The order in which a peer is sent the routes of the families.
    pub(crate) fn turn(&self, peer: PeerIndex) -> FamilyTurn {
        self.by_index.get(&peer).map_or_else(FamilyTurn::default, |peer| peer.turn)
    }

    /// Notes that the peer has been sent routes of this family.
    pub(crate) fn on_served(&mut self, peer: PeerIndex, family: FamilyIndex) {
        if let Some(peer) = self.by_index.get_mut(&peer) {
            peer.turn.on_served(family);
        }
    }

    /// The routes of every known peer.
    pub(crate) fn all_routes(&self, family: FamilyIndex) -> impl Iterator<Item = &PeerRoutes> {
        self.by_index.values().map(move |peer| &peer.routes[family])
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use bgp_codec::{AsWidth, Asn, BgpIdentifier, PeerKind};
    use margay_filter::FilterChain;

    use super::*;
    use crate::options::{
        AsPathRules, DeniedDirections, NextHopMode, OwnNextHops, PathLimits, PathsSent, PeerRules,
        Reflection, SessionTerms,
    };

    fn options() -> PeerOptions {
        PeerOptions {
            session: SessionTerms {
                kind: PeerKind::Ebgp,
                asn: Asn(65001),
                role: None,
                identifier: BgpIdentifier::new(1).unwrap(),
                address: IpAddr::from([192, 0, 2, 1]),
                number: 1,
                link: None,
                families: Vec::new(),
                path_ids_sent: Vec::new(),
                as_width: AsWidth::Four,
                max_message_octets: 4096,
                ipv6_next_hops: false,
                enhanced_refresh: false,
                long_lived: false,
            },
            rules: PeerRules {
                name: Arc::from("peer"),
                group: None,
                import: FilterChain::accept_all(),
                export: FilterChain::accept_all(),
                denied: DeniedDirections::default(),
                limits: PathLimits::default(),
                next_hop: NextHopMode::Auto,
                reflection: Reflection::NonClient,
                paths_sent: PathsSent::All,
                default_originate: false,
                as_path: AsPathRules::default(),
                is_draining: false,
            },
            own: OwnNextHops { ipv4: None, ipv6: None, shared_subnet: None },
        }
    }

    #[test]
    fn when_the_indexes_run_out_that_of_a_forgotten_session_is_used_again() {
        let options = Arc::new(options());
        let mut peers = Peers::new(1);
        let [known, forgotten] = [(); 2].map(|()| peers.add(Arc::clone(&options)));
        peers.set_presence(forgotten, Presence::Down);
        peers.remove_if_swept(forgotten);
        peers.next = u32::MAX;
        let added = [(); 2].map(|()| peers.add(Arc::clone(&options)));
        assert_eq!(added, [PeerIndex(u32::MAX), forgotten]);
        assert!(peers.up(known).is_some());
    }
}
