//! Keys of the datastore: where each value stands.

mod ipam;
mod object;
mod segment;
mod status;

use std::fmt;
use std::str::FromStr;

pub use self::ipam::{BlockAffinityKey, BlockKey, HandleKey};
pub use self::object::ObjectKey;
pub use self::status::{NodeStatusKey, Region, WorkloadStatusKey, status_file_name};

/// What all keys begin with.
pub const ROOT: &str = "/calico/";

/// What keys of our own begin with, for what other programs of the cluster do not know.
pub const OWN_ROOT: &str = "/calico/margay/v1/";

/// The key of a value that is known.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Key {
    /// An object.
    Object(ObjectKey),
    /// A block of addresses.
    Block(BlockKey),
    /// That a block belongs to a node.
    BlockAffinity(BlockAffinityKey),
    /// The addresses of an owner.
    Handle(HandleKey),
    /// Settings of address management.
    IpamSettings,
    /// That the agent of a node lives; it has a lease.
    NodeStatus(NodeStatusKey),
    /// What the agent of a node last said.
    LastNodeStatus(NodeStatusKey),
    /// The state of a workload's interface.
    WorkloadStatus(WorkloadStatusKey),
}

/// A text is not a key that is known.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("not a key that is known")]
pub struct UnknownKey;

const IPAM_SETTINGS: &str = "/calico/ipam/v2/config";

impl FromStr for Key {
    type Err = UnknownKey;

    fn from_str(text: &str) -> Result<Self, UnknownKey> {
        if text == IPAM_SETTINGS {
            return Ok(Self::IpamSettings);
        }
        ObjectKey::parse(text)
            .map(Self::Object)
            .or_else(|| BlockKey::parse(text).map(Self::Block))
            .or_else(|| BlockAffinityKey::parse(text).map(Self::BlockAffinity))
            .or_else(|| HandleKey::parse(text).map(Self::Handle))
            .or_else(|| WorkloadStatusKey::parse(text).map(Self::WorkloadStatus))
            .or_else(|| NodeStatusKey::parse(text, NodeStatusKey::LIVE).map(Self::NodeStatus))
            .or_else(|| NodeStatusKey::parse(text, NodeStatusKey::LAST).map(Self::LastNodeStatus))
            .ok_or(UnknownKey)
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Object(key) => key.fmt(f),
            Self::Block(key) => key.fmt(f),
            Self::BlockAffinity(key) => key.fmt(f),
            Self::Handle(key) => key.fmt(f),
            Self::IpamSettings => f.write_str(IPAM_SETTINGS),
            Self::NodeStatus(key) => key.write(f, NodeStatusKey::LIVE),
            Self::LastNodeStatus(key) => key.write(f, NodeStatusKey::LAST),
            Self::WorkloadStatus(key) => key.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_come_back_from_their_text() {
        let keys = [
            "/calico/resources/v3/projectcalico.org/bgppeers/rack-1",
            "/calico/resources/v3/projectcalico.org/networkpolicies/default/web",
            "/calico/resources/v3/projectcalico.org/felixconfigurations/node.a.b",
            "/calico/ipam/v2/assignment/ipv4/block/192.168.221.64-26",
            "/calico/ipam/v2/assignment/ipv6/block/fd00:1::40-122",
            "/calico/ipam/v2/host/node-1/ipv4/block/192.168.221.64-26",
            "/calico/ipam/v2/virtual/load-balancer/ipv4/block/192.168.221.64-26",
            "/calico/ipam/v2/handle/k8s-pod-network.0a1b",
            "/calico/ipam/v2/config",
            "/calico/felix/v2/no-region/host/node-1/status",
            "/calico/felix/v2/region-Europe/host/node-1/last_reported_status",
            "/calico/felix/v2/region-Europe/host/node-1/workload/k8s/default%2fpod/endpoint/eth0",
        ];
        for text in keys {
            assert_eq!(text.parse::<Key>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn texts_that_are_not_keys() {
        let texts = [
            "",
            "/calico/",
            "/calico/resources/v3/projectcalico.org/bgppeers",
            "/calico/resources/v3/projectcalico.org/bgppeers/",
            "/calico/resources/v3/projectcalico.org/bgppeers/default/a",
            "/calico/resources/v3/projectcalico.org/networkpolicies/a",
            "/calico/resources/v3/projectcalico.org/networkpolicies//a",
            "/calico/resources/v3/projectcalico.org/unknowns/a",
            "/calico/ipam/v2/assignment/ipv4/block/192.168.221.64",
            "/calico/ipam/v2/assignment/ipv4/block/192.168.221.65-26",
            "/calico/ipam/v2/assignment/ipv6/block/192.168.221.64-26",
            "/calico/ipam/v2/host//ipv4/block/192.168.221.64-26",
            "/calico/ipam/v2/handle/",
            "/calico/ipam/v2/handle/a/b",
            "/calico/felix/v2/host/a/status",
            "/calico/felix/v2/region-/host/a/status",
            "/calico/v1/config/foo",
        ];
        for text in texts {
            assert_eq!(text.parse::<Key>(), Err(UnknownKey), "{text}");
        }
    }
}
