//! Address families: AFI, SAFI and the pair of them.

use std::fmt;
use std::str::FromStr;

use bytes::BufMut;
use nom::Parser;
use nom::number::complete::{be_u8, be_u16};

use crate::parser::Parsed;

/// An Address Family Identifier of IANA's registry (RFC 4760 §3).
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[cfg_attr(feature = "serde", derive(serde::Deserialize, serde::Serialize))]
pub struct Afi(pub u16);

impl Afi {
    /// IP version 4.
    pub const IPV4: Self = Self(1);
    /// IP version 6.
    pub const IPV6: Self = Self(2);
    /// Layer 2 VPNs.
    pub const L2VPN: Self = Self(25);
    /// Link state (RFC 9552).
    pub const LINK_STATE: Self = Self(16388);
}

impl fmt::Display for Afi {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match *self {
            Self::IPV4 => "IPv4",
            Self::IPV6 => "IPv6",
            Self::L2VPN => "L2VPN",
            Self::LINK_STATE => "link state",
            Self(number) => return write!(f, "address family {number}"),
        })
    }
}

/// A Subsequent Address Family Identifier of IANA's registry (RFC 4760 §6).
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[cfg_attr(feature = "serde", derive(serde::Deserialize, serde::Serialize))]
pub struct Safi(pub u8);

impl Safi {
    /// Routes for unicast forwarding.
    pub const UNICAST: Self = Self(1);
    /// Routes for multicast reverse path lookups.
    pub const MULTICAST: Self = Self(2);
    /// Routes with MPLS labels (RFC 8277).
    pub const LABELLED: Self = Self(4);
    /// Multicast VPNs (RFC 6514).
    pub const MULTICAST_VPN: Self = Self(5);
    /// Virtual private LAN service (RFC 4761).
    pub const VPLS: Self = Self(65);
    /// Ethernet VPNs (RFC 7432).
    pub const EVPN: Self = Self(70);
    /// Link state (RFC 9552).
    pub const LINK_STATE: Self = Self(71);
    /// Segment routing policies (RFC 9830).
    pub const SEGMENT_ROUTING_POLICY: Self = Self(73);
    /// Layer 3 VPNs (RFC 4364).
    pub const VPN: Self = Self(128);
    /// Multicast routes of layer 3 VPNs (RFC 6514).
    pub const VPN_MULTICAST: Self = Self(129);
    /// Route target membership (RFC 4684).
    pub const ROUTE_TARGET: Self = Self(132);
    /// Flow specifications (RFC 8955).
    pub const FLOW_SPECIFICATION: Self = Self(133);
    /// Flow specifications of layer 3 VPNs (RFC 8955 §8).
    pub const VPN_FLOW_SPECIFICATION: Self = Self(134);
}

/// Address family of the NLRI of a message: an AFI and a SAFI.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[cfg_attr(feature = "serde", derive(serde::Deserialize, serde::Serialize))]
pub struct Family {
    /// The address family.
    pub afi: Afi,
    /// The use of its routes.
    pub safi: Safi,
}

impl Family {
    /// IPv4 unicast: the family of the fields defined in RFC 4271.
    pub const IPV4_UNICAST: Self = Self { afi: Afi::IPV4, safi: Safi::UNICAST };
    /// IPv6 unicast (RFC 2545).
    pub const IPV6_UNICAST: Self = Self { afi: Afi::IPV6, safi: Safi::UNICAST };

    /// Parses AFI and SAFI in the usual form: two octets and one.
    pub(crate) fn decode(octets: &[u8]) -> Parsed<'_, Self> {
        let (rest, (afi, safi)) = (be_u16.map(Afi), be_u8.map(Safi)).parse_complete(octets)?;
        Ok((rest, Self { afi, safi }))
    }

    /// Appends AFI and SAFI in the same form.
    pub(crate) fn encode(self, out: &mut impl BufMut) {
        out.put_u16(self.afi.0);
        out.put_u8(self.safi.0);
    }

    const NAMES: [(Self, &'static str); 2] =
        [(Self::IPV4_UNICAST, "ipv4-unicast"), (Self::IPV6_UNICAST, "ipv6-unicast")];
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match Self::NAMES.iter().find(|(family, _)| family == self) {
            Some((_, name)) => f.pad(name),
            None => write!(f, "afi-{}-safi-{}", self.afi.0, self.safi.0),
        }
    }
}

/// The text does not name a family whose routes are supported here.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("an address family is ipv4-unicast or ipv6-unicast")]
pub struct FamilyError;

impl FromStr for Family {
    type Err = FamilyError;

    fn from_str(text: &str) -> Result<Self, FamilyError> {
        Self::NAMES.iter().find(|(_, name)| *name == text).map(|(family, _)| *family).ok_or(FamilyError)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_parsed_as_displayed() {
        for family in [Family::IPV4_UNICAST, Family::IPV6_UNICAST] {
            assert_eq!(family.to_string().parse(), Ok(family));
        }
        assert_eq!("ipv4".parse::<Family>(), Err(FamilyError));
    }

    #[test]
    fn a_family_without_a_name_shows_its_numbers() {
        assert_eq!(Family { afi: Afi(25), safi: Safi(70) }.to_string(), "afi-25-safi-70");
    }
}
