//! A path as the decision process sees it.

use std::net::IpAddr;

use bgp_codec::{Asn, BgpIdentifier, PathAttributes, PathId, PeerKind};

use crate::options::DecisionRules;
use crate::paths::CandidateOrigin;

/// LOCAL_PREF of a path that carries none. RFC 4271 §5.1.5 leaves the value to local policy; 100 is the
/// common default.
pub const DEFAULT_LOCAL_PREF: u32 = 100;

/// A usable path as the decision process sees it.
#[derive(Clone, Copy, Debug)]
pub struct Candidate<'a> {
    /// Where the path comes from.
    pub origin: CandidateOrigin,
    /// The path identifier that the peer assigned; zero if the session has none.
    pub path_id: PathId,
    /// Its attributes after import.
    pub attributes: &'a PathAttributes,
    /// The cost to reach its next hop.
    pub interior_cost: u32,
    /// Local preference over every step of BGP; the highest wins.
    pub preference: u32,
    /// Whether it is kept for an owner that has been away for longer than a restart takes: it has the community
    /// LLGR_STALE.
    pub is_long_lived_stale: bool,
    /// Weight set by filters, compared after `preference`; the highest wins.
    pub weight: u32,
    /// Whether it is the present best path.
    pub is_present_best: bool,
    /// Changes to the steps, the same for all candidates.
    pub rules: DecisionRules,
}

impl Candidate<'_> {
    pub(super) fn is_learned(&self) -> bool {
        self.origin != CandidateOrigin::Local
    }

    pub(super) fn is_internal(&self) -> bool {
        matches!(self.origin, CandidateOrigin::Peer { kind, .. } if kind.is_inside())
    }

    pub(super) fn local_pref(&self) -> u32 {
        self.attributes.local_pref().unwrap_or(DEFAULT_LOCAL_PREF)
    }

    /// The neighbouring AS, within which MULTI_EXIT_DISC is compared. `None` for a path that originates in our own AS; all
    /// such paths share that neighbour. If it is always compared, all paths do.
    pub(super) fn neighbor(&self) -> Option<Asn> {
        if self.rules.always_compares_med { None } else { self.attributes.neighbor_as() }
    }

    /// A missing MULTI_EXIT_DISC counts as the lowest value (RFC 4271 §9.1.2.2 c).
    pub(super) fn med(&self) -> u32 {
        self.attributes.med().unwrap_or(0)
    }

    /// Whether it stays the best of equal paths (RFC 5004 §3).
    pub(super) fn is_kept(&self) -> bool {
        self.rules.prefers_present_best && self.is_present_best && self.is_external()
    }

    fn is_external(&self) -> bool {
        matches!(self.origin, CandidateOrigin::Peer { kind: PeerKind::Ebgp, .. })
    }

    /// The identifier that the path is compared by: that of the router that brought it into the AS, if it was
    /// reflected (RFC 4456 §9). `None` if it is not compared.
    pub(super) fn identifier(&self) -> Option<BgpIdentifier> {
        match self.origin {
            CandidateOrigin::Local => None,
            CandidateOrigin::Peer { .. } if self.is_external() && !self.rules.compares_identifiers => None,
            CandidateOrigin::Peer { identifier, .. } => {
                Some(self.attributes.originator_id().unwrap_or(identifier))
            }
        }
    }

    pub(super) fn peer_number(&self) -> Option<u64> {
        match self.origin {
            CandidateOrigin::Local => None,
            CandidateOrigin::Peer { number, .. } => Some(number),
        }
    }

    pub(super) fn peer_address(&self) -> Option<IpAddr> {
        match self.origin {
            CandidateOrigin::Local => None,
            CandidateOrigin::Peer { address, .. } => Some(address),
        }
    }
}
