//! Neighbours, and forwarding entries, which have the same messages.

use std::net::IpAddr;

use margay_reconcile::{HardwareAddress, Key, Notice, Seen, Value};
use netlink_packet_route::AddressFamily;
use netlink_packet_route::neighbour::{
    NeighbourAddress, NeighbourAttribute, NeighbourFlags, NeighbourMessage, NeighbourState,
};

use crate::LinkTable;

/// What a message reports. Only permanent entries count: one that is not permanent stands in the place of one that was.
pub(super) fn decode(message: &NeighbourMessage, links: &LinkTable) -> Option<Notice> {
    let key = key(message, links)?;
    let value = match &key {
        Key::Forwarding(..) => destination(message).map(Value::Forwarding),
        _ => hardware(message).map(Value::Neighbour),
    };
    match value.filter(|_| is_permanent(message.header.state)) {
        Some(value) => Some(Notice::There(Seen { key, value, protocol: None })),
        None => Some(Notice::Gone { key, protocol: None }),
    }
}

/// Which entry a message is about.
pub(super) fn key(message: &NeighbourMessage, links: &LinkTable) -> Option<Key> {
    let link = links.name(message.header.ifindex).cloned()?;
    match message.header.family {
        AddressFamily::Bridge if message.header.flags.contains(NeighbourFlags::Own) => {
            // Entries without a node behind them are the link's own addresses.
            destination(message)?;
            Some(Key::Forwarding(link, hardware(message)?))
        }
        AddressFamily::Inet | AddressFamily::Inet6
            if !message.header.flags.contains(NeighbourFlags::Proxy) =>
        {
            Some(Key::Neighbour(link, destination(message)?))
        }
        _ => None,
    }
}

/// Entries of `bridge` are permanent and have another flag, which says that they need no resolution.
fn is_permanent(state: NeighbourState) -> bool {
    u16::from(state) & u16::from(NeighbourState::Permanent) != 0
}

fn hardware(message: &NeighbourMessage) -> Option<HardwareAddress> {
    message.attributes.iter().find_map(|attribute| match attribute {
        NeighbourAttribute::LinkLayerAddress(octets) => {
            octets.as_slice().try_into().ok().map(HardwareAddress)
        }
        _ => None,
    })
}

fn destination(message: &NeighbourMessage) -> Option<IpAddr> {
    message.attributes.iter().find_map(|attribute| match attribute {
        NeighbourAttribute::Destination(NeighbourAddress::Inet(address)) => Some((*address).into()),
        NeighbourAttribute::Destination(NeighbourAddress::Inet6(address)) => Some((*address).into()),
        NeighbourAttribute::Destination(NeighbourAddress::Other(octets)) => address_of(octets),
        _ => None,
    })
}

fn address_of(octets: &[u8]) -> Option<IpAddr> {
    let v4 = <[u8; 4]>::try_from(octets).map(IpAddr::from);
    v4.or_else(|_| <[u8; 16]>::try_from(octets).map(IpAddr::from)).ok()
}
