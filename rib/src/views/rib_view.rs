//! A Rib to be looked at.

use bgp_codec::{PeerKind, Update};
use margay_filter::FilterChain;

use crate::family::FamilyIndex;
use crate::index::PeerIndex;
use crate::rib::{Rib, has_export};

/// What a [`Rib`] can be asked without changing it.
#[derive(Clone, Copy, Debug)]
pub struct RibView<'a> {
    pub(super) rib: &'a Rib,
    /// The filter that listed routes pass.
    pub(super) filter: Option<&'a FilterChain>,
}

impl RibView<'_> {
    /// Whether a peer with a session, or one that is expected back, is external or internal.
    #[must_use]
    pub fn peer_kind(self, peer: PeerIndex) -> Option<PeerKind> {
        self.rib.shared.peers.in_use(peer).map(|options| options.session.kind)
    }

    /// Whether [`poll_export`](Rib::poll_export) has changes to process for `peer`.
    #[must_use]
    pub fn has_export(self, peer: PeerIndex) -> bool {
        has_export(&self.rib.families, &self.rib.shared, peer)
    }

    /// The peers that have not read for so long that withdrawals accumulate for them beyond a bound. Ending
    /// their sessions frees the memory.
    #[must_use]
    pub fn overdue(self) -> Vec<PeerIndex> {
        let families = self.rib.families.iter();
        families.flat_map(|(_, family)| family.state().groups.overdue(&self.rib.shared)).collect()
    }

    /// Whether [`poll_watched`](Rib::poll_watched) has something to return.
    #[must_use]
    pub fn has_watched_changes(self) -> bool {
        self.rib.shared.watch.has_changes()
    }

    /// Reads ahead the memory that applying these UPDATEs will need. Affects nothing but the time that this
    /// takes.
    pub fn read_ahead(self, updates: &[Update]) {
        let blocks = || {
            updates.iter().flat_map(|update| update.reach().map(|reach| reach.nlri).chain(update.unreach()))
        };
        for (index, family) in self.rib.families.iter() {
            let mut of_family = blocks().filter(|block| FamilyIndex::of(block.family()) == Some(index));
            family.read_ahead(&self.rib.shared, &mut of_family);
        }
    }

    /// Whether some members are still to be moved to groups with their rules.
    #[must_use]
    pub fn is_regrouping(self) -> bool {
        self.rib.families.iter().any(|(_, family)| family.state().groups.is_regrouping())
    }
}

impl Rib {
    /// The Rib to be looked at.
    #[must_use]
    pub fn view(&self) -> RibView<'_> {
        RibView { rib: self, filter: None }
    }
}

impl<'a> RibView<'a> {
    /// The same view, in which the listed routes are those that a filter accepts, with what it sets.
    #[must_use]
    pub fn through(self, filter: &'a FilterChain) -> Self {
        Self { filter: Some(filter), ..self }
    }
}
