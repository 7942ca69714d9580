//! Dumps that the kernel can be asked for.

use super::{
    notice::{RTM_GETADDR, RTM_GETLINK, RTM_GETROUTE},
    object_message::RTM_GETNEXTHOP,
    wire::{AF_INET, AF_INET6},
};

/// Everything of a kind.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Dump {
    /// All links.
    Links,
    /// All IPv4 addresses.
    Addresses,
    /// All next hop objects.
    Objects,
    /// All IPv4 routes of all tables.
    Ipv4Routes,
    /// All IPv6 routes of all tables.
    Ipv6Routes,
}

impl Dump {
    /// The message type of the request, and the fixed header of that type: `ifinfomsg`, `ifaddrmsg`, `nhmsg`
    /// or `rtmsg`.
    #[must_use]
    pub fn request(self) -> (u16, &'static [u8]) {
        match self {
            Self::Links => (RTM_GETLINK, &[0; 16]),
            Self::Addresses => (RTM_GETADDR, &[AF_INET, 0, 0, 0, 0, 0, 0, 0]),
            Self::Objects => (RTM_GETNEXTHOP, &[0; 8]),
            Self::Ipv4Routes => (RTM_GETROUTE, &[AF_INET, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]),
            Self::Ipv6Routes => (RTM_GETROUTE, &[AF_INET6, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]),
        }
    }
}
