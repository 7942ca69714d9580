//! MP_REACH_NLRI (RFC 4760 §3).

use nom::Parser;
use nom::number::complete::be_u8;

use crate::parser::u8_sized;
use crate::{DecodeContext, Family, NextHop};

/// The fields of an MP_REACH_NLRI, with unparsed NLRI.
///
/// ```text
/// +-------------------------------------------+
/// | AFI (2 octets)                            |
/// | SAFI (1 octet)                            |
/// | length of the next hop (1 octet)          |
/// | next hop (variable)                       |
/// | reserved (1 octet)                        |
/// | NLRI (variable)                           |
/// +-------------------------------------------+
/// ```
#[derive(Clone, Copy, Debug)]
pub struct MpReach<'a> {
    /// The family of the routes.
    pub family: Family,
    /// The octets of the next hop.
    pub next_hop: &'a [u8],
    /// The octets of the NLRI.
    pub nlri: &'a [u8],
}

impl<'a> MpReach<'a> {
    /// Splits the value; `None` if it is too short for its fields (RFC 7606 §5.3).
    #[must_use]
    pub fn decode(value: &'a [u8]) -> Option<Self> {
        let (nlri, (family, next_hop, _reserved)) =
            (Family::decode, u8_sized, be_u8).parse_complete(value).ok()?;
        Some(Self { family, next_hop, nlri })
    }

    /// The next hop; `None` if its length is not valid for the family (RFC 7606 §7.11).
    ///
    /// An IPv6 next hop for IPv4 unicast is only valid with a capability (RFC 8950).
    pub(crate) fn next_hop(&self, context: &DecodeContext) -> Option<NextHop> {
        let next_hop = NextHop::decode(self.next_hop)?;
        match (self.family, next_hop) {
            (Family::IPV4_UNICAST, NextHop::Ipv4(_))
            | (Family::IPV6_UNICAST, NextHop::Ipv6(_) | NextHop::Ipv6LinkLocal { .. }) => Some(next_hop),
            (Family::IPV4_UNICAST, NextHop::Ipv6(_) | NextHop::Ipv6LinkLocal { .. }) => {
                context.extended_next_hop.contains(&self.family).then_some(next_hop)
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{AsWidth, PeerKind};

    #[test]
    fn fields_are_split_at_the_next_hop_length() {
        let value = [0, 1, 1, 4, 10, 0, 0, 1, 0, 8, 10];
        let reach = MpReach::decode(&value).unwrap();
        assert_eq!(reach.family, Family::IPV4_UNICAST);
        let context = DecodeContext::new(PeerKind::Ibgp, AsWidth::Four);
        assert_eq!(reach.next_hop(&context), Some(NextHop::Ipv4([10, 0, 0, 1].into())));
        assert_eq!(reach.nlri, [8, 10]);
        for end in 0..9 {
            assert!(MpReach::decode(&value[..end]).is_none(), "{end} octets");
        }
    }

    #[test]
    fn next_hops_fit_their_family() {
        let mut context = DecodeContext::new(PeerKind::Ibgp, AsWidth::Four);
        let rows = [
            // Family, octets, valid, valid with extended next hops.
            (Family::IPV4_UNICAST, 4, true, true),
            (Family::IPV4_UNICAST, 16, false, true),
            (Family::IPV4_UNICAST, 32, false, true),
            (Family::IPV4_UNICAST, 24, false, false),
            (Family::IPV6_UNICAST, 4, false, false),
            (Family::IPV6_UNICAST, 16, true, true),
            (Family::IPV6_UNICAST, 24, false, false),
            (Family::IPV6_UNICAST, 32, true, true),
            (Family::IPV6_UNICAST, 0, false, false),
        ];
        for extended in [false, true] {
            if extended {
                context.extended_next_hop = vec![Family::IPV4_UNICAST];
            }
            for (family, length, plain, with_extended) in rows {
                let next_hop = vec![1; length];
                let reach = MpReach { family, next_hop: &next_hop, nlri: &[] };
                let fits = if extended { with_extended } else { plain };
                assert_eq!(reach.next_hop(&context).is_some(), fits, "{family} {length} {extended}");
            }
        }
    }
}
