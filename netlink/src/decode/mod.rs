//! Messages of the kernel as notices, a file for each kind.

mod address;
mod link;
mod neighbour;
mod route;
mod rule;

use margay_reconcile::{Key, Notice, Seen, Value};
use netlink_packet_route::RouteNetlinkMessage;

use crate::LinkTable;

/// Reads messages, and keeps the table of links that they need.
#[derive(Clone, Debug, Default)]
pub struct Decoder {
    /// The links that messages have reported.
    pub links: LinkTable,
}

impl Decoder {
    /// What a message reports; nothing for kinds that do not matter here. A link that was renamed is reported as such before it is
    /// reported under its new name.
    pub fn decode(&mut self, message: &RouteNetlinkMessage) -> Vec<Notice> {
        match message {
            RouteNetlinkMessage::NewLink(message) => {
                let Some((number, name)) = link::identity(message) else { return Vec::new() };
                let renamed = self.links.insert(number, name).map(|from| Notice::Renamed { from });
                let there = link::decode(message, &self.links).map(Notice::There);
                renamed.into_iter().chain(there).collect()
            }
            RouteNetlinkMessage::DelLink(message) => {
                let Some((number, _)) = link::identity(message) else { return Vec::new() };
                let name = self.links.remove(number);
                name.map(|name| Notice::Gone { key: Key::Link(name), protocol: None }).into_iter().collect()
            }
            other => self.decode_other(other).into_iter().collect(),
        }
    }

    fn decode_other(&self, message: &RouteNetlinkMessage) -> Option<Notice> {
        let links = &self.links;
        match message {
            RouteNetlinkMessage::NewAddress(message) => address::decode(message, links).map(there_address),
            RouteNetlinkMessage::DelAddress(message) => {
                address::decode(message, links).map(|key| Notice::Gone { key, protocol: None })
            }
            RouteNetlinkMessage::NewNeighbour(message) => neighbour::decode(message, links),
            RouteNetlinkMessage::DelNeighbour(message) => {
                neighbour::key(message, links).map(|key| Notice::Gone { key, protocol: None })
            }
            RouteNetlinkMessage::NewRoute(message) => route::decode(message, links).map(Notice::There),
            RouteNetlinkMessage::DelRoute(message) => route::decode(message, links).map(gone),
            RouteNetlinkMessage::NewRule(message) => rule::decode(message).map(Notice::There),
            RouteNetlinkMessage::DelRule(message) => rule::decode(message).map(gone),
            _ => None,
        }
    }
}

fn there_address(key: Key) -> Notice {
    Notice::There(Seen { key, value: Value::Address, protocol: None })
}

fn gone(seen: Seen) -> Notice {
    Notice::Gone { key: seen.key, protocol: seen.protocol }
}
