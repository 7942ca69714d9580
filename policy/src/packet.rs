//! Packets, as far as rules look at them.

use std::net::IpAddr;

use margay_cluster::object::IpVersion;
use margay_cluster::value::Protocol;

use crate::http::Request;

/// The first packet of a flow, with the HTTP request that it carries if that is known.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Packet {
    /// The sender's address.
    pub source: IpAddr,
    /// The receiver's address, of the same family.
    pub destination: IpAddr,
    /// The protocol number of the IP header.
    pub protocol: u8,
    /// What the transport header says.
    pub transport: Transport,
    /// The HTTP request. Without one, rules match by addresses and ports alone, as the kernel does.
    pub request: Option<Request>,
}

/// The fields of a transport header that rules look at.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Transport {
    /// TCP, UDP and SCTP.
    Ports {
        /// The sender's port.
        source: u16,
        /// The receiver's port.
        destination: u16,
    },
    /// ICMP and ICMPv6.
    Icmp {
        /// The type.
        icmp_type: u8,
        /// The code.
        code: u8,
    },
    /// Every other protocol.
    Other,
}

/// The direction of a packet, seen from the endpoint whose policy is asked.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Direction {
    /// To the endpoint.
    Ingress,
    /// From the endpoint.
    Egress,
}

impl Packet {
    /// The version of IP.
    #[must_use]
    pub const fn version(&self) -> IpVersion {
        match self.source {
            IpAddr::V4(_) => IpVersion::V4,
            IpAddr::V6(_) => IpVersion::V6,
        }
    }

    /// The address and, where the protocol has ports, the port at one end.
    pub(crate) const fn end(&self, end: End) -> (IpAddr, Option<u16>) {
        match (end, self.transport) {
            (End::Source, Transport::Ports { source, .. }) => (self.source, Some(source)),
            (End::Source, _) => (self.source, None),
            (End::Destination, Transport::Ports { destination, .. }) => (self.destination, Some(destination)),
            (End::Destination, _) => (self.destination, None),
        }
    }

    /// The type and code, of a packet of the family's ICMP.
    pub(crate) fn icmp(&self) -> Option<(u8, u8)> {
        match self.transport {
            Transport::Icmp { icmp_type, code } if self.protocol == icmp_protocol(self.version()) => {
                Some((icmp_type, code))
            }
            _ => None,
        }
    }
}

/// An end of a packet's way.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum End {
    /// The sender.
    Source,
    /// The receiver.
    Destination,
}

/// The number of ICMP in a family.
pub(crate) fn icmp_protocol(version: IpVersion) -> u8 {
    match version {
        IpVersion::V4 => Protocol::Icmp.number(),
        IpVersion::V6 => Protocol::IcmpV6.number(),
    }
}
