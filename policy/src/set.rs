//! Sets of addresses and ports that rules refer to.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::net::IpAddr;
use std::sync::Arc;

use ipnet::IpNet;
use margay_cluster::selector::Selector;

use crate::cover::NetworkCover;

/// What a set stands for. Equal selectors have equal keys, whichever rules they stand in.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum SetKey {
    /// The addresses of all endpoints and network sets that a selector selects.
    Addresses(SelectorText),
    /// Addresses of endpoints that a selector selects, with the ports to which they give a name.
    NamedPort {
        /// Which endpoints.
        selector: SelectorText,
        /// The protocol of the port; TCP, UDP and SCTP when there is none.
        protocol: Option<u8>,
        /// The name.
        name: String,
    },
    /// The addresses behind a service of Kubernetes. Services are not in the datastore, so the set stays empty.
    Service {
        /// The namespace.
        namespace: String,
        /// The name.
        name: String,
    },
}

/// A selector that is compared by its canonical text.
#[derive(Clone)]
pub struct SelectorText {
    text: Arc<str>,
    selector: Selector,
}

/// The members of a set.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Set {
    /// Networks and single addresses.
    Networks(NetworkCover),
    /// Ports of addresses, each with the number of endpoints that have it.
    Ports(BTreeMap<PortMember, u32>),
}

/// A port of an address.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct PortMember {
    /// The address.
    pub address: IpAddr,
    /// The protocol's number.
    pub protocol: u8,
    /// The port.
    pub port: u16,
}

/// A member of a set.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Member {
    /// A network, or a single address with its full length.
    Network(IpNet),
    /// A port of an address.
    Port(PortMember),
}

impl SelectorText {
    /// The text of a selector.
    #[must_use]
    pub fn of(selector: &Selector) -> Self {
        Self { text: selector.to_string().into(), selector: selector.clone() }
    }

    /// The selector.
    #[must_use]
    pub const fn selector(&self) -> &Selector {
        &self.selector
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl PartialEq for SelectorText {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for SelectorText {}

impl PartialOrd for SelectorText {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for SelectorText {
    fn cmp(&self, other: &Self) -> Ordering {
        self.text.cmp(&other.text)
    }
}

impl Hash for SelectorText {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.text.hash(state);
    }
}

impl fmt::Debug for SelectorText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl SetKey {
    /// An empty set of the kind that the key stands for.
    #[must_use]
    pub fn empty_set(&self) -> Set {
        match self {
            Self::Addresses(_) | Self::Service { .. } => Set::Networks(NetworkCover::default()),
            Self::NamedPort { .. } => Set::Ports(BTreeMap::new()),
        }
    }

    /// The selector of the members; `None` for services.
    #[must_use]
    pub const fn selector(&self) -> Option<&SelectorText> {
        match self {
            Self::Addresses(selector) | Self::NamedPort { selector, .. } => Some(selector),
            Self::Service { .. } => None,
        }
    }
}

impl fmt::Display for SetKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Addresses(selector) => write!(f, "{}", selector.as_str()),
            Self::NamedPort { selector, protocol: Some(protocol), name } => {
                write!(f, "port {name} (protocol {protocol}) of {}", selector.as_str())
            }
            Self::NamedPort { selector, protocol: None, name } => {
                write!(f, "port {name} of {}", selector.as_str())
            }
            Self::Service { namespace, name } => write!(f, "service {namespace}/{name}"),
        }
    }
}

impl Set {
    /// Whether the set has the address, in a set of addresses.
    #[must_use]
    pub fn has_address(&self, address: IpAddr) -> bool {
        matches!(self, Self::Networks(networks) if networks.contains(address))
    }

    /// Whether the set has the port of the address, in a set of named ports.
    #[must_use]
    pub fn has_port(&self, member: &PortMember) -> bool {
        matches!(self, Self::Ports(ports) if ports.contains_key(member))
    }

    /// The members; of networks, the outermost ones.
    #[must_use]
    pub fn members(&self) -> Vec<Member> {
        match self {
            Self::Networks(networks) => networks.outermost().map(Member::Network).collect(),
            Self::Ports(ports) => ports.keys().copied().map(Member::Port).collect(),
        }
    }
}
