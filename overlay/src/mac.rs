//! The hardware addresses of VXLAN devices.

use margay_cluster::value::MacAddress;
use sha1::{Digest as _, Sha1};

use crate::Tunnel;

/// The hardware address of a node's VXLAN device: a locally administered one that follows from the node's name, so that all nodes
/// know it without being told. Calico's.
#[must_use]
pub fn tunnel_mac(node: &str, tunnel: Tunnel) -> MacAddress {
    let suffix = if tunnel == Tunnel::VxlanV6 { "-v6" } else { "" };
    let hash = Sha1::digest(format!("{node}{suffix}"));
    let [a, b, c, d, e, ..] = *hash.as_slice() else { return MacAddress([0x66, 0, 0, 0, 0, 0]) };
    MacAddress([0x66, a, b, c, d, e])
}
