//! IP networks and addresses with a length.

use std::fmt;
use std::net::IpAddr;
use std::ops::Deref;

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use serde_json::Value;

use crate::document::{Node, quote};
use crate::schema::{Decoder, Schema};

/// A network without host bits, `10.0.0.0/8`, or a single address, `10.0.0.1`.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Network(pub IpNet);

/// An IPv4 [`Network`].
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct NetworkV4(pub Ipv4Net);

/// An IPv6 [`Network`].
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct NetworkV6(pub Ipv6Net);

/// A network that may have host bits, which mean nothing.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct LooseNetwork(pub IpNet);

/// The address of an interface with the length of its network, `10.192.0.2/16`; the host bits are the address.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct InterfaceAddress(pub IpNet);

/// Reads a network, or an address, which has its full length.
#[must_use]
pub fn parse_network(text: &str) -> Option<IpNet> {
    match text.parse::<IpNet>() {
        Ok(network) => Some(network),
        Err(_) => text.parse::<IpAddr>().ok().map(IpNet::from),
    }
}

/// Prints a single address without a length, as people write it.
fn show(network: IpNet, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    if network.prefix_len() == network.max_prefix_len() {
        write!(f, "{}", network.addr())
    } else {
        write!(f, "{network}")
    }
}

/// Reads a network without host bits, or says what is wrong with the text.
fn read_strict(node: &Node<'_>) -> Result<IpNet, String> {
    let found = node.as_text().and_then(parse_network);
    let Some(network) = found else {
        return Err(format!("is {}; it must be a network such as 10.0.0.0/8 or fd00::/64", node.describe()));
    };
    if network.trunc() != network {
        let text = quote(node.as_text().unwrap_or_default());
        return Err(format!("is {text}, which has bits beyond its length; write {}", network.trunc()));
    }
    Ok(network)
}

fn report<T>(result: Result<T, String>, node: &Node<'_>, decoder: &mut Decoder) -> Option<T> {
    result.map_err(|message| decoder.report(node.position, message)).ok()
}

impl Schema for Network {
    fn decode(node: &Node<'_>, decoder: &mut Decoder) -> Option<Self> {
        report(read_strict(node).map(Self), node, decoder)
    }

    fn encode(&self) -> Value {
        self.to_string().into()
    }
}

impl Schema for NetworkV4 {
    fn decode(node: &Node<'_>, decoder: &mut Decoder) -> Option<Self> {
        let network = read_strict(node).and_then(|network| match network {
            IpNet::V4(network) => Ok(Self(network)),
            IpNet::V6(_) => Err(format!("is {}; it must be an IPv4 network", node.describe())),
        });
        report(network, node, decoder)
    }

    fn encode(&self) -> Value {
        self.0.to_string().into()
    }
}

impl Schema for NetworkV6 {
    fn decode(node: &Node<'_>, decoder: &mut Decoder) -> Option<Self> {
        let network = read_strict(node).and_then(|network| match network {
            IpNet::V6(network) => Ok(Self(network)),
            IpNet::V4(_) => Err(format!("is {}; it must be an IPv6 network", node.describe())),
        });
        report(network, node, decoder)
    }

    fn encode(&self) -> Value {
        self.0.to_string().into()
    }
}

impl Schema for LooseNetwork {
    fn decode(node: &Node<'_>, decoder: &mut Decoder) -> Option<Self> {
        let network = node.as_text().and_then(parse_network).map(Self);
        let network = network.ok_or_else(|| {
            format!("is {}; it must be a network such as 10.0.0.0/8 or an address", node.describe())
        });
        report(network, node, decoder)
    }

    fn encode(&self) -> Value {
        self.to_string().into()
    }
}

impl Schema for InterfaceAddress {
    fn decode(node: &Node<'_>, decoder: &mut Decoder) -> Option<Self> {
        let address = node.as_text().and_then(parse_network).map(Self);
        let address = address.ok_or_else(|| {
            format!(
                "is {}; it must be an address with the length of its network, such as 10.192.0.2/16",
                node.describe()
            )
        });
        report(address, node, decoder)
    }

    fn encode(&self) -> Value {
        self.to_string().into()
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        show(self.0, f)
    }
}

impl fmt::Display for LooseNetwork {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        show(self.0, f)
    }
}

impl fmt::Display for InterfaceAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        show(self.0, f)
    }
}

impl Deref for Network {
    type Target = IpNet;

    fn deref(&self) -> &IpNet {
        &self.0
    }
}

impl Deref for InterfaceAddress {
    type Target = IpNet;

    fn deref(&self) -> &IpNet {
        &self.0
    }
}
