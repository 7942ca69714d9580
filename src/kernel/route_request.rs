//! Requests to the kernel: install, replace or remove one route.

use std::net::IpAddr;

use bgp_codec::Prefix;
use netlink_packet_core::{Emitable, NLM_F_CREATE, NLM_F_EXCL, NLM_F_REPLACE, NLM_F_REQUEST};
use netlink_packet_route::{
    AddressFamily,
    route::{
        RouteAddress, RouteAttribute, RouteHeader, RouteMessage, RouteNextHop, RouteProtocol, RouteScope,
        RouteType, RouteVia,
    },
};

use super::{
    KernelOptions,
    netlink_socket::push_message,
    path::{Hop, Path},
};

/// One message to the kernel about one prefix.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum RouteRequest {
    /// Nobody holds the prefix and metric. The kernel refuses when that has changed meanwhile.
    Install(Path),
    /// The prefix and metric hold a route of ours, which gives way in the same step.
    Replace(Path),
    /// A route of ours with this metric goes.
    Remove { metric: u32 },
}

impl RouteRequest {
    pub(super) fn is_removal(&self) -> bool {
        matches!(self, Self::Remove { .. })
    }

    /// Appends the message to a batch.
    pub(super) fn encode(&self, options: &KernelOptions, prefix: Prefix, sequence: u32, batch: &mut Vec<u8>) {
        let (message_type, flags, message) = match self {
            Self::Install(path) => {
                (RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL, new_route(options, prefix, path))
            }
            Self::Replace(path) => {
                (RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE, new_route(options, prefix, path))
            }
            Self::Remove { metric } => (RTM_DELROUTE, 0, remove_route(options, prefix, *metric)),
        };
        push_message(batch, message_type, NLM_F_REQUEST | flags, sequence, |batch| {
            let start = batch.len();
            batch.resize(start + message.buffer_len(), 0);
            message.emit(&mut batch[start..]);
        });
    }
}

/// The metric that the kernel gives to routes of the prefix's family: it has no IPv6 routes of metric 0.
pub(super) fn effective_metric(options: &KernelOptions, prefix: Prefix) -> u32 {
    match (prefix, options.metric) {
        (Prefix::Ipv6(_), 0) => IP6_RT_PRIO_USER,
        (_, metric) => metric,
    }
}

fn new_route(options: &KernelOptions, prefix: Prefix, path: &Path) -> RouteMessage {
    let mut message = route_message(options, prefix, effective_metric(options, prefix));
    match path {
        Path::Blackhole => message.header.kind = RouteType::BlackHole,
        Path::Hops(hops) => {
            message.header.kind = RouteType::Unicast;
            message.attributes.extend(hop_attributes(prefix, hops));
        }
    }
    message
}

fn remove_route(options: &KernelOptions, prefix: Prefix, metric: u32) -> RouteMessage {
    let mut message = route_message(options, prefix, metric);
    message.header.scope = RouteScope::NoWhere;
    message
}

/// What all requests name: the kernel removes a route only where each of these agrees.
fn route_message(options: &KernelOptions, prefix: Prefix, metric: u32) -> RouteMessage {
    let mut message = RouteMessage::default();
    message.header = RouteHeader {
        address_family: match prefix {
            Prefix::Ipv4(_) => AddressFamily::Inet,
            Prefix::Ipv6(_) => AddressFamily::Inet6,
        },
        destination_prefix_length: prefix.length(),
        table: u8::try_from(options.table).unwrap_or(RouteHeader::RT_TABLE_UNSPEC),
        protocol: RouteProtocol::from(options.protocol),
        ..RouteHeader::default()
    };
    message.attributes = vec![
        RouteAttribute::Destination(RouteAddress::from(prefix.network())),
        RouteAttribute::Table(options.table),
        RouteAttribute::Priority(metric),
    ];
    message
}

fn hop_attributes(prefix: Prefix, hops: &[Hop]) -> Vec<RouteAttribute> {
    if let [hop] = hops {
        let mut attributes = vec![gateway(prefix, hop.gateway)];
        attributes.extend(hop.interface.map(RouteAttribute::Oif));
        return attributes;
    }
    let hops = hops.iter().map(|hop| {
        let mut message = RouteNextHop::default();
        message.interface_index = hop.interface.unwrap_or(0);
        message.attributes = vec![gateway(prefix, hop.gateway)];
        message
    });
    vec![RouteAttribute::MultiPath(hops.collect())]
}

fn gateway(prefix: Prefix, address: IpAddr) -> RouteAttribute {
    match (prefix, address) {
        // RTA_GATEWAY has the family of the destination; RTA_VIA carries its own (RFC 8950 routes).
        (Prefix::Ipv4(_), IpAddr::V6(address)) => RouteAttribute::Via(RouteVia::Inet6(address)),
        (_, address) => RouteAttribute::Gateway(RouteAddress::from(address)),
    }
}

pub(super) const RTM_NEWROUTE: u16 = 24;
pub(super) const RTM_DELROUTE: u16 = 25;
const IP6_RT_PRIO_USER: u32 = 1024;
