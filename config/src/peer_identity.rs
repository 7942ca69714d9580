//! What a peer cannot take from a group: its name, address and description.

use std::collections::HashMap;
use std::net::IpAddr;

use margay_forwarding::LinkName;

use crate::left_out::ObjectName;
use crate::peer::Peer;
use crate::peer_place::PeerPlace;
use crate::report::Report;
use crate::section::{Section, Value};
use crate::{address, name};

/// What a peer cannot take from a group.
pub(crate) struct PeerIdentity {
    pub(crate) name: String,
    pub(crate) address: IpAddr,
    /// The link of a link-local address.
    pub(crate) link: Option<LinkName>,
    pub(crate) description: Option<String>,
}

/// Where the name and the address of a peer stand in its table.
pub(crate) struct IdentityValues<'t> {
    name: Option<Value<'t>>,
    address: Value<'t>,
}

/// The names and places of the peers so far.
#[derive(Default)]
pub(crate) struct SeenPeers {
    /// Where each name was used first, in octets.
    names: HashMap<String, usize>,
    /// The peers at each address, with the offsets of the address, in octets.
    by_address: HashMap<IpAddr, Vec<(usize, Peer)>>,
}

impl PeerIdentity {
    pub(crate) fn read<'t>(
        section: &mut Section<'t>,
        seen: &mut SeenPeers,
        report: &mut Report<'_>,
    ) -> Option<(Self, IdentityValues<'t>)> {
        let description = section
            .get("description")
            .and_then(|value| value.string("top of rack 1", report))
            .map(str::to_owned);
        let name_value = section.get("name");
        let name =
            name_value.map(|value| value.parsed("tor1", report, |text| name::check(text).map(str::to_owned)));
        let address_value = section.require("address", report);
        let address = address_value.and_then(|value| value.parsed("172.16.0.1", report, address::parse_peer));
        let name = match name {
            Some(name) => name?,
            None => {
                let (address, link) = address?;
                PeerPlace { link, ..PeerPlace::of_address(address) }.host()
            }
        };
        if let Some(value) = name_value {
            seen.check_name(&name, value, report);
        }
        let values = IdentityValues { name: name_value, address: address_value? };
        let (address, link) = address?;
        Some((Self { name, address, link, description }, values))
    }
}

/// Which peer a table is about, as far as it says.
pub(crate) fn object_name(table: Value<'_>) -> ObjectName {
    let name = table.text_under("name").map(str::to_owned);
    let address = table.text_under("address").and_then(|text| address::parse_peer(text).ok());
    let address = address.map(|(address, link)| PeerPlace { link, ..PeerPlace::of_address(address) }.host());
    ObjectName::Peer { name, address }
}

impl SeenPeers {
    /// Notes a peer. Reports why it cannot be there together with a former one.
    pub(crate) fn note(&mut self, peer: &Peer, values: &IdentityValues<'_>, report: &mut Report<'_>) {
        let at_address = self.by_address.entry(peer.address).or_default();
        let former = at_address.iter().find_map(|(offset, former)| Some((*offset, conflict(former, peer)?)));
        if let Some((offset, advice)) = former {
            let place = report.place(offset, values.address.offset());
            let host = peer.place().host();
            let text = format_args!("{host} is the address of another peer on {place}{advice}");
            values.address.reject(report, text);
            return;
        }
        at_address.push((values.address.offset(), peer.clone()));
        if values.name.is_none() {
            self.check_name(&peer.name, values.address, report);
        }
    }

    /// Reports a name that another peer has, given or by default.
    fn check_name(&mut self, name: &str, value: Value<'_>, report: &mut Report<'_>) {
        let Some(&first) = self.names.get(name) else {
            self.names.insert(name.to_owned(), value.offset());
            return;
        };
        let place = report.place(first, value.offset());
        let advice = if value.key() == "name" { "choose another" } else { "give this one a name" };
        value.reject(report, format_args!("{name:?} is the name of another peer on {place}: {advice}"));
    }
}

/// Why two peers cannot have the same address, and what would be right; `None` if they can.
pub(crate) fn conflict(one: &Peer, other: &Peer) -> Option<&'static str> {
    // The kernel finds the password of a connection by the peer's address alone.
    let differs_in_password = one.password_file != other.password_file;
    let password = differs_in_password.then_some(", with another password_file: give both the same");
    if one.link != other.link {
        return password;
    }
    if one.place() == other.place() {
        return Some(": keep one of them, or give one another port or source_address");
    }
    // A connection comes from a port of its own, not from the one on which its peer listens.
    if one.source_address == other.source_address && (one.passive || other.passive) {
        return Some(
            ", whose connections cannot be told apart from those of this one: \
             give one a source_address of its own, or let neither be passive",
        );
    }
    if one.bfd.is_some() && other.bfd.is_some() {
        return Some(", which has bfd as well: leave it to one of them, as both have the same path");
    }
    password
}
