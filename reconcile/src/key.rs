//! What identifies a thing of the kernel.

use std::fmt;
use std::net::IpAddr;

use ipnet::IpNet;

use crate::{HardwareAddress, LinkName};

/// What identifies a thing: there is at most one for each key.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Key {
    /// A link.
    Link(LinkName),
    /// A setting of a link: its path below `/proc/sys`.
    Sysctl {
        /// The link that it belongs to, with which it comes and goes.
        link: Option<LinkName>,
        /// The path, such as `net/ipv4/conf/cali1/proxy_arp`.
        path: String,
    },
    /// An address of a link, with the length of its subnet.
    Address(LinkName, IpNet),
    /// A forwarding entry of a VXLAN device: the hardware address of frames.
    Forwarding(LinkName, HardwareAddress),
    /// A permanent neighbour.
    Neighbour(LinkName, IpAddr),
    /// A routing policy rule.
    Rule(RuleKey),
    /// A route.
    Route(RouteKey),
}

/// What identifies a rule of ours: the kernel permits several of one priority, but only one is ever wanted.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct RuleKey {
    /// The family.
    pub is_ipv6: bool,
    /// The priority; lower ones are looked at first.
    pub priority: u32,
}

/// What identifies a route.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct RouteKey {
    /// The table.
    pub table: u32,
    /// The destination.
    pub destination: IpNet,
    /// The metric; lower ones are preferred. IPv6 routes never have 0.
    pub metric: u32,
}

/// A kind of things.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Kind {
    /// Links.
    Link,
    /// Settings.
    Sysctl,
    /// Addresses of links.
    Address,
    /// Forwarding entries.
    Forwarding,
    /// Neighbours.
    Neighbour,
    /// Routing policy rules.
    Rule,
    /// Routes.
    Route,
}

impl Kind {
    /// Every kind, in the order in which things are added: each kind rests on those before it.
    pub const ALL: [Self; 7] =
        [Self::Link, Self::Sysctl, Self::Address, Self::Forwarding, Self::Neighbour, Self::Rule, Self::Route];
}

impl Key {
    /// The kind.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        match self {
            Self::Link(_) => Kind::Link,
            Self::Sysctl { .. } => Kind::Sysctl,
            Self::Address(..) => Kind::Address,
            Self::Forwarding(..) => Kind::Forwarding,
            Self::Neighbour(..) => Kind::Neighbour,
            Self::Rule(_) => Kind::Rule,
            Self::Route(_) => Kind::Route,
        }
    }

    /// The link that the key itself names, links aside.
    #[must_use]
    pub const fn link(&self) -> Option<&LinkName> {
        match self {
            Self::Sysctl { link, .. } => link.as_ref(),
            Self::Address(link, _) | Self::Forwarding(link, _) | Self::Neighbour(link, _) => Some(link),
            Self::Link(_) | Self::Rule(_) | Self::Route(_) => None,
        }
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Link(link) => write!(f, "link {link}"),
            Self::Sysctl { path, .. } => write!(f, "sysctl {path}"),
            Self::Address(link, address) => write!(f, "address {address} dev {link}"),
            Self::Forwarding(link, address) => write!(f, "forwarding entry {address} dev {link}"),
            Self::Neighbour(link, address) => write!(f, "neighbour {address} dev {link}"),
            Self::Rule(key) => {
                write!(f, "rule {} of {}", key.priority, if key.is_ipv6 { "IPv6" } else { "IPv4" })
            }
            Self::Route(key) => {
                write!(f, "route {} table {} metric {}", key.destination, key.table, key.metric)
            }
        }
    }
}
