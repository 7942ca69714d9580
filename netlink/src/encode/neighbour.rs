//! Permanent neighbours.

use std::net::IpAddr;

use margay_reconcile::{HardwareAddress, LinkName, Refusal};
use netlink_packet_route::neighbour::{
    NeighbourAddress, NeighbourAttribute, NeighbourMessage, NeighbourState,
};

use super::parts::{family_of, number_of};
use crate::LinkTable;

pub(super) fn message(
    link: &LinkName,
    address: IpAddr,
    hardware: Option<HardwareAddress>,
    links: &LinkTable,
) -> Result<NeighbourMessage, Refusal> {
    let mut message = NeighbourMessage::default();
    message.header.family = family_of(address);
    message.header.ifindex = number_of(link, links)?;
    message.header.state = NeighbourState::Permanent;
    let destination = match address {
        IpAddr::V4(address) => NeighbourAddress::Inet(address),
        IpAddr::V6(address) => NeighbourAddress::Inet6(address),
    };
    message.attributes.push(NeighbourAttribute::Destination(destination));
    let hardware = hardware.map(|hardware| NeighbourAttribute::LinkLayerAddress(hardware.0.to_vec()));
    message.attributes.extend(hardware);
    Ok(message)
}
