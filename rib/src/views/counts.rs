//! A Rib and its peers in numbers.

use bgp_codec::Family;

use super::family_view::FamilyView;
use super::rib_view::RibView;
use crate::family::FamilyIndex;
use crate::index::PeerIndex;

/// A peer's routes in numbers.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct PeerCounts {
    /// Number of paths that the peer announced.
    pub received: usize,
    /// Number of these paths that import accepted.
    pub accepted: usize,
    /// Number of these paths that are refused because as many are accepted as the peer's limit allows.
    pub over_limit: usize,
    /// Number of announcements in this session that were not entered because as many paths were there as the peer's limit
    /// allows. It grows only.
    pub dropped: u64,
    /// Number of routes exported to the peer, including those that are still to be sent.
    pub advertised: usize,
    /// The peer's export group; members of one group are sent the same routes.
    pub group: Option<u64>,
    /// Number of peers in the group.
    pub group_members: usize,
    /// Whether End-of-RIB has been sent (RFC 4724 §2).
    pub end_of_rib_sent: bool,
    /// Number of paths withheld from the group because they do not fit into a message.
    pub too_long: usize,
}

/// A Rib in numbers.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct RibCounts {
    /// Prefixes with a path, IPv4.
    pub ipv4_prefixes: usize,
    /// Prefixes with a path, IPv6.
    pub ipv6_prefixes: usize,
    /// Paths, refused ones and own routes included.
    pub paths: usize,
    /// Interned attribute sets.
    pub attribute_sets: usize,
    /// Export groups.
    pub export_groups: usize,
}

impl RibView<'_> {
    /// A peer's routes in numbers, for one family.
    #[must_use]
    pub fn peer_counts(self, peer: PeerIndex, family: Family) -> PeerCounts {
        FamilyIndex::of(family)
            .map_or_else(PeerCounts::default, |family| FamilyView::of(self.rib, family).peer_counts(peer))
    }

    /// The Rib in numbers.
    #[must_use]
    pub fn counts(self) -> RibCounts {
        let views = || FamilyIndex::ALL.into_iter().map(|family| FamilyView::of(self.rib, family));
        RibCounts {
            ipv4_prefixes: FamilyView::of(self.rib, FamilyIndex::Ipv4Unicast).state.reachable_prefixes,
            ipv6_prefixes: FamilyView::of(self.rib, FamilyIndex::Ipv6Unicast).state.reachable_prefixes,
            paths: views().map(FamilyView::paths).sum(),
            attribute_sets: self.rib.shared.store.len(),
            export_groups: views().map(|view| view.state.groups.len()).sum(),
        }
    }
}

impl FamilyView<'_> {
    fn paths(self) -> usize {
        let routes = self.shared.peers.all_routes(self.state.groups.family());
        routes.map(|routes| routes.received).sum::<usize>() + self.state.own_routes.paths()
    }

    fn peer_counts(self, peer: PeerIndex) -> PeerCounts {
        let family = self.state.groups.family();
        let Some(routes) = self.shared.peers.routes(family, peer) else { return PeerCounts::default() };
        let beyond = routes.beyond_limits.as_ref();
        let group = self.state.groups.of_member(self.shared, peer).map(|(group, _)| group);
        PeerCounts {
            received: routes.received,
            accepted: routes.accepted,
            over_limit: beyond.map_or(0, |beyond| beyond.paths),
            dropped: beyond.map_or(0, |beyond| beyond.dropped),
            advertised: group.map_or(0, |group| group.log.exported_to(peer)),
            group: group.map(|group| group.id.0),
            group_members: group.map_or(0, |group| group.members.len()),
            end_of_rib_sent: routes.membership.is_some() && !routes.owes_end_of_rib,
            too_long: group.map_or(0, |group| group.too_long.len()),
        }
    }
}
