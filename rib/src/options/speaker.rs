//! What a Rib has to know of its speaker.

use bgp_codec::{Asn, BgpIdentifier};
use serde::{Deserialize, Serialize};

use super::reflection::ReflectorOptions;

/// What a Rib has to know of its speaker.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct RibOptions {
    /// The speaker's AS number.
    pub asn: Asn,
    /// The speaker's BGP Identifier.
    pub identifier: BgpIdentifier,
    /// How routes are reflected between internal peers.
    pub reflector: ReflectorOptions,
    /// The forwarding table to be kept; `None` for a pure control plane, which assumes all next hops reachable.
    pub forwarding: Option<ForwardingOptions>,
    /// Makes the hash tables differ from those of other speakers. Drawn at random by the shell.
    pub hash_seed: u64,
}

/// How the wanted forwarding table is made.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
pub struct ForwardingOptions {
    /// How many next hops a route may have at the most.
    pub multipath: usize,
    /// The metric of ordinary routes: a route of the kernel with a lower one is of elevated priority.
    pub normal_metric: u32,
}
