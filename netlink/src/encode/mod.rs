//! Operations as requests, a file for each kind.

mod address;
mod forwarding;
mod link;
mod neighbour;
mod parts;
mod route;
mod rule;

use margay_reconcile::{Action, Key, Operation, Refusal, Value};
use netlink_packet_route::RouteNetlinkMessage;

use self::parts::Encoded;
use crate::{LinkTable, Request};

/// The request for an operation; `None` for sysctls, which are files.
///
/// # Errors
///
/// When a link that it names is not there.
pub fn request_of(
    operation: &Operation,
    links: &LinkTable,
    protocol: u8,
) -> Option<Result<Request, Refusal>> {
    let key = &operation.key;
    Some(match &operation.action {
        Action::Remove(_) => removal(key, links, protocol)?.map(Request::change),
        Action::Create(value) => addition(key, value, links, protocol)?.map(Request::create),
        // An existing link is changed in place.
        Action::Put(Value::Link(link)) => match key {
            Key::Link(name) => link::change(name, link, links).map(Request::change),
            _ => return None,
        },
        Action::Put(value) => addition(key, value, links, protocol)?.map(Request::put),
    })
}

fn addition(key: &Key, value: &Value, links: &LinkTable, protocol: u8) -> Option<Encoded> {
    Some(match (key, value) {
        (Key::Link(name), Value::Link(link)) => link::create(name, link, links),
        (Key::Address(link, address), _) => {
            address::message(link, *address, links).map(RouteNetlinkMessage::NewAddress)
        }
        (Key::Forwarding(link, address), Value::Forwarding(behind)) => {
            forwarding::message(link, *address, Some(*behind), links).map(RouteNetlinkMessage::NewNeighbour)
        }
        (Key::Neighbour(link, address), Value::Neighbour(hardware)) => {
            neighbour::message(link, *address, Some(*hardware), links).map(RouteNetlinkMessage::NewNeighbour)
        }
        (Key::Rule(key), Value::Rule(rule)) => {
            Ok(RouteNetlinkMessage::NewRule(rule::message(*key, Some(rule), protocol)))
        }
        (Key::Route(key), Value::Route(route)) => {
            route::addition(*key, route, links, protocol).map(RouteNetlinkMessage::NewRoute)
        }
        _ => return None,
    })
}

fn removal(key: &Key, links: &LinkTable, protocol: u8) -> Option<Encoded> {
    Some(match key {
        Key::Link(name) => link::remove(name, links),
        Key::Address(link, address) => {
            address::message(link, *address, links).map(RouteNetlinkMessage::DelAddress)
        }
        Key::Forwarding(link, address) => {
            forwarding::message(link, *address, None, links).map(RouteNetlinkMessage::DelNeighbour)
        }
        Key::Neighbour(link, address) => {
            neighbour::message(link, *address, None, links).map(RouteNetlinkMessage::DelNeighbour)
        }
        Key::Rule(key) => Ok(RouteNetlinkMessage::DelRule(rule::message(*key, None, protocol))),
        Key::Route(key) => Ok(RouteNetlinkMessage::DelRoute(route::removal(*key, protocol))),
        Key::Sysctl { .. } => return None,
    })
}
