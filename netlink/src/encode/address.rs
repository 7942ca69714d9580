//! Addresses of links.

use ipnet::IpNet;
use margay_reconcile::{LinkName, Refusal};
use netlink_packet_route::address::{AddressAttribute, AddressFlags, AddressMessage};

use super::parts::{family_of, number_of};
use crate::LinkTable;

pub(super) fn message(link: &LinkName, address: IpNet, links: &LinkTable) -> Result<AddressMessage, Refusal> {
    let mut message = AddressMessage::default();
    message.header.family = family_of(address.addr());
    message.header.prefix_len = address.prefix_len();
    message.header.index = number_of(link, links)?;
    message.attributes.push(AddressAttribute::Local(address.addr()));
    message.attributes.push(AddressAttribute::Address(address.addr()));
    if address.addr().is_ipv6() {
        // Addresses come from address management, which gives each of them out once.
        message.attributes.push(AddressAttribute::Flags(AddressFlags::Nodad));
    }
    Ok(message)
}
