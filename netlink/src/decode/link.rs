//! Links.

use std::net::{IpAddr, Ipv4Addr};

use margay_reconcile::{HardwareAddress, Key, Link, LinkKind, LinkName, Seen, Value, Vxlan};
use netlink_packet_route::AddressFamily;
use netlink_packet_route::link::{
    InfoData, InfoKind, InfoVxlan, LinkAttribute, LinkFlags, LinkInfo, LinkMessage,
};

use crate::LinkTable;

/// Number and name of a link; `None` for messages about ports of bridges, which are about the port alone.
pub(super) fn identity(message: &LinkMessage) -> Option<(u32, LinkName)> {
    if message.header.interface_family != AddressFamily::Unspec {
        return None;
    }
    let name = message.attributes.iter().find_map(|attribute| match attribute {
        LinkAttribute::IfName(name) => name.parse().ok(),
        _ => None,
    })?;
    Some((message.header.index, name))
}

pub(super) fn decode(message: &LinkMessage, links: &LinkTable) -> Option<Seen> {
    let (_, name) = identity(message)?;
    let mut link = Link {
        kind: LinkKind::Other(String::new()),
        hardware_address: None,
        mtu_octets: None,
        is_up: message.header.flags.contains(LinkFlags::Up),
    };
    for attribute in &message.attributes {
        match attribute {
            LinkAttribute::Address(octets) => {
                link.hardware_address = octets.as_slice().try_into().ok().map(HardwareAddress);
            }
            LinkAttribute::Mtu(octets) => link.mtu_octets = Some(*octets),
            LinkAttribute::LinkInfo(infos) => link.kind = kind_of(infos, links),
            _ => (),
        }
    }
    Some(Seen { key: Key::Link(name), value: Value::Link(link), protocol: None })
}

fn kind_of(infos: &[LinkInfo], links: &LinkTable) -> LinkKind {
    let kind = infos.iter().find_map(|info| match info {
        LinkInfo::Kind(kind) => Some(kind),
        _ => None,
    });
    let data = infos.iter().find_map(|info| match info {
        LinkInfo::Data(data) => Some(data),
        _ => None,
    });
    match (kind, data) {
        (Some(InfoKind::Vxlan), Some(InfoData::Vxlan(attributes))) => {
            LinkKind::Vxlan(vxlan_of(attributes, links))
        }
        (Some(InfoKind::Bridge), _) => LinkKind::Bridge,
        (Some(InfoKind::Veth), _) => LinkKind::Veth,
        (Some(InfoKind::IpIp), _) => LinkKind::Ipip,
        (Some(kind), _) => LinkKind::Other(kind.to_string()),
        (None, _) => LinkKind::Other(String::new()),
    }
}

fn vxlan_of(attributes: &[InfoVxlan], links: &LinkTable) -> Vxlan {
    let mut vxlan = Vxlan { id: 0, port: 0, local: IpAddr::V4(Ipv4Addr::UNSPECIFIED), parent: None };
    for attribute in attributes {
        match attribute {
            InfoVxlan::Id(id) => vxlan.id = *id,
            InfoVxlan::Port(port) => vxlan.port = *port,
            InfoVxlan::Local(address) => vxlan.local = (*address).into(),
            InfoVxlan::Local6(address) => vxlan.local = (*address).into(),
            InfoVxlan::Link(number) if *number != 0 => vxlan.parent = links.name(*number).cloned(),
            _ => (),
        }
    }
    vxlan
}
