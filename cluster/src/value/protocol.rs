//! IP protocols of rules and ports.

use std::fmt;

use serde_json::Value;

use crate::document::Node;
use crate::schema::{Decoder, Schema, hint, integer};

/// An IP protocol, by name or by number.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Protocol {
    /// 6
    Tcp,
    /// 17
    Udp,
    /// 1
    Icmp,
    /// 58
    IcmpV6,
    /// 132
    Sctp,
    /// 136
    UdpLite,
    /// A number from 1 to 255; it stays a number even if there is a name for it.
    Number(u8),
}

const NAMES: &[(Protocol, &str, u8)] = &[
    (Protocol::Tcp, "TCP", 6),
    (Protocol::Udp, "UDP", 17),
    (Protocol::Icmp, "ICMP", 1),
    (Protocol::IcmpV6, "ICMPv6", 58),
    (Protocol::Sctp, "SCTP", 132),
    (Protocol::UdpLite, "UDPLite", 136),
];

impl Protocol {
    /// The number in the IP header.
    #[must_use]
    pub fn number(self) -> u8 {
        match self {
            Self::Number(number) => number,
            named => {
                NAMES.iter().find(|(protocol, ..)| *protocol == named).map_or(0, |&(_, _, number)| number)
            }
        }
    }

    /// Whether rules can match ports of this protocol: TCP, UDP and SCTP, by name or number.
    #[must_use]
    pub fn has_ports(self) -> bool {
        [Self::Tcp, Self::Udp, Self::Sctp].iter().any(|protocol| protocol.number() == self.number())
    }

    /// Whether this is the protocol, by name or by number.
    #[must_use]
    pub fn is(self, other: Self) -> bool {
        self.number() == other.number()
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match NAMES.iter().find(|(protocol, ..)| protocol == self) {
            Some((_, name, _)) => f.write_str(name),
            None => write!(f, "{}", self.number()),
        }
    }
}

impl Schema for Protocol {
    fn decode(node: &Node<'_>, decoder: &mut Decoder) -> Option<Self> {
        let number = match node.as_text() {
            Some(text) if text.bytes().all(|octet| octet.is_ascii_digit()) => text.parse().ok(),
            _ => integer(node),
        };
        let named =
            NAMES.iter().find(|(_, name, _)| node.as_text() == Some(name)).map(|&(protocol, ..)| protocol);
        let numbered = number.and_then(|number| u8::try_from(number).ok()).filter(|&number| number != 0);
        let found = named.or_else(|| numbered.map(Self::Number));
        if found.is_none() {
            let names = NAMES.iter().map(|(_, name, _)| *name);
            let hint = hint(node, names.clone());
            let names: Vec<&str> = names.collect();
            let message = format!(
                "is {}; it must be {} or a number from 1 to 255{hint}",
                node.describe(),
                names.join(", ")
            );
            decoder.report(node.position, message);
        }
        found
    }

    fn encode(&self) -> Value {
        match self {
            Self::Number(number) => (*number).into(),
            _ => self.to_string().into(),
        }
    }
}
