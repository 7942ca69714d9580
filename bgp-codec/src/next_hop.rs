//! The next hop of a route, which is kept apart from its attribute set.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use crate::{IpPrefix, Ipv4Prefix, Ipv6Prefix, Prefix};

/// Where packets for a route are sent.
///
/// NEXT_HOP (RFC 4271 §5.1.3) or the next hop field of MP_REACH_NLRI (RFC 4760 §3, RFC 2545 §3).
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[cfg_attr(feature = "serde", derive(serde::Deserialize, serde::Serialize))]
pub enum NextHop {
    /// Four octets.
    Ipv4(Ipv4Addr),
    /// Sixteen octets.
    Ipv6(Ipv6Addr),
    /// Thirty-two octets: a peer on the same link also sends its link-local address.
    Ipv6LinkLocal {
        /// The global address, which is meaningful beyond the link.
        global: Ipv6Addr,
        /// The address on the link.
        link_local: Ipv6Addr,
    },
}

impl NextHop {
    /// The address that identifies the next hop: the global one if there are two.
    #[must_use]
    pub fn address(self) -> IpAddr {
        match self {
            Self::Ipv4(address) => address.into(),
            Self::Ipv6(address) | Self::Ipv6LinkLocal { global: address, .. } => address.into(),
        }
    }

    /// Whether the address that identifies the next hop is in `subnet`.
    #[must_use]
    pub fn is_in(self, subnet: Prefix) -> bool {
        match (self.address(), subnet) {
            (IpAddr::V4(address), Prefix::Ipv4(subnet)) => subnet.contains(Ipv4Prefix::host(address)),
            (IpAddr::V6(address), Prefix::Ipv6(subnet)) => subnet.contains(Ipv6Prefix::host(address)),
            (IpAddr::V4(_), Prefix::Ipv6(_)) | (IpAddr::V6(_), Prefix::Ipv4(_)) => false,
        }
    }

    /// The same next hop as seen from outside the link.
    #[must_use]
    pub fn without_link_local(self) -> Self {
        match self {
            Self::Ipv4(_) | Self::Ipv6(_) => self,
            Self::Ipv6LinkLocal { global, .. } => Self::Ipv6(global),
        }
    }

    /// Whether the address that identifies the next hop is link-local.
    #[must_use]
    pub fn is_only_link_local(self) -> bool {
        match self {
            Self::Ipv4(address) => address.is_link_local(),
            Self::Ipv6(address) | Self::Ipv6LinkLocal { global: address, .. } => {
                address.is_unicast_link_local()
            }
        }
    }

    /// Decodes the next hop field of MP_REACH_NLRI; `None` for any length except 4, 16 and 32.
    ///
    /// A second address that is not link-local is left out: some speakers send zeros there. A link-local address
    /// after another one or after the unspecified address stands alone: over sessions between link-local addresses,
    /// speakers without a global one send their link-local address once, twice, or after zeros.
    #[must_use]
    pub fn decode(octets: &[u8]) -> Option<Self> {
        if let Ok(address) = <[u8; 4]>::try_from(octets) {
            return Some(Self::Ipv4(address.into()));
        }
        let (global, link_local) = octets.split_first_chunk::<16>()?;
        let global = Ipv6Addr::from(*global);
        if link_local.is_empty() {
            return Some(Self::Ipv6(global));
        }
        let link_local = Ipv6Addr::from(<[u8; 16]>::try_from(link_local).ok()?);
        let has_global = !global.is_unspecified() && !global.is_unicast_link_local();
        Some(match link_local.is_unicast_link_local() {
            true if has_global => Self::Ipv6LinkLocal { global, link_local },
            true => Self::Ipv6(link_local),
            false => Self::Ipv6(global),
        })
    }

    /// Whether it can be a host's address (RFC 4271 §6.3).
    ///
    /// No RFC asks for a check of IPv6 next hops; the unspecified address stands for none.
    pub(crate) fn is_host_address(self) -> bool {
        match self.address() {
            IpAddr::V4(address) => matches!(address.octets(), [1..=223, ..]),
            IpAddr::V6(address) => !address.is_unspecified(),
        }
    }

    /// Length of the next hop in MP_REACH_NLRI, in octets.
    pub(crate) fn encoded_octets(self) -> u8 {
        match self {
            Self::Ipv4(_) => 4,
            Self::Ipv6(_) => 16,
            Self::Ipv6LinkLocal { .. } => 32,
        }
    }

    /// Appends the octets as in MP_REACH_NLRI.
    pub(crate) fn encode(self, out: &mut impl bytes::BufMut) {
        match self {
            Self::Ipv4(address) => out.put_slice(&address.octets()),
            Self::Ipv6(address) => out.put_slice(&address.octets()),
            Self::Ipv6LinkLocal { global, link_local } => {
                out.put_slice(&global.octets());
                out.put_slice(&link_local.octets());
            }
        }
    }
}

impl fmt::Display for NextHop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ipv4(address) => address.fmt(f),
            Self::Ipv6(address) => address.fmt(f),
            Self::Ipv6LinkLocal { global, link_local } => write!(f, "{global} ({link_local})"),
        }
    }
}

/// The text is not a next hop.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("a next hop is an address, or a global one and a link-local one, as in 2001:db8::1 (fe80::1)")]
pub struct NextHopError;

impl FromStr for NextHop {
    type Err = NextHopError;

    fn from_str(text: &str) -> Result<Self, NextHopError> {
        let Some((global, link_local)) = text.split_once(" (") else {
            return match text.parse().map_err(|_| NextHopError)? {
                IpAddr::V4(address) => Ok(Self::Ipv4(address)),
                IpAddr::V6(address) => Ok(Self::Ipv6(address)),
            };
        };
        let global = global.parse().map_err(|_| NextHopError)?;
        let link_local = link_local.strip_suffix(')').and_then(|text| text.parse().ok());
        let link_local = link_local.filter(Ipv6Addr::is_unicast_link_local).ok_or(NextHopError)?;
        Ok(Self::Ipv6LinkLocal { global, link_local })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_parsed_as_displayed() {
        let global = "2001:db8::1".parse().unwrap();
        let link_local = "fe80::1".parse().unwrap();
        for (next_hop, text) in [
            (NextHop::Ipv4([10, 0, 0, 1].into()), "10.0.0.1"),
            (NextHop::Ipv6(global), "2001:db8::1"),
            (NextHop::Ipv6LinkLocal { global, link_local }, "2001:db8::1 (fe80::1)"),
        ] {
            assert_eq!(next_hop.to_string(), text);
            assert_eq!(text.parse(), Ok(next_hop));
        }
        for text in [
            "",
            "10.0.0.1 (fe80::1)",
            "2001:db8::1 (2001:db8::2)",
            "2001:db8::1 (fe80::1",
            "fe80::1%eth0",
            "self",
        ] {
            assert_eq!(text.parse::<NextHop>(), Err(NextHopError), "{text}");
        }
    }

    #[test]
    fn the_kind_follows_from_the_length() {
        let global = "2001:db8::1".parse::<Ipv6Addr>().unwrap();
        let link_local = "fe80::1".parse::<Ipv6Addr>().unwrap();
        let two = |second: Ipv6Addr| [global.octets(), second.octets()].concat();
        let unspecified = Ipv6Addr::UNSPECIFIED;
        let cases: [(Vec<u8>, Option<NextHop>); 12] = [
            (vec![10, 0, 0, 1], Some(NextHop::Ipv4([10, 0, 0, 1].into()))),
            (global.octets().to_vec(), Some(NextHop::Ipv6(global))),
            (two(link_local), Some(NextHop::Ipv6LinkLocal { global, link_local })),
            (two(unspecified), Some(NextHop::Ipv6(global))),
            // A speaker without a global address, in the three ways that are in use.
            (link_local.octets().to_vec(), Some(NextHop::Ipv6(link_local))),
            ([link_local.octets(), link_local.octets()].concat(), Some(NextHop::Ipv6(link_local))),
            ([unspecified.octets(), link_local.octets()].concat(), Some(NextHop::Ipv6(link_local))),
            ([link_local.octets(), global.octets()].concat(), Some(NextHop::Ipv6(link_local))),
            (vec![], None),
            (vec![1; 15], None),
            (vec![1; 24], None),
            (vec![1; 33], None),
        ];
        for (octets, expected) in cases {
            assert_eq!(NextHop::decode(&octets), expected, "{octets:?}");
        }
    }

    #[test]
    fn encode_then_decode_is_the_identity() {
        let global = "2001:db8::1".parse().unwrap();
        let link_local = "fe80::1".parse().unwrap();
        let all = [
            NextHop::Ipv4([10, 0, 0, 1].into()),
            NextHop::Ipv6(global),
            NextHop::Ipv6LinkLocal { global, link_local },
        ];
        for next_hop in all {
            let mut octets = Vec::new();
            next_hop.encode(&mut octets);
            assert_eq!(octets.len(), usize::from(next_hop.encoded_octets()));
            assert_eq!(NextHop::decode(&octets), Some(next_hop));
        }
    }

    #[test]
    fn an_address_that_is_not_a_hosts_is_not_a_next_hop() {
        for (address, expected) in [
            ("0.0.0.0", false),
            ("0.1.2.3", false),
            ("10.0.0.1", true),
            ("127.0.0.1", true),
            ("224.0.0.5", false),
            ("255.255.255.255", false),
        ] {
            assert_eq!(NextHop::Ipv4(address.parse().unwrap()).is_host_address(), expected, "{address}");
        }
        for (address, expected) in
            [("::", false), ("ff02::1", true), ("fe80::1", true), ("2001:db8::1", true)]
        {
            assert_eq!(NextHop::Ipv6(address.parse().unwrap()).is_host_address(), expected, "{address}");
        }
    }
}
