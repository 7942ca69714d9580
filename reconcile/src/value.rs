//! What a thing is, besides its key.

use std::net::IpAddr;

use crate::{HardwareAddress, Link, LinkName, Route, Rule};

/// What a thing is, besides its key.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Value {
    /// A link.
    Link(Link),
    /// The text of a setting.
    Sysctl(String),
    /// An address, which has nothing but its key.
    Address,
    /// The address of the node behind a forwarding entry.
    Forwarding(IpAddr),
    /// The hardware address of a neighbour.
    Neighbour(HardwareAddress),
    /// A rule.
    Rule(Rule),
    /// A route.
    Route(Route),
}

impl Value {
    /// Whether what is seen is all that is wanted.
    #[must_use]
    pub fn is_met_by(&self, seen: &Self) -> bool {
        match (self, seen) {
            (Self::Link(wanted), Self::Link(seen)) => wanted.is_met_by(seen),
            (wanted, seen) => wanted == seen,
        }
    }

    /// The link that a value leads over or rests on.
    #[must_use]
    pub fn link(&self) -> Option<&LinkName> {
        match self {
            Self::Route(route) => route.link(),
            Self::Link(Link { kind: crate::LinkKind::Vxlan(vxlan), .. }) => vxlan.parent.as_ref(),
            _ => None,
        }
    }
}
