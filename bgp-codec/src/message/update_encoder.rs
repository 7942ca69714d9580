//! Encoder that packs routes into UPDATE messages.

use std::borrow::Cow;
use std::iter::Peekable;
use std::net::Ipv4Addr;

use bytes::{BufMut, BytesMut};

use super::header::{HEADER_OCTETS, MessageType, encode_message, put_u16_at};
use crate::attribute_flags::AttributeFlags;
use crate::path_attribute::RawAttribute;
use crate::{
    AsWidth, AttributeType, Family, IpPrefix, Ipv4Prefix, Ipv6Prefix, NextHop, Nlri, PathAttributes, Reach,
    Update,
};

/// Encodes UPDATEs under the terms of a session: appends whole messages to the caller's buffer.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct UpdateEncoder {
    /// Width of AS numbers.
    pub as_width: AsWidth,
    /// Longest message in octets: 4,096, or 65,535 if both sides support it. Other values are clamped to this
    /// range.
    pub max_message_octets: usize,
    /// Whether NLRI have path identifiers.
    pub add_path: bool,
}

/// The attributes leave no room in a message for a route.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("the path attributes leave no room in a message for a route")]
pub struct AttributesTooLong;

impl UpdateEncoder {
    /// Advertises routes that share attributes and next hop, in as many messages as needed, each filled to
    /// the limit.
    ///
    /// IPv4 routes with an IPv4 next hop go into the NLRI field, all others into MP_REACH_NLRI, which
    /// precedes the other attributes (RFC 7606 §5.1). For a two-octet peer the AS path is narrowed, and
    /// AS4_PATH and AS4_AGGREGATOR carry what is lost (RFC 6793 §4.2.2).
    ///
    /// # Errors
    ///
    /// A route does not fit into a message together with the attributes. Nothing is written.
    pub fn reach<P: IpPrefix>(
        &self,
        out: &mut BytesMut,
        attributes: &PathAttributes,
        next_hop: NextHop,
        nlri: impl IntoIterator<Item = Nlri<P>>,
    ) -> Result<(), AttributesTooLong> {
        let octets = self.attribute_octets(attributes);
        let start = out.len();
        let mut nlri = nlri.into_iter().peekable();
        while nlri.peek().is_some() {
            let progress = match next_hop {
                NextHop::Ipv4(address) if P::FAMILY == Family::IPV4_UNICAST => {
                    self.fill_nlri(out, &octets, address, &mut nlri)
                }
                _ => self.fill_mp_reach(out, &octets, next_hop, &mut nlri),
            };
            if progress == Progress::Stuck {
                out.truncate(start);
                return Err(AttributesTooLong);
            }
        }
        Ok(())
    }

    /// Octets that a message with these attributes leaves for NLRI of a family. A larger route cannot be
    /// advertised.
    #[must_use]
    pub fn nlri_room_octets(&self, attributes: &PathAttributes, next_hop: NextHop, family: Family) -> usize {
        let next_hop_octets = match next_hop {
            NextHop::Ipv4(_) if family == Family::IPV4_UNICAST => NEXT_HOP_ATTRIBUTE_OCTETS,
            _ => MP_REACH_OCTETS.saturating_add(next_hop.encoded_octets().into()),
        };
        let used = UPDATE_OCTETS
            .saturating_add(self.attribute_octets(attributes).len())
            .saturating_add(next_hop_octets);
        self.message_octets().saturating_sub(used)
    }

    /// Withdraws routes, in as many messages as needed, each filled to the limit.
    pub fn unreach<P: IpPrefix>(&self, out: &mut BytesMut, nlri: impl IntoIterator<Item = Nlri<P>>) {
        let mut nlri = nlri.into_iter().peekable();
        while nlri.peek().is_some() {
            if P::FAMILY == Family::IPV4_UNICAST {
                self.fill_withdrawn(out, &mut nlri);
            } else {
                self.fill_mp_unreach(out, &mut nlri);
            }
        }
    }

    /// Appends an End-of-RIB (RFC 4724 §2).
    pub fn end_of_rib(&self, out: &mut BytesMut, family: Family) {
        if family == Family::IPV4_UNICAST {
            encode_message(out, MessageType::UPDATE, |out| out.put_u32(0));
        } else {
            self.mp_unreach(out, family, |_| {});
        }
    }

    /// Encodes a received UPDATE under the terms of this session.
    ///
    /// # Errors
    ///
    /// The attributes leave no room for its routes; nothing is written.
    pub(crate) fn update(&self, out: &mut BytesMut, update: &Update) -> Result<(), AttributesTooLong> {
        let start = out.len();
        for block in update.unreach() {
            self.unreach(out, block.iter::<Ipv4Prefix>());
            self.unreach(out, block.iter::<Ipv6Prefix>());
        }
        let attributes = update.attributes().map(|attributes| attributes.to_path_attributes());
        for Reach { next_hop, nlri } in update.reach() {
            let Some(attributes) = &attributes else { break };
            self.reach(out, attributes, next_hop, nlri.iter::<Ipv4Prefix>())
                .and_then(|()| self.reach(out, attributes, next_hop, nlri.iter::<Ipv6Prefix>()))
                .inspect_err(|_| out.truncate(start))?;
        }
        if let Some(family) = update.end_of_rib() {
            self.end_of_rib(out, family);
        }
        Ok(())
    }

    fn fill_nlri<P: IpPrefix>(
        &self,
        out: &mut BytesMut,
        attributes: &[u8],
        next_hop: Ipv4Addr,
        nlri: &mut Peekable<impl Iterator<Item = Nlri<P>>>,
    ) -> Progress {
        let total_octets = attributes.len().saturating_add(NEXT_HOP_ATTRIBUTE_OCTETS);
        let end = self.end_of_message(out);
        if out.len().saturating_add(UPDATE_OCTETS).saturating_add(total_octets) > end {
            return Progress::Stuck;
        }
        let (before, after) = split_at_type(attributes, AttributeType::NEXT_HOP);
        let mut progress = Progress::Stuck;
        encode_message(out, MessageType::UPDATE, |out| {
            out.put_u16(0);
            put_length(out, total_octets);
            out.put_slice(before);
            let value = &next_hop.octets();
            let flags = AttributeFlags::WELL_KNOWN;
            RawAttribute { flags, attribute_type: AttributeType::NEXT_HOP, value }.encode(out);
            out.put_slice(after);
            progress = self.fill(out, end, nlri);
        });
        progress
    }

    fn fill_mp_reach<P: IpPrefix>(
        &self,
        out: &mut BytesMut,
        attributes: &[u8],
        next_hop: NextHop,
        nlri: &mut Peekable<impl Iterator<Item = Nlri<P>>>,
    ) -> Progress {
        let Some(end) = self.end_of_message(out).checked_sub(attributes.len()) else {
            return Progress::Stuck;
        };
        let mut progress = Progress::Stuck;
        encode_message(out, MessageType::UPDATE, |out| {
            out.put_u16(0);
            sized(out, |out| {
                mp_attribute(out, AttributeType::MP_REACH_NLRI, P::FAMILY, |out| {
                    out.put_u8(next_hop.encoded_octets());
                    next_hop.encode(out);
                    out.put_u8(0);
                    progress = self.fill(out, end, nlri);
                });
                out.put_slice(attributes);
            });
        });
        progress
    }

    fn fill_withdrawn<P: IpPrefix>(
        &self,
        out: &mut BytesMut,
        nlri: &mut Peekable<impl Iterator<Item = Nlri<P>>>,
    ) {
        let end = self.end_of_message(out).saturating_sub(LENGTH_OCTETS);
        encode_message(out, MessageType::UPDATE, |out| {
            sized(out, |out| {
                self.fill(out, end, nlri);
            });
            out.put_u16(0);
        });
    }

    fn fill_mp_unreach<P: IpPrefix>(
        &self,
        out: &mut BytesMut,
        nlri: &mut Peekable<impl Iterator<Item = Nlri<P>>>,
    ) {
        let end = self.end_of_message(out);
        self.mp_unreach(out, P::FAMILY, |out| {
            self.fill(out, end, nlri);
        });
    }

    /// Appends an UPDATE with only MP_UNREACH_NLRI, whose NLRI the closure appends.
    fn mp_unreach(&self, out: &mut BytesMut, family: Family, nlri: impl FnOnce(&mut BytesMut)) {
        encode_message(out, MessageType::UPDATE, |out| {
            out.put_u16(0);
            sized(out, |out| mp_attribute(out, AttributeType::MP_UNREACH_NLRI, family, nlri));
        });
    }

    /// Appends NLRI as long as the buffer does not grow beyond `end`.
    fn fill<P: IpPrefix>(
        &self,
        out: &mut BytesMut,
        end: usize,
        nlri: &mut Peekable<impl Iterator<Item = Nlri<P>>>,
    ) -> Progress {
        let mut progress = Progress::Stuck;
        let mut room = end.saturating_sub(out.len());
        let fits = |nlri: &Nlri<P>, room: usize| nlri.encoded_octets(self.add_path) <= room;
        while let Some(next) = nlri.next_if(|next| fits(next, room)) {
            room = room.saturating_sub(next.encoded_octets(self.add_path));
            next.encode(self.add_path, out);
            progress = Progress::Made;
        }
        progress
    }

    /// Length that the buffer may reach with the message that starts at its present end.
    fn end_of_message(&self, out: &BytesMut) -> usize {
        out.len().saturating_add(self.message_octets())
    }

    fn message_octets(&self) -> usize {
        self.max_message_octets.clamp(4096, 65535)
    }

    /// The attributes with AS numbers in the width of the session.
    fn attribute_octets<'a>(&self, attributes: &'a PathAttributes) -> Cow<'a, [u8]> {
        match self.as_width {
            AsWidth::Four => Cow::Borrowed(attributes.octets()),
            AsWidth::Two => Cow::Owned(narrow(attributes)),
        }
    }
}

/// Whether a message took a route.
#[derive(Clone, Copy, Eq, PartialEq)]
enum Progress {
    Made,
    Stuck,
}

/// The attributes for a two-octet peer (RFC 6793 §4.2.2).
fn narrow(attributes: &PathAttributes) -> Vec<u8> {
    let (as_path, as4_path) = attributes.as_path().narrow();
    let aggregator = attributes.aggregator();
    let narrow_aggregator = aggregator.map(|aggregator| aggregator.narrow_octets());
    let as4_aggregator =
        aggregator.filter(|by| by.asn.needs_four_octets()).map(|aggregator| aggregator.octets());

    let as4 = |attribute_type, value| RawAttribute {
        flags: AttributeFlags::OPTIONAL_TRANSITIVE,
        attribute_type,
        value,
    };
    let as4_path = as4_path.as_deref().map(|value| as4(AttributeType::AS4_PATH, value));
    let as4_aggregator = as4_aggregator.as_ref().map(|value| as4(AttributeType::AS4_AGGREGATOR, value));
    let mut all: Vec<RawAttribute<'_>> =
        attributes.attributes().chain(as4_path).chain(as4_aggregator).collect();
    all.sort_by_key(|attribute| attribute.attribute_type);

    let mut octets = Vec::with_capacity(attributes.octets().len().saturating_mul(2));
    for mut attribute in all {
        match (attribute.attribute_type, &narrow_aggregator) {
            (AttributeType::AS_PATH, _) => attribute.value = &as_path,
            (AttributeType::AGGREGATOR, Some(value)) => attribute.value = value,
            _ => {}
        }
        attribute.encode(&mut octets);
    }
    octets
}

/// Splits ascending attributes at the position of this type.
fn split_at_type(octets: &[u8], attribute_type: AttributeType) -> (&[u8], &[u8]) {
    let mut after = octets;
    while let Ok((rest, next)) = RawAttribute::decode(after)
        && next.attribute_type <= attribute_type
    {
        after = rest;
    }
    let position = octets.len().saturating_sub(after.len());
    octets.split_at_checked(position).unwrap_or((octets, &[]))
}

/// Appends MP_REACH_NLRI or MP_UNREACH_NLRI, whose value after the family the closure appends.
///
/// The length is always extended, because it is known only afterwards.
fn mp_attribute(
    out: &mut BytesMut,
    attribute_type: AttributeType,
    family: Family,
    value: impl FnOnce(&mut BytesMut),
) {
    out.put_slice(&[MP_FLAGS, attribute_type.0]);
    sized(out, |out| {
        out.put_u16(family.afi.0);
        out.put_u8(family.safi.0);
        value(out);
    });
}

/// Appends two octets with the length of what the closure appends.
fn sized(out: &mut BytesMut, content: impl FnOnce(&mut BytesMut)) {
    let position = out.len();
    out.put_u16(0);
    content(out);
    let length = out.len().saturating_sub(position).saturating_sub(LENGTH_OCTETS);
    put_u16_at(out, position, length);
}

fn put_length(out: &mut BytesMut, length_octets: usize) {
    out.put_u16(u16::try_from(length_octets).unwrap_or(u16::MAX));
}

/// Optional, with extended length.
const MP_FLAGS: u8 = 0x90;

/// Octets of a length field.
const LENGTH_OCTETS: usize = 2;

/// Octets of an empty UPDATE: the header and two lengths.
const UPDATE_OCTETS: usize = HEADER_OCTETS + 2 * LENGTH_OCTETS;

/// Octets of flags, type and length of MP_REACH_NLRI, the family, the next hop's length and the reserved
/// octet.
const MP_REACH_OCTETS: usize = 4 + 3 + 1 + 1;

/// Octets of flags, type, length and address.
const NEXT_HOP_ATTRIBUTE_OCTETS: usize = 7;
