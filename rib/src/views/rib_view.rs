//! A Rib to be looked at.

use bgp_codec::PeerKind;
use margay_filter::FilterChain;

use crate::index::PeerIndex;
use crate::rib::Rib;

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
