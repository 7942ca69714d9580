//! The ways that the kernel's own routes lead.

use bgp_codec::Prefix;
use serde::{Deserialize, Serialize};

/// The way that the kernel's own routes lead to the addresses inside a prefix, unless a longer prefix covers
/// them.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Deserialize, Serialize)]
pub enum Way {
    /// Reachable: at no cost if directly connected, at the route's metric behind gateways.
    Through {
        /// Cost that the decision process compares (RFC 4271 §9.1.2.2 e).
        cost: u32,
    },
    /// Packets are discarded or delivered on this node.
    Nowhere,
}

/// A change of a way.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Deserialize, Serialize)]
pub struct WayChange {
    /// The prefix.
    pub prefix: Prefix,
    /// The present way; `None` if the prefix no longer has one.
    pub way: Option<Way>,
}
