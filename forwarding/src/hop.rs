//! Next hops of a forwarding route.

use std::fmt;

use bgp_codec::NextHop;
use serde::{Deserialize, Serialize};

use crate::link_name::LinkName;

/// A next hop of a route.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
pub enum Hop {
    /// A gateway, on the link that the kernel's own routes lead to it.
    Gateway(NextHop),
    /// A gateway on this link, whatever the routes say.
    OnLink(NextHop, LinkName),
    /// No gateway: the destination itself is on this link.
    Link(LinkName),
}

impl Hop {
    /// The gateway's address.
    #[must_use]
    pub fn gateway(self) -> Option<NextHop> {
        match self {
            Self::Gateway(gateway) | Self::OnLink(gateway, _) => Some(gateway),
            Self::Link(_) => None,
        }
    }

    /// The link, where it does not follow from the routes.
    #[must_use]
    pub fn link(self) -> Option<LinkName> {
        match self {
            Self::OnLink(_, link) | Self::Link(link) => Some(link),
            Self::Gateway(_) => None,
        }
    }
}

impl From<NextHop> for Hop {
    fn from(gateway: NextHop) -> Self {
        Self::Gateway(gateway)
    }
}

/// In the words of `ip route`, without the leading `via`.
impl fmt::Display for Hop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Gateway(gateway) => gateway.fmt(f),
            Self::OnLink(gateway, link) => write!(f, "{gateway} dev {link}"),
            Self::Link(link) => write!(f, "dev {link}"),
        }
    }
}
