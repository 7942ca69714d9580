//! How the kernel's own routes lead to addresses.

use bgp_codec::Prefix;
use serde::{Deserialize, Serialize};

/// How the kernel's own routes lead to the addresses inside a prefix, unless those of a longer one do.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Deserialize, Serialize)]
pub enum Way {
    /// They can be reached: at no cost where they are attached, at the route's metric behind gateways.
    Through {
        /// What the decision process compares (RFC 4271 §9.1.2.2 e).
        cost: u32,
    },
    /// Packets are dropped, or are for this node.
    Nowhere,
}

/// One change of the ways.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Deserialize, Serialize)]
pub struct WayChange {
    /// The prefix.
    pub prefix: Prefix,
    /// How it leads further now; `None` when it says nothing any more.
    pub way: Option<Way>,
}
