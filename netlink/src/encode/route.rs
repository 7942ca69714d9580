//! Routes.

use margay_reconcile::{Refusal, Route, RouteKey, RouteScope as Scope, RouteTarget};
use netlink_packet_route::route::{
    RouteAddress, RouteAttribute, RouteFlags, RouteMessage, RouteProtocol, RouteScope, RouteType,
};

use super::parts::{family_of, number_of};
use crate::LinkTable;

pub(super) fn addition(
    key: RouteKey,
    route: &Route,
    links: &LinkTable,
    protocol: u8,
) -> Result<RouteMessage, Refusal> {
    let mut message = head(key, protocol);
    message.header.kind = RouteType::Unicast;
    message.header.scope = match route.scope {
        Scope::Universe => RouteScope::Universe,
        Scope::Link => RouteScope::Link,
        Scope::Other(number) => RouteScope::from(number),
    };
    if let Some(link) = route.link() {
        message.attributes.push(RouteAttribute::Oif(number_of(link, links)?));
    }
    match &route.target {
        RouteTarget::Gateway { gateway, is_onlink, .. } => {
            message.attributes.push(RouteAttribute::Gateway(RouteAddress::from(*gateway)));
            if *is_onlink {
                message.header.flags = RouteFlags::Onlink;
            }
        }
        RouteTarget::Blackhole => message.header.kind = RouteType::BlackHole,
        RouteTarget::Link(_) | RouteTarget::Other => (),
    }
    let source = route.source.map(|source| RouteAttribute::PrefSource(RouteAddress::from(source)));
    message.attributes.extend(source);
    Ok(message)
}

/// Matches the route of this owner alone, wherever it leads.
pub(super) fn removal(key: RouteKey, protocol: u8) -> RouteMessage {
    let mut message = head(key, protocol);
    message.header.scope = RouteScope::NoWhere;
    message.header.kind = RouteType::Unspec;
    message
}

fn head(key: RouteKey, protocol: u8) -> RouteMessage {
    let mut message = RouteMessage::default();
    message.header.address_family = family_of(key.destination.addr());
    message.header.destination_prefix_length = key.destination.prefix_len();
    message.header.protocol = RouteProtocol::from(protocol);
    message.attributes.push(RouteAttribute::Destination(RouteAddress::from(key.destination.addr())));
    message.attributes.push(RouteAttribute::Table(key.table));
    message.attributes.push(RouteAttribute::Priority(key.metric));
    message
}
