//! Forwarding entries of VXLAN devices.

use std::net::IpAddr;

use margay_reconcile::{HardwareAddress, LinkName, Refusal};
use netlink_packet_route::AddressFamily;
use netlink_packet_route::neighbour::{
    NeighbourAddress, NeighbourAttribute, NeighbourFlags, NeighbourMessage, NeighbourState,
};

use super::parts::{number_of, octets_of};
use crate::LinkTable;

pub(super) fn message(
    link: &LinkName,
    address: HardwareAddress,
    behind: Option<IpAddr>,
    links: &LinkTable,
) -> Result<NeighbourMessage, Refusal> {
    let mut message = NeighbourMessage::default();
    message.header.family = AddressFamily::Bridge;
    message.header.ifindex = number_of(link, links)?;
    message.header.state = NeighbourState::Permanent;
    message.header.flags = NeighbourFlags::Own;
    message.attributes.push(NeighbourAttribute::LinkLayerAddress(address.0.to_vec()));
    let behind = behind.map(|behind| NeighbourAddress::Other(octets_of(behind)));
    message.attributes.extend(behind.map(NeighbourAttribute::Destination));
    Ok(message)
}
