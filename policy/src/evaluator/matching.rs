//! Whether a rule matches a packet.

use std::collections::BTreeMap;
use std::net::IpAddr;

use ipnet::IpNet;
use margay_cluster::object::IcmpFields;
use margay_cluster::value::Protocol;

use crate::packet::{End, Packet};
use crate::rule::{ActiveRule, EndMatch, PortMatch};
use crate::set::{PortMember, Set, SetKey};

/// Whether all that a rule says is true of a packet. A set that is not known has no members.
pub(super) fn matches(rule: &ActiveRule, packet: &Packet, sets: &BTreeMap<SetKey, Set>) -> bool {
    rule.is_for(packet.version())
        && rule.protocol.is_none_or(|protocol| protocol == packet.protocol)
        && rule.not_protocol.is_none_or(|protocol| protocol != packet.protocol)
        && rule.icmp.as_ref().is_none_or(|fields| is_icmp(fields, packet))
        && rule.not_icmp.as_ref().is_none_or(|fields| !is_icmp(fields, packet))
        && [End::Source, End::Destination]
            .into_iter()
            .all(|end| matches_end(rule.end(end), end, packet, sets))
        && matches_http(rule, packet)
}

/// A packet without a request is judged by the rest of the rule: its connection must come up before it can carry one.
fn matches_http(rule: &ActiveRule, packet: &Packet) -> bool {
    match (&rule.http, &packet.request) {
        (Some(http), Some(request)) => request.matches(http),
        (None, _) | (_, None) => true,
    }
}

fn is_icmp(fields: &IcmpFields, packet: &Packet) -> bool {
    packet.icmp().is_some_and(|(icmp_type, code)| {
        fields.icmp_type.is_none_or(|wanted| wanted == icmp_type)
            && fields.code.is_none_or(|wanted| wanted == code)
    })
}

fn matches_end(rule: &EndMatch, end: End, packet: &Packet, sets: &BTreeMap<SetKey, Set>) -> bool {
    let (address, port) = packet.end(end);
    let has_address = |key: &SetKey| sets.get(key).is_some_and(|set| set.has_address(address));
    let port = Port { address, protocol: packet.protocol, port };
    (rule.nets.is_empty() || contains(&rule.nets, address))
        && !contains(&rule.not_nets, address)
        && rule.sets.iter().all(has_address)
        && !rule.not_sets.iter().any(has_address)
        && (rule.ports.is_empty() || port.is_one_of(&rule.ports, sets))
        && !port.is_one_of(&rule.not_ports, sets)
}

fn contains(networks: &[IpNet], address: IpAddr) -> bool {
    networks.iter().any(|network| network.contains(&address))
}

/// The port at one end of a packet, if the packet has ports.
struct Port {
    address: IpAddr,
    protocol: u8,
    port: Option<u16>,
}

impl Port {
    fn is_one_of(&self, ports: &PortMatch, sets: &BTreeMap<SetKey, Set>) -> bool {
        let Some(port) = self.port.filter(|_| Protocol::Number(self.protocol).has_ports()) else {
            return false;
        };
        let member = PortMember { address: self.address, protocol: self.protocol, port };
        ports.ranges.iter().any(|range| range.contains(&port))
            || ports.named.iter().any(|key| sets.get(key).is_some_and(|set| set.has_port(&member)))
    }
}
