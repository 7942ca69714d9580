//! Path attributes, one file for each: its value, how it is read, and how it is written.

mod aggregator;
pub(crate) mod aigp;
mod as_path;
mod attr_set;
mod cluster_list;
mod communities;
mod extended_communities;
mod ipv6_extended_communities;
mod large_communities;
mod link_state;
mod mp_reach;
mod mp_unreach;
mod only_to_customer;
mod origin;
mod pmsi_tunnel;
pub(crate) mod prefix_sid;
mod tlvs;
mod tunnel_encapsulation;
mod unknown;
mod value;

use std::fmt;

use bytes::BufMut;
use nom::Parser;
use nom::number::complete::be_u8;

use crate::parser::{Parsed, u8_sized, u16_sized};
use crate::{AttributeFault, DecodeError};

pub use aggregator::Aggregator;
pub use as_path::{AsPath, AsPathBuf, AsPathError, Segment, SegmentKind};
pub use communities::{Community, CommunityError};
pub use extended_communities::{ExtendedCommunity, ExtendedCommunityError};
pub use large_communities::{LargeCommunity, LargeCommunityError};
pub use origin::Origin;
pub use unknown::{UnknownAttribute, UnknownAttributeBuf};
pub use value::{Elements, PathAttribute};

pub(crate) use as_path::{is_as_path, merge_as4_path, widen, without_confederation};
pub(crate) use attr_set::is_attr_set;
pub use cluster_list::ClusterId;
pub use ipv6_extended_communities::{Ipv6ExtendedCommunity, Ipv6ExtendedCommunityError};
pub(crate) use large_communities::{has_duplicates, without_duplicates};
pub(crate) use link_state::is_link_state;
pub use mp_reach::MpReach;
pub use mp_unreach::MpUnreach;
pub(crate) use only_to_customer::only_to_customer;
pub(crate) use pmsi_tunnel::is_pmsi_tunnel;
pub(crate) use tunnel_encapsulation::is_tunnel_encapsulation;

/// The type code of a path attribute, from IANA's registry.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct AttributeType(pub u8);

impl AttributeType {
    /// How the first speaker learned the route (RFC 4271 §5.1.1).
    pub const ORIGIN: Self = Self(1);
    /// The autonomous systems passed (RFC 4271 §5.1.2).
    pub const AS_PATH: Self = Self(2);
    /// Where to send packets (RFC 4271 §5.1.3).
    pub const NEXT_HOP: Self = Self(3);
    /// The preference among entry points, lower first (RFC 4271 §5.1.4).
    pub const MULTI_EXIT_DISC: Self = Self(4);
    /// The preference inside the autonomous system, higher first (RFC 4271 §5.1.5).
    pub const LOCAL_PREF: Self = Self(5);
    /// Some path information was left out when aggregating (RFC 4271 §5.1.6).
    pub const ATOMIC_AGGREGATE: Self = Self(6);
    /// Who aggregated (RFC 4271 §5.1.7).
    pub const AGGREGATOR: Self = Self(7);
    /// RFC 1997.
    pub const COMMUNITIES: Self = Self(8);
    /// Who brought the route into the autonomous system (RFC 4456 §8).
    pub const ORIGINATOR_ID: Self = Self(9);
    /// The reflection clusters passed (RFC 4456 §8).
    pub const CLUSTER_LIST: Self = Self(10);
    /// Reachable destinations of any family (RFC 4760 §3).
    pub const MP_REACH_NLRI: Self = Self(14);
    /// Withdrawn destinations of any family (RFC 4760 §4).
    pub const MP_UNREACH_NLRI: Self = Self(15);
    /// RFC 4360.
    pub const EXTENDED_COMMUNITIES: Self = Self(16);
    /// The four-octet AS_PATH, carried across two-octet speakers (RFC 6793 §3).
    pub const AS4_PATH: Self = Self(17);
    /// The four-octet AGGREGATOR, carried across two-octet speakers (RFC 6793 §3).
    pub const AS4_AGGREGATOR: Self = Self(18);
    /// RFC 6514.
    pub const PMSI_TUNNEL: Self = Self(22);
    /// RFC 9012.
    pub const TUNNEL_ENCAPSULATION: Self = Self(23);
    /// RFC 5701.
    pub const IPV6_EXTENDED_COMMUNITIES: Self = Self(25);
    /// The accumulated metric of an IGP (RFC 7311).
    pub const AIGP: Self = Self(26);
    /// RFC 9552.
    pub const LINK_STATE: Self = Self(29);
    /// RFC 8092.
    pub const LARGE_COMMUNITIES: Self = Self(32);
    /// RFC 9234.
    pub const ONLY_TO_CUSTOMER: Self = Self(35);
    /// RFC 8669.
    pub const PREFIX_SID: Self = Self(40);
    /// RFC 6368.
    pub const ATTR_SET: Self = Self(128);

    /// Optional and Transitive as the attribute's RFC has them; `None` for a type that is not recognised here.
    #[inline]
    pub(crate) fn specified_flags(self) -> Option<AttributeFlags> {
        match self {
            Self::ORIGIN | Self::AS_PATH | Self::NEXT_HOP | Self::LOCAL_PREF | Self::ATOMIC_AGGREGATE => {
                Some(AttributeFlags::WELL_KNOWN)
            }
            Self::AGGREGATOR
            | Self::COMMUNITIES
            | Self::EXTENDED_COMMUNITIES
            | Self::AS4_PATH
            | Self::AS4_AGGREGATOR
            | Self::LARGE_COMMUNITIES
            | Self::PMSI_TUNNEL
            | Self::TUNNEL_ENCAPSULATION
            | Self::IPV6_EXTENDED_COMMUNITIES
            | Self::ONLY_TO_CUSTOMER
            | Self::PREFIX_SID
            | Self::ATTR_SET => Some(AttributeFlags::OPTIONAL_TRANSITIVE),
            Self::MULTI_EXIT_DISC
            | Self::ORIGINATOR_ID
            | Self::CLUSTER_LIST
            | Self::MP_REACH_NLRI
            | Self::MP_UNREACH_NLRI
            | Self::AIGP
            | Self::LINK_STATE => Some(AttributeFlags::OPTIONAL_NON_TRANSITIVE),
            _ => None,
        }
    }

    /// Whether the attribute is carried as the octets that it came in: not recognised, or checked and no more.
    pub(crate) fn is_carried_as_octets(self) -> bool {
        let is_checked = matches!(
            self,
            Self::PMSI_TUNNEL
                | Self::TUNNEL_ENCAPSULATION
                | Self::IPV6_EXTENDED_COMMUNITIES
                | Self::ONLY_TO_CUSTOMER
                | Self::PREFIX_SID
                | Self::ATTR_SET
        );
        is_checked || self.specified_flags().is_none()
    }

    fn name(self) -> Option<&'static str> {
        Some(match self {
            Self::ORIGIN => "ORIGIN",
            Self::AS_PATH => "AS_PATH",
            Self::NEXT_HOP => "NEXT_HOP",
            Self::MULTI_EXIT_DISC => "MULTI_EXIT_DISC",
            Self::LOCAL_PREF => "LOCAL_PREF",
            Self::ATOMIC_AGGREGATE => "ATOMIC_AGGREGATE",
            Self::AGGREGATOR => "AGGREGATOR",
            Self::COMMUNITIES => "COMMUNITIES",
            Self::ORIGINATOR_ID => "ORIGINATOR_ID",
            Self::CLUSTER_LIST => "CLUSTER_LIST",
            Self::MP_REACH_NLRI => "MP_REACH_NLRI",
            Self::MP_UNREACH_NLRI => "MP_UNREACH_NLRI",
            Self::EXTENDED_COMMUNITIES => "EXTENDED_COMMUNITIES",
            Self::AS4_PATH => "AS4_PATH",
            Self::AS4_AGGREGATOR => "AS4_AGGREGATOR",
            Self::PMSI_TUNNEL => "PMSI_TUNNEL",
            Self::TUNNEL_ENCAPSULATION => "TUNNEL_ENCAPSULATION",
            Self::IPV6_EXTENDED_COMMUNITIES => "IPV6_EXTENDED_COMMUNITIES",
            Self::AIGP => "AIGP",
            Self::LINK_STATE => "LINK_STATE",
            Self::LARGE_COMMUNITIES => "LARGE_COMMUNITIES",
            Self::ONLY_TO_CUSTOMER => "ONLY_TO_CUSTOMER",
            Self::PREFIX_SID => "PREFIX_SID",
            Self::ATTR_SET => "ATTR_SET",
            _ => return None,
        })
    }
}

impl fmt::Display for AttributeType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.pad(name),
            None => write!(f, "attribute type {}", self.0),
        }
    }
}

/// The flags octet of a path attribute (RFC 4271 §4.3).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct AttributeFlags(pub(crate) u8);

impl AttributeFlags {
    const OPTIONAL: u8 = 0x80;
    const TRANSITIVE: u8 = 0x40;
    const PARTIAL: u8 = 0x20;
    const EXTENDED_LENGTH: u8 = 0x10;

    pub(crate) const WELL_KNOWN: Self = Self(Self::TRANSITIVE);
    pub(crate) const OPTIONAL_TRANSITIVE: Self = Self(Self::OPTIONAL | Self::TRANSITIVE);
    pub(crate) const OPTIONAL_NON_TRANSITIVE: Self = Self(Self::OPTIONAL);

    pub(crate) fn is_optional(self) -> bool {
        self.0 & Self::OPTIONAL != 0
    }

    pub(crate) fn is_transitive(self) -> bool {
        self.0 & Self::TRANSITIVE != 0
    }

    pub(crate) fn is_partial(self) -> bool {
        self.0 & Self::PARTIAL != 0
    }

    fn has_extended_length(self) -> bool {
        self.0 & Self::EXTENDED_LENGTH != 0
    }

    /// Whether Optional and Transitive are as in `other`: the two bits that RFC 7606 §3 (c) is about.
    pub(crate) fn agrees_with(self, other: Self) -> bool {
        let significant = Self::OPTIONAL | Self::TRANSITIVE;
        self.0 & significant == other.0 & significant
    }

    /// The same flags with Partial as given.
    pub(crate) fn with_partial(self, partial: bool) -> Self {
        if partial { Self(self.0 | Self::PARTIAL) } else { self }
    }
}

/// One attribute as it stands in octets: flags, type, length, value.
///
/// ```text
///  0                   1                   2                   3
///  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |O|T|P|E|   0   |      type     | length (2 octets when E is set) |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// ```
#[derive(Clone, Copy, Debug)]
pub(crate) struct RawAttribute<'a> {
    pub(crate) flags: AttributeFlags,
    pub(crate) attribute_type: AttributeType,
    pub(crate) value: &'a [u8],
}

impl<'a> RawAttribute<'a> {
    /// Parses the next attribute, which is malformed when its header or its value runs past the end (RFC 7606 §4).
    #[inline]
    pub(crate) fn decode(octets: &'a [u8]) -> Parsed<'a, Self> {
        let (rest, (flags, attribute_type)) =
            (be_u8.map(AttributeFlags), be_u8.map(AttributeType)).parse_complete(octets)?;
        let (rest, value) = if flags.has_extended_length() { u16_sized(rest)? } else { u8_sized(rest)? };
        Ok((rest, Self { flags, attribute_type, value }))
    }

    /// Appends the attribute; the length is extended only when it has to be.
    ///
    /// A value longer than the length field can say is cut there: with its header it is already more than a
    /// message holds, so that no message will ever carry the cut.
    pub(crate) fn encode(&self, out: &mut impl BufMut) {
        let length = u16::try_from(self.value.len()).unwrap_or(u16::MAX);
        let bits = self.flags.0 & !AttributeFlags::EXTENDED_LENGTH;
        if let Ok(length) = u8::try_from(length) {
            out.put_slice(&[bits, self.attribute_type.0, length]);
        } else {
            out.put_slice(&[bits | AttributeFlags::EXTENDED_LENGTH, self.attribute_type.0]);
            out.put_u16(length);
        }
        out.put_slice(self.value.get(..usize::from(length)).unwrap_or(self.value));
    }

    /// Whether the octets that it was read from are those that [`RawAttribute::encode`] writes for it with these flags.
    #[inline]
    pub(crate) fn has_canonical_header(&self, flags: AttributeFlags) -> bool {
        let extended = self.value.len() > usize::from(u8::MAX);
        let extended_length = if extended { AttributeFlags::EXTENDED_LENGTH } else { 0 };
        self.flags.0 == flags.0 | extended_length
    }

    /// The error that closes the session for this attribute.
    pub(crate) fn to_error(self, fault: AttributeFault) -> DecodeError {
        DecodeError::Attribute { attribute_type: self.attribute_type, fault, octets: self.as_received() }
    }

    /// The octets that the attribute was read from.
    fn as_received(self) -> Vec<u8> {
        let length = u16::try_from(self.value.len()).unwrap_or(u16::MAX).to_be_bytes();
        let [_, short_length] = length;
        let header = [self.flags.0, self.attribute_type.0];
        if self.flags.has_extended_length() {
            [&header, &length, self.value].concat()
        } else {
            [&header, &[short_length][..], self.value].concat()
        }
    }

    /// How many octets [`RawAttribute::encode`] writes, unless the value is cut.
    pub(crate) fn encoded_octets(&self) -> usize {
        let header = if self.value.len() > usize::from(u8::MAX) { 4 } else { 3 };
        self.value.len().saturating_add(header)
    }
}
