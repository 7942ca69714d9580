//! What the forwarding table is to hold.

use std::fmt;
use std::sync::Arc;

use bgp_codec::{NextHop, Prefix};
use serde::{Deserialize, Serialize};

use crate::hop::Hop;

/// What the forwarding table does with packets for a prefix.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Forwarding {
    /// Where they are sent.
    pub target: Target,
    /// The metric of the route; `None` for the default.
    pub metric: Option<u32>,
}

/// Where packets for a prefix are sent.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub enum Target {
    /// They are discarded: the aggregate of a block whose addresses are not all in use.
    Discard(Discard),
    /// They are sent to one of these next hops: at least one, sorted, each reachable.
    Via(Arc<[WeightedHop]>),
}

/// A next hop and its share of the traffic.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
pub struct WeightedHop {
    /// The next hop.
    pub hop: Hop,
    /// Its share relative to the others: at least 1.
    pub weight: u8,
}

impl Forwarding {
    /// A route over one next hop, or over several with equal shares.
    #[must_use]
    pub fn via(next_hops: impl IntoIterator<Item = NextHop>) -> Self {
        let hops = next_hops.into_iter().map(|next_hop| WeightedHop { hop: next_hop.into(), weight: 1 });
        Self { target: Target::Via(hops.collect()), metric: None }
    }

    /// A route that discards packets.
    #[must_use]
    pub fn discard(discard: Discard) -> Self {
        Self { target: Target::Discard(discard), metric: None }
    }
}

/// One change of the wanted forwarding table.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ForwardingChange {
    /// The destination.
    pub prefix: Prefix,
    /// The replacement of the present route; `None` removes it.
    pub forwarding: Option<Forwarding>,
}

/// How packets are discarded.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, Deserialize, Serialize)]
pub enum Discard {
    /// Silently.
    Blackhole,
    /// With the ICMP message that the destination is unreachable.
    Unreachable,
    /// With the ICMP message that the destination is administratively prohibited.
    Prohibit,
}

impl fmt::Display for Discard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Blackhole => "blackhole",
            Self::Unreachable => "unreachable",
            Self::Prohibit => "prohibit",
        })
    }
}
