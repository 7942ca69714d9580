//! Routes of families that are framed, but not interpreted here.
//!
//! They do not disturb a session that negotiated only unicast: malformed ones disable their family (RFC 4760
//! §7, the *AFI/SAFI disable* of RFC 7606 §2), and do not close the session.

use std::fmt;

use bytes::Bytes;
use nom::Parser;
use nom::branch::alt;
use nom::bytes::complete::take;
use nom::combinator::{cond, recognize, rest, verify};
use nom::multi::length_data;
use nom::number::complete::{be_u8, be_u16, be_u32};
use nom::sequence::preceded;

use crate::nlri::NlriIter;
use crate::parser::{Malformed, Parsed, is_row, row, u8_sized, u16_sized};
use crate::prefix::address_octets;
use crate::{Afi, Family, IpPrefix, Ipv4Prefix, Ipv6Prefix, Nlri, PathId, Safi};

/// The routes in an MP_REACH_NLRI or MP_UNREACH_NLRI of a family other than IPv4 or IPv6 unicast.
#[derive(Clone, Eq, PartialEq)]
pub struct ForeignRoutes {
    family: Family,
    next_hop: Option<Bytes>,
    add_path: bool,
    nlri: Bytes,
}

/// One NLRI of such a family.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct ForeignNlri<'a> {
    /// Distinguishes several paths for one NLRI (RFC 7911 §3).
    pub path_id: Option<PathId>,
    /// The NLRI with its length or type in front. All octets if the form of the family is not known.
    pub octets: &'a [u8],
}

impl ForeignRoutes {
    /// The routes in these octets, with a next hop if they are advertised; `None` if they are malformed.
    pub(crate) fn decode(
        family: Family,
        next_hop: Option<Bytes>,
        add_path: bool,
        nlri: Bytes,
    ) -> Option<Self> {
        let routes = Self { family, next_hop, add_path, nlri };
        let has_next_hop =
            routes.next_hop.as_ref().is_none_or(|next_hop| is_next_hop(family, next_hop.len()));
        (has_next_hop && routes.is_framed()).then_some(routes)
    }

    /// Their family.
    #[must_use]
    pub fn family(&self) -> Family {
        self.family
    }

    /// The octets of the next hop, possibly empty; `None` if the routes are withdrawn.
    #[must_use]
    pub fn next_hop(&self) -> Option<&[u8]> {
        self.next_hop.as_deref()
    }

    /// The NLRI in the order of the message.
    pub fn nlri(&self) -> impl Iterator<Item = ForeignNlri<'_>> {
        row(&self.nlri, |octets| self.first(octets))
    }

    /// The NLRI of a multicast family as prefixes; empty unless it is the multicast family of `P`.
    pub fn multicast<P: IpPrefix>(&self) -> impl Iterator<Item = Nlri<P>> + '_ {
        let of_p = Family { afi: P::FAMILY.afi, safi: Safi::MULTICAST };
        let octets: &[u8] = if self.family == of_p { &self.nlri } else { &[] };
        NlriIter::new(octets, self.add_path)
    }

    fn is_framed(&self) -> bool {
        is_row(&self.nlri, |octets| self.first(octets))
    }

    fn first<'a>(&self, octets: &'a [u8]) -> Parsed<'a, ForeignNlri<'a>> {
        let Some(form) = NlriForm::of(self.family) else {
            let all = verify(rest, |octets: &[u8]| !octets.is_empty());
            return all.map(|octets| ForeignNlri { path_id: None, octets }).parse_complete(octets);
        };
        let path_id = cond(self.add_path, be_u32.map(PathId));
        let nlri = recognize(|octets| form.first(octets));
        (path_id, nlri).map(|(path_id, octets)| ForeignNlri { path_id, octets }).parse_complete(octets)
    }
}

impl fmt::Debug for ForeignRoutes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} via {:?}: ", self.family, self.next_hop)?;
        f.debug_list().entries(self.nlri()).finish()
    }
}

/// How the NLRI of a family are delimited.
#[derive(Clone, Copy)]
enum NlriForm {
    /// A length in bits and a prefix (RFC 4271 §4.3).
    Prefix { max_bits: u8 },
    /// A length in bits, labels, possibly a route distinguisher, and a prefix (RFC 8277 §2, RFC 4364 §4.3.4).
    Labelled { distinguisher_bits: u8, max_bits: u8 },
    /// A length in bits that is fixed by the family (RFC 9830 §2.1).
    FixedBits(&'static [u8]),
    /// A length of one octet, or of twelve bits in two (RFC 8955 §4.1), with a minimum.
    FlowSpecification { least_octets: u16 },
    /// A type of one octet and a length of one octet (RFC 7432 §7, RFC 6514 §4).
    TypeLength,
    /// A length of two octets (RFC 4761 §3.2.2).
    Length,
    /// A type of two octets and a length of two octets (RFC 9552 §5.2).
    WideTypeLength,
}

impl NlriForm {
    /// The form of a family; `None` if it is not known.
    fn of(family: Family) -> Option<Self> {
        let max_bits = match family.afi {
            Afi::IPV4 => Ipv4Prefix::MAX_LENGTH,
            Afi::IPV6 => Ipv6Prefix::MAX_LENGTH,
            Afi::L2VPN => {
                return match family.safi {
                    Safi::EVPN => Some(Self::TypeLength),
                    Safi::VPLS => Some(Self::Length),
                    _ => None,
                };
            }
            Afi::LINK_STATE => return (family.safi == Safi::LINK_STATE).then_some(Self::WideTypeLength),
            _ => return None,
        };
        Some(match family.safi {
            Safi::UNICAST | Safi::MULTICAST => Self::Prefix { max_bits },
            Safi::LABELLED => Self::Labelled { distinguisher_bits: 0, max_bits },
            Safi::VPN | Safi::VPN_MULTICAST => Self::Labelled { distinguisher_bits: 64, max_bits },
            Safi::MULTICAST_VPN => Self::TypeLength,
            Safi::SEGMENT_ROUTING_POLICY => Self::FixedBits(&[96, 192]),
            Safi::ROUTE_TARGET => Self::Prefix { max_bits: 96 },
            Safi::FLOW_SPECIFICATION => Self::FlowSpecification { least_octets: 0 },
            Safi::VPN_FLOW_SPECIFICATION => Self::FlowSpecification { least_octets: 8 },
            _ => return None,
        })
    }

    /// Splits off the first NLRI.
    fn first(self, octets: &[u8]) -> Parsed<'_, &[u8]> {
        match self {
            Self::Prefix { max_bits } => {
                let bits = verify(be_u8, |bits| *bits <= max_bits);
                length_data(bits.map(address_octets)).parse_complete(octets)
            }
            Self::FixedBits(lengths) => {
                let bits = verify(be_u8, |bits| lengths.contains(bits));
                length_data(bits.map(address_octets)).parse_complete(octets)
            }
            Self::Labelled { distinguisher_bits, max_bits } => {
                let (after, bits) = be_u8(octets)?;
                let labels = label_bits(after, bits, distinguisher_bits);
                let prefix_bits =
                    bits.checked_sub(distinguisher_bits).and_then(|bits| bits.checked_sub(labels));
                if prefix_bits.is_none_or(|bits| bits > max_bits) {
                    return Err(nom::Err::Error(Malformed));
                }
                take(address_octets(bits))(after)
            }
            Self::FlowSpecification { least_octets } => {
                let short = verify(be_u8, |length| *length < 0xf0).map(u16::from);
                let long = be_u16.map(|length| length & 0x0fff);
                length_data(verify(alt((short, long)), |length| *length >= least_octets))
                    .parse_complete(octets)
            }
            Self::TypeLength => preceded(be_u8, u8_sized).parse_complete(octets),
            Self::Length => u16_sized(octets),
            Self::WideTypeLength => preceded(be_u16, u16_sized).parse_complete(octets),
        }
    }
}

/// Length in bits of the labels: up to the one marked as the last, or withdrawn (RFC 8277 §2.4). If none is
/// marked, there is one label (RFC 8277 §2.2).
fn label_bits(octets: &[u8], bits: u8, distinguisher_bits: u8) -> u8 {
    let room = usize::from(bits.saturating_sub(distinguisher_bits)) / LABEL_BITS;
    let is_last = |&[a, b, c]: &[u8; 3]| c & 1 == 1 || (a & 0x7f, b, c) == (0, 0, 0);
    let labels = octets.as_chunks::<3>().0.iter().take(room);
    let count = labels.clone().position(is_last).map_or(1, |place| place.saturating_add(1));
    u8::try_from(count.saturating_mul(LABEL_BITS)).unwrap_or(u8::MAX)
}

const LABEL_BITS: usize = 24;

/// Whether a next hop of this length is valid for the family.
fn is_next_hop(family: Family, octets: usize) -> bool {
    match family.safi {
        Safi::UNICAST | Safi::MULTICAST if family.afi == Afi::IPV6 => matches!(octets, 16 | 32),
        Safi::UNICAST | Safi::MULTICAST | Safi::LABELLED => matches!(octets, 4 | 16 | 32),
        Safi::VPN | Safi::VPN_MULTICAST => matches!(octets, 12 | 24 | 48),
        Safi::EVPN | Safi::VPLS => matches!(octets, 4 | 16 | 32),
        _ => true,
    }
}
