//! Addresses of links.

use ipnet::IpNet;
use margay_reconcile::Key;
use netlink_packet_route::address::{AddressAttribute, AddressMessage};

use crate::LinkTable;

pub(super) fn decode(message: &AddressMessage, links: &LinkTable) -> Option<Key> {
    let local = message.attributes.iter().find_map(|attribute| match attribute {
        AddressAttribute::Local(address) => Some(*address),
        _ => None,
    });
    // IPv6 addresses have a local part only when there is another one at the far end.
    let own = message.attributes.iter().find_map(|attribute| match attribute {
        AddressAttribute::Address(address) => Some(*address),
        _ => None,
    });
    let address = IpNet::new(local.or(own)?, message.header.prefix_len).ok()?;
    Some(Key::Address(links.name(message.header.index).cloned()?, address))
}
