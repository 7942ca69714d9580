//! Peers, groups and dynamic ranges.

use std::collections::BTreeMap;
use std::net::IpAddr;

use ipnet::IpNet;

/// Keys that a peer and a group share, and their values in TOML. In the order of their names.
pub(crate) type Settings = BTreeMap<&'static str, String>;

/// `[[peer]]`.
#[derive(Clone, Debug)]
pub(crate) struct Peer {
    pub(crate) name: Option<String>,
    pub(crate) description: Option<String>,
    pub(crate) address: IpAddr,
    pub(crate) group: Option<String>,
    /// What is in force, that of the group included.
    pub(crate) settings: Settings,
}

/// `[peer_group.NAME]`.
#[derive(Clone, Debug, Default)]
pub(crate) struct Group {
    pub(crate) settings: Settings,
}

/// `[[dynamic_peers]]`.
#[derive(Clone, Debug)]
pub(crate) struct DynamicRange {
    pub(crate) range: IpNet,
    pub(crate) group: String,
    pub(crate) limit: Option<u32>,
}
