//! Options of the speaker that owns a Rib.

use bgp_codec::{Asn, BgpIdentifier};
use serde::{Deserialize, Serialize};

use super::decision::DecisionRules;
use super::reflection::ReflectorOptions;

/// Options of the speaker that owns a Rib.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct RibOptions {
    /// The speaker's AS number.
    pub asn: Asn,
    /// The number of its confederation, as which other autonomous systems see it; `None` outside of any (RFC 5065).
    pub confederation: Option<Asn>,
    /// The speaker's BGP Identifier.
    pub identifier: BgpIdentifier,
    /// How routes are reflected between internal peers.
    pub reflector: ReflectorOptions,
    /// Changes to the decision process.
    pub decision: DecisionRules,
    /// The forwarding table to be kept; `None` for a pure control plane, which assumes all next hops
    /// reachable.
    pub forwarding: Option<ForwardingOptions>,
    /// Makes the hash tables differ from those of other speakers. The daemon draws it at random.
    pub hash_seed: u64,
}

impl RibOptions {
    /// The speaker's AS number as external peers see it.
    pub(crate) fn external_asn(&self) -> Asn {
        self.confederation.unwrap_or(self.asn)
    }
}

/// The rules of the speaker that may change while it runs.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct SpeakerRules {
    /// How routes are reflected between internal peers.
    pub reflector: ReflectorOptions,
    /// Changes to the decision process.
    pub decision: DecisionRules,
}

impl From<ReflectorOptions> for SpeakerRules {
    /// With the decision process of RFC 4271.
    fn from(reflector: ReflectorOptions) -> Self {
        Self { reflector, decision: DecisionRules::default() }
    }
}

/// Options of the wanted forwarding table.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
pub struct ForwardingOptions {
    /// Highest number of next hops of a route.
    pub multipath: usize,
    /// Metric of ordinary routes: a kernel route with a lower one has elevated priority.
    pub normal_metric: u32,
}
