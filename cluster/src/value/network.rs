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
pub struct Network(pub IpNet, Notation);

/// An IPv4 [`Network`].
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct NetworkV4(pub Ipv4Net);

/// An IPv6 [`Network`].
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct NetworkV6(pub Ipv6Net);

/// A network that may have host bits, which mean nothing.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct LooseNetwork(pub IpNet, Notation);

/// The address of an interface with the length of its network, `10.192.0.2/16`; the host bits are the address.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct InterfaceAddress(pub IpNet, Notation);

/// How a network was written. It is written back in the same way: some programs read single addresses only with
/// their length, some only without it.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
enum Notation {
    /// `10.0.0.1/32`
    WithLength,
    /// `10.0.0.1`
    Address,
}

/// Reads a network, or an address, which has its full length.
#[must_use]
pub fn parse_network(text: &str) -> Option<IpNet> {
    read(text).map(|(network, _)| network)
}

fn read(text: &str) -> Option<(IpNet, Notation)> {
    match text.parse::<IpNet>() {
        Ok(network) => Some((network, Notation::WithLength)),
        Err(_) => Some((text.parse::<IpAddr>().ok()?.into(), Notation::Address)),
    }
}

fn show(network: IpNet, notation: Notation, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match notation {
        Notation::WithLength => write!(f, "{network}"),
        Notation::Address => write!(f, "{}", network.addr()),
    }
}

/// Reads a network without host bits, or says what is wrong with the text.
fn read_strict(node: &Node<'_>) -> Result<(IpNet, Notation), String> {
    let found = node.as_text().and_then(read);
    let Some((network, notation)) = found else {
        return Err(format!("is {}; it must be a network such as 10.0.0.0/8 or fd00::/64", node.describe()));
    };
    if network.trunc() != network {
        let text = quote(node.as_text().unwrap_or_default());
        return Err(format!("is {text}, which has bits beyond its length; write {}", network.trunc()));
    }
    Ok((network, notation))
}

fn report<T>(result: Result<T, String>, node: &Node<'_>, decoder: &mut Decoder) -> Option<T> {
    result.map_err(|message| decoder.report(node.position, message)).ok()
}

impl Schema for Network {
    fn decode(node: &Node<'_>, decoder: &mut Decoder) -> Option<Self> {
        report(read_strict(node).map(|(network, notation)| Self(network, notation)), node, decoder)
    }

    fn encode(&self) -> Value {
        self.to_string().into()
    }
}

impl Schema for NetworkV4 {
    fn decode(node: &Node<'_>, decoder: &mut Decoder) -> Option<Self> {
        let network = read_strict(node).and_then(|(network, _)| match network {
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
        let network = read_strict(node).and_then(|(network, _)| match network {
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
        let network = node.as_text().and_then(read).map(|(network, notation)| Self(network, notation));
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
        let address = node.as_text().and_then(read).map(|(network, notation)| Self(network, notation));
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

impl From<IpNet> for Network {
    /// The network, written with its length.
    fn from(network: IpNet) -> Self {
        Self(network, Notation::WithLength)
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        show(self.0, self.1, f)
    }
}

impl fmt::Display for LooseNetwork {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        show(self.0, self.1, f)
    }
}

impl fmt::Display for InterfaceAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        show(self.0, self.1, f)
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::document::read_json;
    use crate::schema::{UnknownFields, decode};

    fn rewritten<T: Schema>(text: &str) -> Value {
        let json = json!(text).to_string();
        decode::<T>(&read_json(json.as_bytes()).unwrap(), UnknownFields::Refuse).unwrap().encode()
    }

    #[test]
    fn a_network_is_written_back_as_it_was_read() {
        for text in ["10.0.0.1", "10.0.0.1/32", "10.0.0.0/24", "fd00::1", "fd00::1/128", "fd00::/64"] {
            assert_eq!(rewritten::<Network>(text), text);
            assert_eq!(rewritten::<LooseNetwork>(text), text);
            assert_eq!(rewritten::<InterfaceAddress>(text), text);
        }
        assert_eq!(rewritten::<InterfaceAddress>("10.0.0.1/24"), "10.0.0.1/24");
        assert_eq!(rewritten::<NetworkV4>("10.0.0.1"), "10.0.0.1/32");
        assert_eq!(rewritten::<NetworkV6>("fd00::1"), "fd00::1/128");
    }

    #[test]
    fn a_network_that_was_not_read_has_its_length() {
        let network: IpNet = "10.0.0.4/32".parse().unwrap();
        assert_eq!(Network::from(network).encode(), "10.0.0.4/32");
    }
}
