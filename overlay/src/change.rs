//! Differences of what is wanted, in an order that leaves no gap.

use std::net::IpAddr;

use ipnet::IpNet;
use margay_cluster::value::MacAddress;

use crate::{Hop, Tunnel, TunnelDevice};

/// A thing that is wanted now and was not, is different now, or (`None`) is not wanted any more.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Change {
    /// A tunnel device.
    Device(Tunnel, Option<TunnelDevice>),
    /// A permanent neighbour on a device.
    Neighbour(Tunnel, IpAddr, Option<MacAddress>),
    /// A permanent forwarding entry of a device.
    Forwarding(Tunnel, MacAddress, Option<IpAddr>),
    /// A route; one that is different is replaced in place.
    Route(IpNet, Option<Hop>),
}

impl Change {
    /// Its place among the changes that are made at a time: what routes rest on comes before them, and goes after them.
    pub(crate) const fn phase(&self) -> u8 {
        match self {
            Self::Device(_, Some(_)) => 0,
            Self::Forwarding(_, _, Some(_)) => 1,
            Self::Neighbour(_, _, Some(_)) => 2,
            Self::Route(_, Some(_)) => 3,
            Self::Route(_, None) => 4,
            Self::Neighbour(_, _, None) => 5,
            Self::Forwarding(_, _, None) => 6,
            Self::Device(_, None) => 7,
        }
    }
}
