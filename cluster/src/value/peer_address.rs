//! The address of a BGP peer, with a port or without.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddrV4};
use std::str::FromStr;

use serde_json::Value;

use crate::document::Node;
use crate::schema::{Decoder, Schema};

/// Where a peer is: `192.0.2.1`, `192.0.2.1:1790`, `2001:db8::1` or `[2001:db8::1]:1790`.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct PeerAddress {
    /// The address.
    pub address: IpAddr,
    /// The TCP port, when it is given; never 0.
    pub port: Option<u16>,
}

/// A text is not the address of a peer.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("an IP address, or one with a port from 1 to 65535: 192.0.2.1:179 or [2001:db8::1]:179")]
pub struct NotAPeerAddress;

impl FromStr for PeerAddress {
    type Err = NotAPeerAddress;

    fn from_str(text: &str) -> Result<Self, NotAPeerAddress> {
        if let Ok(address) = text.parse::<IpAddr>() {
            return Ok(Self { address, port: None });
        }
        let (address, port) = text.rsplit_once(':').ok_or(NotAPeerAddress)?;
        let address = match address.strip_prefix('[').and_then(|address| address.strip_suffix(']')) {
            Some(bracketed) => bracketed.parse::<Ipv6Addr>().map(IpAddr::V6),
            None => address.parse::<Ipv4Addr>().map(IpAddr::V4),
        };
        let is_number = port.bytes().all(|octet| octet.is_ascii_digit());
        let port = port.parse().ok().filter(|&port| port != 0 && is_number).ok_or(NotAPeerAddress)?;
        Ok(Self { address: address.map_err(|_| NotAPeerAddress)?, port: Some(port) })
    }
}

impl fmt::Display for PeerAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.address, self.port) {
            (address, None) => write!(f, "{address}"),
            (IpAddr::V4(address), Some(port)) => write!(f, "{}", SocketAddrV4::new(address, port)),
            (IpAddr::V6(address), Some(port)) => write!(f, "[{address}]:{port}"),
        }
    }
}

impl Schema for PeerAddress {
    fn decode(node: &Node<'_>, decoder: &mut Decoder) -> Option<Self> {
        let found = node.as_text().and_then(|text| text.parse().ok());
        if found.is_none() {
            decoder.report(node.position, format!("is {}; it must be {NotAPeerAddress}", node.describe()));
        }
        found
    }

    fn encode(&self) -> Value {
        self.to_string().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_and_prints_addresses_with_and_without_ports() {
        for text in ["192.0.2.1", "192.0.2.1:1790", "2001:db8::1", "[2001:db8::1]:1790"] {
            assert_eq!(text.parse::<PeerAddress>().unwrap().to_string(), text);
        }
        let bad = [
            "",
            "192.0.2.1:0",
            "192.0.2.1:+1",
            "192.0.2.1:65536",
            "192.0.2.1:",
            "[192.0.2.1]:1",
            "[2001:db8::1]",
            "[2001:db8::1]:",
            ":179",
            "2001:db8::1:70000",
            "192.0.2.1/32",
        ];
        for text in bad {
            assert_eq!(text.parse::<PeerAddress>(), Err(NotAPeerAddress), "{text}");
        }
    }
}
