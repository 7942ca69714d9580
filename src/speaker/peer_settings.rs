//! What is configured for a peer, and the numbers of its routes.

use std::time::Duration;

use bgp_codec::{Family, PeerKind};
use margay_rib::{PeerCounts, PeerRules};

use super::sessions::PrefixLimit;

/// What is configured for a peer.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct PeerSettings {
    /// What the Rib does with its routes.
    pub rules: PeerRules,
    /// The same for a session with an internal peer, if only the session shows whether it is one.
    pub rules_if_internal: Option<Box<PeerRules>>,
    /// How many prefixes it may announce; `None` for any number.
    pub prefix_limit: Option<PrefixLimit>,
    /// How long a restart of this speaker waits for the peer's End-of-RIB at most; `None` for not at all.
    pub end_of_rib_wait: Option<Duration>,
}

impl PeerSettings {
    /// What the Rib does with the routes of a peer of this kind.
    pub(super) fn rules_for(&self, kind: PeerKind) -> &PeerRules {
        match (&self.rules_if_internal, kind) {
            (Some(rules), PeerKind::Ibgp) => rules,
            (Some(_) | None, _) => &self.rules,
        }
    }

    /// What operators call the peer.
    pub(super) fn name(&self) -> &str {
        &self.rules.name
    }
}

/// Counts of a session in one family.
#[derive(Clone, Copy, Debug)]
pub struct FamilyCounts {
    /// The family.
    pub family: Family,
    /// The routes.
    pub routes: PeerCounts,
    /// Whether the peer has sent End-of-RIB (RFC 4724 §2).
    pub end_of_rib_received: bool,
}
