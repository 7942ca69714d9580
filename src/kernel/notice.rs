//! What the kernel tells by multicast or in a dump.

use netlink_packet_core::{NLM_F_APPEND, NLM_F_REPLACE, NetlinkBuffer};
use netlink_packet_route::{
    AddressFamily,
    address::AddressHeader,
    link::{LinkFlags, LinkHeader},
};

use super::{
    kernel_route::KernelRoute,
    route_request::{RTM_DELROUTE, RTM_NEWROUTE},
};

/// One message of the kernel, as far as it matters here.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Notice {
    Link {
        interface: u32,
        flags: LinkFlags,
    },
    LinkGone {
        interface: u32,
    },
    Address,
    /// The kernel silently flushes IPv4 routes of an interface that lost its last address.
    Ipv4AddressGone {
        interface: u32,
    },
    Route(RouteNotice),
}

/// A route came, changed or left.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct RouteNotice {
    pub(super) route: KernelRoute,
    pub(super) change: RouteChange,
    /// The port number of the socket whose request was obeyed; 0 for the kernel's own doing.
    pub(super) port: u32,
}

/// How a route came or left.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum RouteChange {
    /// It stands before others of the same prefix and metric.
    Added,
    /// It stands behind others of the same prefix and metric.
    Appended,
    /// It took the place of another of the same prefix and metric.
    Replaced,
    Removed,
}

impl Notice {
    /// Decodes a message; `None` when it does not matter.
    pub(super) fn decode(message: &NetlinkBuffer<&[u8]>) -> Option<Self> {
        let payload = message.payload();
        match message.message_type() {
            RTM_NEWLINK => {
                let link = link_header(payload)?;
                Some(Self::Link { interface: link.index, flags: link.flags })
            }
            RTM_DELLINK => Some(Self::LinkGone { interface: link_header(payload)?.index }),
            RTM_NEWADDR => Some(Self::Address),
            RTM_DELADDR => {
                let address = AddressHeader::parse(payload).ok()?;
                Some(match address.family {
                    AddressFamily::Inet => Self::Ipv4AddressGone { interface: address.index },
                    _ => Self::Address,
                })
            }
            RTM_NEWROUTE | RTM_DELROUTE => {
                let route = KernelRoute::decode(payload)?;
                Some(Self::Route(RouteNotice { route, change: change(message), port: message.port_number() }))
            }
            _ => None,
        }
    }
}

fn change(message: &NetlinkBuffer<&[u8]>) -> RouteChange {
    let flags = message.flags();
    if message.message_type() == RTM_DELROUTE {
        RouteChange::Removed
    } else if flags & NLM_F_REPLACE != 0 {
        RouteChange::Replaced
    } else if flags & NLM_F_APPEND != 0 {
        RouteChange::Appended
    } else {
        RouteChange::Added
    }
}

/// The header of a link message. Bridges send theirs per port with another family: those say nothing of the link.
fn link_header(payload: &[u8]) -> Option<LinkHeader> {
    let header = LinkHeader::parse(payload).ok()?;
    (header.interface_family == AddressFamily::Unspec).then_some(header)
}

const RTM_NEWLINK: u16 = 16;
const RTM_DELLINK: u16 = 17;
pub(super) const RTM_GETLINK: u16 = 18;
const RTM_NEWADDR: u16 = 20;
const RTM_DELADDR: u16 = 21;
pub(super) const RTM_GETROUTE: u16 = 26;
