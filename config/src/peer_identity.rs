//! What a peer cannot take from a group: its name, address and description.

use std::collections::HashMap;
use std::net::IpAddr;

use crate::left_out::ObjectName;
use crate::report::Report;
use crate::section::{Section, Value};
use crate::{address, name};

/// What a peer cannot take from a group.
pub(crate) struct PeerIdentity {
    pub(crate) name: String,
    pub(crate) address: IpAddr,
    pub(crate) description: Option<String>,
}

/// Where each name and address was used first, in octets.
#[derive(Default)]
pub(crate) struct SeenPeers {
    names: HashMap<String, usize>,
    addresses: HashMap<IpAddr, usize>,
}

impl PeerIdentity {
    pub(crate) fn read(
        section: &mut Section<'_>,
        seen: &mut SeenPeers,
        report: &mut Report<'_>,
    ) -> Option<Self> {
        let description = section
            .get("description")
            .and_then(|value| value.string("top of rack 1", report))
            .map(str::to_owned);
        let name_value = section.get("name");
        let name =
            name_value.map(|value| value.parsed("tor1", report, |text| name::check(text).map(str::to_owned)));
        let address_value = section.require("address", report);
        let address = address_value.and_then(|value| value.parsed("172.16.0.1", report, address::parse_host));
        let address_is_taken = address
            .zip(address_value)
            .is_some_and(|(address, value)| seen.check_address(address, value, report));
        let name = match name {
            Some(name) => name?,
            None => address?.to_string(),
        };
        // A peer named by an address that is there twice has been reported.
        if name_value.is_some() || !address_is_taken {
            seen.check_name(&name, name_value.or(address_value)?, report);
        }
        Some(Self { name, address: address?, description })
    }
}

/// Which peer a table is about, as far as it says.
pub(crate) fn object_name(table: Value<'_>) -> ObjectName {
    let name = table.text_under("name").map(str::to_owned);
    let address = table.text_under("address").and_then(|text| address::parse_host(text).ok());
    ObjectName::Peer { name, address }
}

impl SeenPeers {
    /// Reports an address that another peer has; returns whether that is so.
    fn check_address(&mut self, address: IpAddr, value: Value<'_>, report: &mut Report<'_>) -> bool {
        let Some(&first) = self.addresses.get(&address) else {
            self.addresses.insert(address, value.offset());
            return false;
        };
        let place = report.place(first, value.offset());
        value.reject(
            report,
            format_args!("{address} is the address of another peer on {place}: keep one of them"),
        );
        true
    }

    /// Reports a name that another peer has, given or by default.
    fn check_name(&mut self, name: &str, value: Value<'_>, report: &mut Report<'_>) {
        let Some(&first) = self.names.get(name) else {
            self.names.insert(name.to_owned(), value.offset());
            return;
        };
        let place = report.place(first, value.offset());
        value.reject(report, format_args!("{name:?} is the name of another peer on {place}: choose another"));
    }
}
