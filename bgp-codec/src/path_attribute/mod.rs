//! Path attributes, one file for each: its value, decoding and encoding.

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

use bytes::BufMut;
use nom::Parser;
use nom::number::complete::be_u8;

use crate::attribute_flags::AttributeFlags;
use crate::parser::{Parsed, u8_sized, u16_sized};
use crate::{AttributeFault, AttributeType, DecodeError};

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

/// One attribute in its encoded form: flags, type, length, value.
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
    /// Parses the next attribute, which is malformed if its header or its value exceeds the octets (RFC 7606
    /// §4).
    #[inline]
    pub(crate) fn decode(octets: &'a [u8]) -> Parsed<'a, Self> {
        let (rest, (flags, attribute_type)) =
            (be_u8.map(AttributeFlags), be_u8.map(AttributeType)).parse_complete(octets)?;
        let (rest, value) = if flags.has_extended_length() { u16_sized(rest)? } else { u8_sized(rest)? };
        Ok((rest, Self { flags, attribute_type, value }))
    }

    /// Appends the attribute, with the extended length only if needed.
    ///
    /// A value that exceeds the length field is truncated: together with its header it is larger than any
    /// message, so a truncated attribute is never sent.
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

    /// Whether its encoded form is the one that [`RawAttribute::encode`] writes with these flags.
    #[inline]
    pub(crate) fn has_canonical_header(&self, flags: AttributeFlags) -> bool {
        let extended = self.value.len() > usize::from(u8::MAX);
        let extended_length = if extended { AttributeFlags::EXTENDED_LENGTH } else { 0 };
        self.flags.0 == flags.0 | extended_length
    }

    /// The error that closes the session because of this attribute.
    pub(crate) fn to_error(self, fault: AttributeFault) -> DecodeError {
        DecodeError::Attribute { attribute_type: self.attribute_type, fault, octets: self.as_received() }
    }

    /// The octets from which the attribute was decoded.
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

    /// Length in octets of what [`RawAttribute::encode`] writes, unless the value is truncated.
    pub(crate) fn encoded_octets(&self) -> usize {
        let header = if self.value.len() > usize::from(u8::MAX) { 4 } else { 3 };
        self.value.len().saturating_add(header)
    }
}
