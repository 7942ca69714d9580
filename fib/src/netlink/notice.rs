//! Messages that the kernel sends by multicast or in a dump.

use std::net::{IpAddr, Ipv4Addr};

use netlink_packet_core::{NLM_F_APPEND, NLM_F_REPLACE, NetlinkBuffer};

use crate::netlink::{
    kernel_route::KernelRoute,
    object_message::{ObjectNotice, RTM_DELNEXTHOP, RTM_NEWNEXTHOP},
    route_request::{RTM_DELROUTE, RTM_NEWROUTE},
    wire::{AF_INET, AF_UNSPEC, Attribute, attributes},
};

/// A relevant message of the kernel.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Notice {
    /// A link was added or changed.
    Link(LinkNotice),
    /// A link was deleted.
    LinkGone {
        /// Index of the interface.
        interface: u32,
    },
    /// An IPv4 address was added or removed. With the last one, the kernel silently flushes the interface's
    /// IPv4 routes.
    Address {
        /// Index of the interface.
        interface: u32,
        /// The address.
        address: Ipv4Addr,
        /// Whether it was removed.
        removed: bool,
    },
    /// A route was added, changed or removed.
    Route(RouteNotice),
    /// A next hop object was added, changed or removed.
    Object(ObjectNotice),
}

/// A link was added or changed.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct LinkNotice {
    /// Index of the interface.
    pub interface: u32,
    /// Its name.
    pub name: String,
    /// Its state.
    pub state: LinkState,
}

/// Whether packets can be sent over a link.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct LinkState {
    /// Whether it is administratively up.
    pub up: bool,
    /// Whether it has a carrier.
    pub running: bool,
    /// Whether it is a loopback interface.
    pub loopback: bool,
}

/// A route was added, changed or removed.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RouteNotice {
    /// The route; enough of it to be recognised if it was removed.
    pub route: KernelRoute,
    /// What happened to it.
    pub change: RouteChange,
}

/// How a route was added or removed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum RouteChange {
    /// Added before others of the same prefix and metric.
    Added,
    /// Added after others of the same prefix and metric.
    Appended,
    /// Replaced another one of the same prefix and metric.
    Replaced,
    /// Removed.
    Removed,
}

impl Notice {
    /// Decodes a message; `None` if it is irrelevant.
    #[must_use]
    pub fn decode(message: &NetlinkBuffer<&[u8]>) -> Option<Self> {
        let payload = message.payload();
        let message_type = message.message_type();
        match message_type {
            RTM_NEWROUTE | RTM_DELROUTE => Some(Self::Route(RouteNotice {
                route: KernelRoute::decode(payload)?,
                change: change(message),
            })),
            RTM_NEWNEXTHOP | RTM_DELNEXTHOP => {
                ObjectNotice::decode(payload, message_type == RTM_DELNEXTHOP).map(Self::Object)
            }
            RTM_NEWLINK => link(payload).map(Self::Link),
            RTM_DELLINK => Some(Self::LinkGone { interface: link(payload)?.interface }),
            RTM_NEWADDR | RTM_DELADDR => address(payload, message_type == RTM_DELADDR),
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

/// Bridges send messages about their ports with another family: these do not concern the link.
fn link(payload: &[u8]) -> Option<LinkNotice> {
    let (header, rest) = payload.split_first_chunk::<IFINFOMSG_OCTETS>()?;
    let [family, _, _, _, i0, i1, i2, i3, f0, f1, f2, f3, ..] = *header;
    let flags = u32::from_ne_bytes([f0, f1, f2, f3]);
    let name = attributes(rest).find(|attribute| attribute.kind == IFLA_IFNAME).map(|name| text(&name));
    (family == AF_UNSPEC).then(|| LinkNotice {
        interface: u32::from_ne_bytes([i0, i1, i2, i3]),
        name: name.unwrap_or_default(),
        state: LinkState {
            up: flags & IFF_UP != 0,
            running: flags & IFF_RUNNING != 0,
            loopback: flags & IFF_LOOPBACK != 0,
        },
    })
}

fn text(attribute: &Attribute<'_>) -> String {
    let octets = attribute.value.strip_suffix(&[0]).unwrap_or(attribute.value);
    String::from_utf8_lossy(octets).into_owned()
}

fn address(payload: &[u8], removed: bool) -> Option<Notice> {
    let (header, rest) = payload.split_first_chunk::<IFADDRMSG_OCTETS>()?;
    let [family, _, _, _, index @ ..] = *header;
    let local = attributes(rest).find(|attribute| attribute.kind == IFA_LOCAL)?.address();
    match (family, local) {
        (AF_INET, Some(IpAddr::V4(address))) => {
            Some(Notice::Address { interface: u32::from_ne_bytes(index), address, removed })
        }
        _ => None,
    }
}

const IFINFOMSG_OCTETS: usize = 16;
const IFADDRMSG_OCTETS: usize = 8;
const IFLA_IFNAME: u16 = 3;
const IFA_LOCAL: u16 = 2;
const IFF_UP: u32 = 1;
const IFF_LOOPBACK: u32 = 1 << 3;
const IFF_RUNNING: u32 = 1 << 6;

const RTM_NEWLINK: u16 = 16;
const RTM_DELLINK: u16 = 17;
pub(crate) const RTM_GETLINK: u16 = 18;
const RTM_NEWADDR: u16 = 20;
const RTM_DELADDR: u16 = 21;
pub(crate) const RTM_GETADDR: u16 = 22;
pub(crate) const RTM_GETROUTE: u16 = 26;
