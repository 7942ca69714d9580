//! What a peer cannot take from a group: its name, address and description.

use std::collections::HashMap;
use std::net::IpAddr;

use margay_forwarding::LinkName;

use crate::left_out::ObjectName;
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
    pub(crate) name: Option<Value<'t>>,
    pub(crate) address: Value<'t>,
}

/// Where each name of a peer was used first, in octets.
#[derive(Default)]
pub(crate) struct SeenNames(HashMap<String, usize>);

impl PeerIdentity {
    pub(crate) fn read<'t>(
        section: &mut Section<'t>,
        names: &mut SeenNames,
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
            names.check(&name, value, report);
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

impl SeenNames {
    /// Reports a name that another peer has, given or by default.
    pub(crate) fn check(&mut self, name: &str, value: Value<'_>, report: &mut Report<'_>) {
        let Some(&first) = self.0.get(name) else {
            self.0.insert(name.to_owned(), value.offset());
            return;
        };
        let place = report.place(first, value.offset());
        let advice = if value.key() == "name" { "choose another" } else { "give this one a name" };
        value.reject(report, format_args!("{name:?} is the name of another peer on {place}: {advice}"));
    }
}
