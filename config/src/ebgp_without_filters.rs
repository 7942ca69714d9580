//! `ebgp_without_filters`: what is exchanged with external peers that have no filters (RFC 8212).

use bgp_codec::PeerKind;

use crate::global::Global;
use crate::peer::Peer;

/// What is exchanged with external peers in a direction in which they have no filters.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum EbgpWithoutFilters {
    /// Nothing (RFC 8212).
    #[default]
    Deny,
    /// Everything.
    Accept,
}

impl EbgpWithoutFilters {
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        match text {
            "deny" => Ok(Self::Deny),
            "accept" => Ok(Self::Accept),
            _ => Err(format!("{text:?} is not \"deny\" or \"accept\"")),
        }
    }
}

impl Peer {
    /// The directions in which nothing is exchanged with the peer if it is of this kind, for want of filters: import and export.
    #[must_use]
    pub fn denied(&self, global: &Global, kind: PeerKind) -> [bool; 2] {
        let is_denied = kind == PeerKind::Ebgp && global.ebgp_without_filters == EbgpWithoutFilters::Deny;
        [&self.import, &self.export].map(|filters| is_denied && filters.is_empty())
    }
}
