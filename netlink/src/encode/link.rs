//! Links.

use std::net::IpAddr;

use margay_reconcile::{Link, LinkKind, LinkName, Refusal, RefusalKind, Vxlan};
use netlink_packet_route::RouteNetlinkMessage;
use netlink_packet_route::link::{
    InfoData, InfoKind, InfoVxlan, LinkAttribute, LinkFlags, LinkInfo, LinkMessage,
};

use super::parts::{Encoded, number_of};
use crate::LinkTable;

pub(super) fn create(name: &LinkName, link: &Link, links: &LinkTable) -> Encoded {
    let mut message = properties(link);
    message.attributes.push(LinkAttribute::IfName(name.as_str().to_owned()));
    message.attributes.push(LinkAttribute::LinkInfo(info(link, links)?));
    Ok(RouteNetlinkMessage::NewLink(message))
}

pub(super) fn change(name: &LinkName, link: &Link, links: &LinkTable) -> Encoded {
    let mut message = properties(link);
    message.header.index = number_of(name, links)?;
    Ok(RouteNetlinkMessage::SetLink(message))
}

pub(super) fn remove(name: &LinkName, links: &LinkTable) -> Encoded {
    let mut message = LinkMessage::default();
    message.header.index = number_of(name, links)?;
    Ok(RouteNetlinkMessage::DelLink(message))
}

fn properties(link: &Link) -> LinkMessage {
    let mut message = LinkMessage::default();
    message.header.flags = if link.is_up { LinkFlags::Up } else { LinkFlags::empty() };
    message.header.change_mask = LinkFlags::Up;
    message
        .attributes
        .extend(link.hardware_address.map(|address| LinkAttribute::Address(address.0.to_vec())));
    message.attributes.extend(link.mtu_octets.map(LinkAttribute::Mtu));
    message
}

fn info(link: &Link, links: &LinkTable) -> Result<Vec<LinkInfo>, Refusal> {
    Ok(match &link.kind {
        LinkKind::Vxlan(vxlan) => vec![
            LinkInfo::Kind(InfoKind::Vxlan),
            LinkInfo::Data(InfoData::Vxlan(vxlan_attributes(vxlan, links)?)),
        ],
        LinkKind::Bridge => vec![LinkInfo::Kind(InfoKind::Bridge)],
        LinkKind::Ipip | LinkKind::Veth | LinkKind::Other(_) => {
            let reason = "links of this kind are not created".to_owned();
            return Err(Refusal { kind: RefusalKind::Other, reason });
        }
    })
}

fn vxlan_attributes(vxlan: &Vxlan, links: &LinkTable) -> Result<Vec<InfoVxlan>, Refusal> {
    let local = match vxlan.local {
        IpAddr::V4(address) => InfoVxlan::Local(address),
        IpAddr::V6(address) => InfoVxlan::Local6(address),
    };
    let mut attributes =
        vec![InfoVxlan::Id(vxlan.id), local, InfoVxlan::Port(vxlan.port), InfoVxlan::Learning(false)];
    if let Some(parent) = &vxlan.parent {
        attributes.push(InfoVxlan::Link(number_of(parent, links)?));
    }
    Ok(attributes)
}
