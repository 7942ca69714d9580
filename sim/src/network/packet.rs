//! A datagram of BFD.

use std::net::IpAddr;

use margay_bfd::Hops;

/// A datagram on its way, as a host receives it.
#[derive(Debug)]
pub(crate) struct Packet {
    pub(crate) from: IpAddr,
    pub(crate) hops: Hops,
    pub(crate) octets: Vec<u8>,
}
