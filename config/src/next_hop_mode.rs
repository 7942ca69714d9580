//! `next_hop`: the next hop of what is advertised to a peer.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::address;
use crate::report::Report;
use crate::section::Value;

/// Which next hop goes with the routes advertised to a peer.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub enum NextHopMode {
    /// As RFC 4271 §5.1.3 has it: unchanged towards iBGP peers, the own address towards others and for own networks.
    #[default]
    Auto,
    /// Always the own address.
    Own,
    /// Always unchanged, where there is one.
    Keep,
    /// These addresses, at least one. Routes of a family without one are treated as with [`Auto`](Self::Auto).
    Addresses {
        /// The next hop of IPv4 routes.
        ipv4: Option<Ipv4Addr>,
        /// The next hop of IPv6 routes.
        ipv6: Option<Ipv6Addr>,
    },
}

impl NextHopMode {
    /// Reads a word, an address, or a table with an address for each family.
    pub(crate) fn read(value: Value<'_>, report: &mut Report<'_>) -> Option<Self> {
        if !value.is_table() {
            return value.parsed("auto", report, Self::parse);
        }
        let mut section = value.table("next_hop", report)?;
        let ipv4 = section.get("ipv4").map(|value| value.parsed("192.0.2.1", report, parse_ipv4));
        let ipv6 = section.get("ipv6").map(|value| value.parsed("2001:db8::1", report, parse_ipv6));
        section.finish(report);
        if ipv4.is_none() && ipv6.is_none() {
            value.reject(report, "it has no address: give it ipv4, ipv6 or both");
            return None;
        }
        Some(Self::Addresses { ipv4: ipv4.unwrap_or(Some(None))?, ipv6: ipv6.unwrap_or(Some(None))? })
    }

    fn parse(text: &str) -> Result<Self, String> {
        match text {
            "auto" => Ok(Self::Auto),
            "self" => Ok(Self::Own),
            "keep" => Ok(Self::Keep),
            _ if text.parse::<IpAddr>().is_ok() => Ok(match address::parse_host(text)? {
                IpAddr::V4(address) => Self::Addresses { ipv4: Some(address), ipv6: None },
                IpAddr::V6(address) => Self::Addresses { ipv4: None, ipv6: Some(address) },
            }),
            _ => Err(format!(
                "{text:?} is not a valid next-hop mode: write \"auto\", \"self\", \"keep\" or an address"
            )),
        }
    }
}

fn parse_ipv4(text: &str) -> Result<Option<Ipv4Addr>, String> {
    match address::parse_host(text)? {
        IpAddr::V4(address) => Ok(Some(address)),
        IpAddr::V6(address) => Err(format!("{address} is an IPv6 address: write it as ipv6")),
    }
}

fn parse_ipv6(text: &str) -> Result<Option<Ipv6Addr>, String> {
    match address::parse_host(text)? {
        IpAddr::V6(address) => Ok(Some(address)),
        IpAddr::V4(address) => Err(format!("{address} is an IPv4 address: write it as ipv4")),
    }
}
