//! Requests to the kernel: install, replace or remove one route.

use bgp_codec::Prefix;
use netlink_packet_core::{NLM_F_CREATE, NLM_F_EXCL, NLM_F_REPLACE, NLM_F_REQUEST};

use crate::{
    index::ShapeId,
    netlink::{
        kernel_route::{
            KernelHop, RTA_DST, RTA_GATEWAY, RTA_MULTIPATH, RTA_NH_ID, RTA_OIF, RTA_PREFSRC, RTA_PRIORITY,
            RTA_TABLE, RTA_VIA, RTNEXTHOP_OCTETS, RTNH_F_ONLINK, RouteShape, RouteTarget,
        },
        message::push_message,
        wire::{AF_INET, AF_INET6, family_of, push_address, push_attribute, push_number},
    },
};

/// One request about one prefix of one table.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum RouteRequest {
    /// Add a route. Refused if the prefix and metric are in use by then.
    Install(ShapeId),
    /// Replace the own route at this prefix and metric, in one step.
    Replace(ShapeId),
    /// As [`Install`](Self::Install), to find out whether the kernel accepts the next hop.
    Probe(ShapeId),
    /// Remove an own route with this metric.
    Remove {
        /// The metric.
        metric: u32,
    },
}

impl RouteRequest {
    /// The shape that the route will have.
    pub(crate) fn shape(self) -> Option<ShapeId> {
        match self {
            Self::Install(shape) | Self::Replace(shape) | Self::Probe(shape) => Some(shape),
            Self::Remove { .. } => None,
        }
    }
}

/// Appends a message that adds a route of a shape.
pub(crate) fn encode_new_route(
    batch: &mut Vec<u8>,
    sequence: u32,
    (table, prefix): (u32, Prefix),
    shape: &RouteShape,
    replaces: bool,
) {
    let flags = NLM_F_REQUEST | NLM_F_CREATE | if replaces { NLM_F_REPLACE } else { NLM_F_EXCL };
    push_message(batch, RTM_NEWROUTE, flags, sequence, |out| {
        let onlink = matches!(&shape.target, RouteTarget::Hops(hops) if matches!(hops.as_slice(), [hop] if hop.onlink));
        let header = Header { scope: RT_SCOPE_UNIVERSE, protocol: shape.protocol, kind: shape.kind.0 };
        header.push(out, table, prefix, if onlink { RTNH_F_ONLINK } else { 0 });
        push_number(out, RTA_PRIORITY, shape.metric);
        match &shape.target {
            RouteTarget::Object(object) => push_number(out, RTA_NH_ID, *object),
            RouteTarget::Hops(hops) => push_hops(out, prefix, hops),
        }
        if let Some(source) = shape.source {
            push_address(out, RTA_PREFSRC, source);
        }
    });
}

/// Appends a message that removes the first route with this protocol and metric.
pub(crate) fn encode_removal(
    batch: &mut Vec<u8>,
    sequence: u32,
    (table, prefix): (u32, Prefix),
    protocol: u8,
    metric: u32,
) {
    push_message(batch, RTM_DELROUTE, NLM_F_REQUEST, sequence, |out| {
        Header { scope: RT_SCOPE_NOWHERE, protocol, kind: 0 }.push(out, table, prefix, 0);
        push_number(out, RTA_PRIORITY, metric);
    });
}

/// The fields in which the headers of requests differ.
struct Header {
    scope: u8,
    protocol: u8,
    kind: u8,
}

impl Header {
    fn push(&self, out: &mut Vec<u8>, table: u32, prefix: Prefix, flags: u32) {
        let family = match prefix {
            Prefix::Ipv4(_) => AF_INET,
            Prefix::Ipv6(_) => AF_INET6,
        };
        let short_table = u8::try_from(table).ok();
        let Self { scope, protocol, kind } = *self;
        out.extend_from_slice(&[
            family,
            prefix.length(),
            0,
            0,
            short_table.unwrap_or(RT_TABLE_UNSPEC),
            protocol,
            scope,
            kind,
        ]);
        out.extend_from_slice(&flags.to_ne_bytes());
        push_address(out, RTA_DST, prefix.network());
        if short_table.is_none() {
            push_number(out, RTA_TABLE, table);
        }
    }
}

fn push_hops(out: &mut Vec<u8>, prefix: Prefix, hops: &[KernelHop]) {
    match hops {
        [] => {}
        [hop] => {
            push_gateway(out, prefix, hop);
            push_number(out, RTA_OIF, hop.interface);
        }
        hops => {
            let mut nested = Vec::new();
            for hop in hops {
                push_multipath_hop(&mut nested, prefix, hop);
            }
            push_attribute(out, RTA_MULTIPATH, &nested);
        }
    }
}

fn push_multipath_hop(out: &mut Vec<u8>, prefix: Prefix, hop: &KernelHop) {
    let mut gateway = Vec::new();
    push_gateway(&mut gateway, prefix, hop);
    let length = u16::try_from(RTNEXTHOP_OCTETS + gateway.len()).expect("a gateway is short");
    out.extend_from_slice(&length.to_ne_bytes());
    out.push(if hop.onlink { RTNH_F_ONLINK.to_le_bytes()[0] } else { 0 });
    out.push(hop.weight.saturating_sub(1));
    out.extend_from_slice(&hop.interface.to_ne_bytes());
    out.extend_from_slice(&gateway);
}

fn push_gateway(out: &mut Vec<u8>, prefix: Prefix, hop: &KernelHop) {
    let Some(gateway) = hop.gateway else { return };
    if gateway.is_ipv4() == matches!(prefix, Prefix::Ipv4(_)) {
        push_address(out, RTA_GATEWAY, gateway);
        return;
    }
    // RTA_GATEWAY has the family of the destination; RTA_VIA carries its own (RFC 8950 routes).
    let mut via = Vec::new();
    via.extend_from_slice(&u16::from(family_of(gateway)).to_ne_bytes());
    match gateway {
        std::net::IpAddr::V4(address) => via.extend_from_slice(&address.octets()),
        std::net::IpAddr::V6(address) => via.extend_from_slice(&address.octets()),
    }
    push_attribute(out, RTA_VIA, &via);
}

/// Adds or replaces a route.
pub const RTM_NEWROUTE: u16 = 24;
/// Removes a route.
pub const RTM_DELROUTE: u16 = 25;
const RT_SCOPE_UNIVERSE: u8 = 0;
const RT_SCOPE_NOWHERE: u8 = 255;
const RT_TABLE_UNSPEC: u8 = 0;
