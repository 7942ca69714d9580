//! Options of the speaker that owns a Rib.

use bgp_codec::{Asn, BgpIdentifier};
use serde::{Deserialize, Serialize};

use super::reflection::ReflectorOptions;

/// Options of the speaker that owns a Rib.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct RibOptions {
    /// The speaker's AS number.
    pub asn: Asn,
    /// The speaker's BGP Identifier.
    pub identifier: BgpIdentifier,
    /// How routes are reflected between internal peers.
    pub reflector: ReflectorOptions,
    /// The forwarding table to be kept; `None` for a pure control plane, which assumes all next hops
    /// reachable.
    pub forwarding: Option<ForwardingOptions>,
    /// Makes the hash tables differ from those of other speakers. The daemon draws it at random.
    pub hash_seed: u64,
}

/// Options of the wanted forwarding table.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
pub struct ForwardingOptions {
    /// Highest number of next hops of a route.
    pub multipath: usize,
    /// Metric of ordinary routes: a kernel route with a lower one has elevated priority.
    pub normal_metric: u32,
}
