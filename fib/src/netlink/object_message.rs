//! A next hop object of the kernel: one next hop, or a group of others, which many routes refer to by its
//! number.

use std::net::IpAddr;

use netlink_packet_core::{NLM_F_CREATE, NLM_F_EXCL, NLM_F_REPLACE, NLM_F_REQUEST};

use crate::netlink::{
    kernel_route::RTNH_F_ONLINK,
    message::push_message,
    wire::{AF_UNSPEC, attributes, family_of, push_address, push_attribute, push_number},
};

/// Content of an object.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub enum ObjectContent {
    /// A single next hop.
    Hop {
        /// Address of the gateway.
        gateway: IpAddr,
        /// Index of the interface.
        interface: u32,
        /// Whether the gateway is treated as directly connected, whatever the routes say.
        onlink: bool,
    },
    /// A group of these objects that share the traffic, in this order.
    Group(Vec<GroupMember>),
}

/// An object in a group and its share of the traffic.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct GroupMember {
    /// Number of the object.
    pub object: u32,
    /// Its share relative to others, at least 1.
    pub weight: u8,
}

/// An object was added, changed or removed.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ObjectNotice {
    /// Number of the object.
    pub object: u32,
    /// Protocol number of its owner.
    pub protocol: u8,
    /// `None` for an object of a kind that this daemon never makes.
    pub content: Option<ObjectContent>,
    /// Whether it was removed.
    pub removed: bool,
}

impl ObjectNotice {
    /// Decodes the payload of RTM_NEWNEXTHOP or RTM_DELNEXTHOP.
    #[must_use]
    pub fn decode(payload: &[u8], removed: bool) -> Option<Self> {
        let (header, rest) = payload.split_first_chunk::<NHMSG_OCTETS>()?;
        let [_family, _scope, protocol, _reserved, flags @ ..] = *header;
        let mut object = None;
        let (mut gateway, mut interface, mut members, mut odd) = (None, None, None, false);
        for attribute in attributes(rest) {
            match attribute.kind {
                NHA_ID => object = attribute.number(),
                NHA_GATEWAY => gateway = attribute.address(),
                NHA_OIF => interface = attribute.number(),
                NHA_GROUP => members = Some(decode_group(attribute.value)),
                NHA_GROUP_TYPE => odd |= attribute.value != [0, 0],
                kind => odd |= kind < NHA_OP_FLAGS,
            }
        }
        let content = match (gateway, interface, members) {
            _ if odd => None,
            (_, _, Some(members)) => Some(ObjectContent::Group(members)),
            (Some(gateway), Some(interface), None) => {
                let onlink = u32::from_ne_bytes(flags) & RTNH_F_ONLINK != 0;
                Some(ObjectContent::Hop { gateway, interface, onlink })
            }
            _ => None,
        };
        Some(Self { object: object?, protocol, content, removed })
    }
}

fn decode_group(octets: &[u8]) -> Vec<GroupMember> {
    let members = octets.as_chunks::<NEXTHOP_GRP_OCTETS>().0.iter();
    members
        .map(|&[a, b, c, d, weight, ..]| GroupMember {
            object: u32::from_ne_bytes([a, b, c, d]),
            weight: weight.saturating_add(1),
        })
        .collect()
}

/// A request about one object.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum ObjectRequest {
    /// Create an object. Refused if the number is in use by then.
    Create(ObjectContent),
    /// Replace the content of an own object, which also changes the routes that refer to it. Refused if the
    /// object no longer exists, in which case its routes are gone, too.
    Replace(ObjectContent),
    /// Remove an object and all routes that refer to it.
    Remove,
}

impl ObjectRequest {
    /// Appends the message to a batch.
    pub(crate) fn encode(&self, object: u32, protocol: u8, sequence: u32, batch: &mut Vec<u8>) {
        let (message_type, flags, content) = match self {
            Self::Create(content) => (RTM_NEWNEXTHOP, NLM_F_CREATE | NLM_F_EXCL, Some(content)),
            Self::Replace(content) => (RTM_NEWNEXTHOP, NLM_F_REPLACE, Some(content)),
            Self::Remove => (RTM_DELNEXTHOP, 0, None),
        };
        push_message(batch, message_type, NLM_F_REQUEST | flags, sequence, |out| {
            let (family, onlink) = match content {
                Some(ObjectContent::Hop { gateway, onlink, .. }) => (family_of(*gateway), *onlink),
                Some(ObjectContent::Group(_)) | None => (AF_UNSPEC, false),
            };
            // The kernel requires a protocol only where it creates something.
            let protocol = if content.is_some() { protocol } else { 0 };
            out.extend_from_slice(&[family, 0, protocol, 0]);
            out.extend_from_slice(&if onlink { RTNH_F_ONLINK } else { 0 }.to_ne_bytes());
            push_number(out, NHA_ID, object);
            match content {
                Some(ObjectContent::Hop { gateway, interface, .. }) => {
                    push_number(out, NHA_OIF, *interface);
                    push_address(out, NHA_GATEWAY, *gateway);
                }
                Some(ObjectContent::Group(members)) => push_attribute(out, NHA_GROUP, &encode_group(members)),
                None => {}
            }
        });
    }
}

fn encode_group(members: &[GroupMember]) -> Vec<u8> {
    let octets = members.iter().flat_map(|member| {
        let [a, b, c, d] = member.object.to_ne_bytes();
        [a, b, c, d, member.weight.saturating_sub(1), 0, 0, 0]
    });
    octets.collect()
}

const NHMSG_OCTETS: usize = 8;
const NEXTHOP_GRP_OCTETS: usize = 8;

/// Creates or changes a next hop object.
pub const RTM_NEWNEXTHOP: u16 = 104;
/// Removes a next hop object.
pub const RTM_DELNEXTHOP: u16 = 105;
pub(crate) const RTM_GETNEXTHOP: u16 = 106;

const NHA_ID: u16 = 1;
const NHA_GROUP: u16 = 2;
const NHA_GROUP_TYPE: u16 = 3;
const NHA_OIF: u16 = 5;
const NHA_GATEWAY: u16 = 6;
/// This attribute and later ones do not affect where packets are sent.
const NHA_OP_FLAGS: u16 = 14;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objects_come_back_as_they_were_sent() {
        let hop = |gateway: &str, onlink| ObjectContent::Hop {
            gateway: gateway.parse().unwrap(),
            interface: 7,
            onlink,
        };
        let member = |object, weight| GroupMember { object, weight };
        let contents = [
            hop("10.0.0.2", false),
            hop("fe80::2", true),
            ObjectContent::Group(vec![member(1, 1), member(70_000, 255)]),
        ];
        for content in contents {
            let mut batch = Vec::new();
            ObjectRequest::Create(content.clone()).encode(9, 186, 1, &mut batch);
            let notice = ObjectNotice::decode(&batch[16..], false).unwrap();
            assert_eq!(
                notice,
                ObjectNotice { object: 9, protocol: 186, content: Some(content), removed: false }
            );
        }
    }
}
