//! Addresses and identities of the daemon and of its peers.

use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use crate::probe::Identity;

/// The daemon's address.
pub(super) const DAEMON: Ipv4Addr = Ipv4Addr::new(172, 16, 0, 1);

/// The AS of all peers.
pub(super) const PEER_ASN: u32 = 65002;

/// The address of a peer that stays.
pub(super) fn steady_address(number: u8) -> Ipv4Addr {
    Ipv4Addr::new(172, 16, 0, 10 + number)
}

/// The address of a peer that comes and goes.
pub(super) fn crowd_address(number: u16) -> Ipv4Addr {
    let [high, low] = number.to_be_bytes();
    Ipv4Addr::new(172, 16, 1 + high, low)
}

/// What a peer says of itself.
pub(super) fn identity(address: Ipv4Addr) -> Identity {
    Identity::new(PEER_ASN, address)
}

/// The deadline of what should take no time.
pub(super) fn soon() -> Instant {
    Instant::now() + Duration::from_secs(60)
}
