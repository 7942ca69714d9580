//! Parts of messages: numbers of links, families and octets of addresses.

use std::net::IpAddr;

use margay_reconcile::{LinkName, Refusal, RefusalKind};
use netlink_packet_route::{AddressFamily, RouteNetlinkMessage};

use crate::LinkTable;

/// A message, or why there is none.
pub(super) type Encoded = Result<RouteNetlinkMessage, Refusal>;

/// The number of a link.
pub(super) fn number_of(link: &LinkName, links: &LinkTable) -> Result<u32, Refusal> {
    let missing = || Refusal { kind: RefusalKind::Gone, reason: format!("there is no interface {link}") };
    links.number(link).ok_or_else(missing)
}

pub(super) const fn family_of(address: IpAddr) -> AddressFamily {
    match address {
        IpAddr::V4(_) => AddressFamily::Inet,
        IpAddr::V6(_) => AddressFamily::Inet6,
    }
}

pub(super) fn octets_of(address: IpAddr) -> Vec<u8> {
    match address {
        IpAddr::V4(address) => address.octets().to_vec(),
        IpAddr::V6(address) => address.octets().to_vec(),
    }
}
