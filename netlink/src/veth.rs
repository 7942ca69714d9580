//! Pairs of veth links, of which one end is in another network namespace.

use std::os::fd::AsRawFd as _;

use margay_reconcile::{HardwareAddress, LinkName};
use netlink_packet_route::RouteNetlinkMessage;
use netlink_packet_route::link::{
    InfoData, InfoKind, InfoVeth, LinkAttribute, LinkFlags, LinkInfo, LinkMessage,
};

use crate::{NetworkNamespace, Request};

/// One end of a pair.
#[derive(Clone, Debug)]
pub struct VethEnd {
    /// The name of the link.
    pub name: LinkName,
    /// Its hardware address; the kernel chooses one without.
    pub hardware_address: Option<HardwareAddress>,
    /// The largest packet that it carries, in octets; the kernel's default without.
    pub mtu_octets: Option<u32>,
}

/// A request for a pair: one end in the namespace of the socket, which is switched on, and the other one in `namespace`, which is not:
/// the kernel refuses to switch that one on before it is connected.
#[must_use]
pub fn veth_request(here: &VethEnd, there: &VethEnd, namespace: &NetworkNamespace) -> Request {
    let mut peer = end_message(there);
    peer.attributes.push(LinkAttribute::NetNsFd(namespace.as_raw_fd()));
    let mut message = end_message(here);
    message.header.flags = LinkFlags::Up;
    message.header.change_mask = LinkFlags::Up;
    message.attributes.push(LinkAttribute::LinkInfo(vec![
        LinkInfo::Kind(InfoKind::Veth),
        LinkInfo::Data(InfoData::Veth(InfoVeth::Peer(peer))),
    ]));
    Request::create(RouteNetlinkMessage::NewLink(message))
}

fn end_message(end: &VethEnd) -> LinkMessage {
    let mut message = LinkMessage::default();
    message.attributes.push(LinkAttribute::IfName(end.name.as_str().to_owned()));
    message.attributes.extend(end.hardware_address.map(|address| LinkAttribute::Address(address.0.to_vec())));
    message.attributes.extend(end.mtu_octets.map(LinkAttribute::Mtu));
    message
}
