//! Keys of address management.

use std::fmt;

use ipnet::IpNet;

use super::segment::{Escaped, split, unescape};

/// A block: `/calico/ipam/v2/assignment/ipv4/block/192.168.221.64-26`.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct BlockKey {
    /// Its addresses.
    pub block: IpNet,
}

/// That a block belongs to a node: `/calico/ipam/v2/host/node1/ipv4/block/192.168.221.64-26`.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct BlockAffinityKey {
    /// What `owner` names: `host`, or `virtual` for load balancers.
    pub owner_type: String,
    /// The node.
    pub owner: String,
    /// The block.
    pub block: IpNet,
}

/// The addresses of an owner: `/calico/ipam/v2/handle/<id>`.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct HandleKey {
    /// The handle's identity.
    pub id: String,
}

const ROOT: &str = "/calico/ipam/v2/";

impl BlockKey {
    /// What keys of all blocks begin with.
    pub const PREFIX: &'static str = "/calico/ipam/v2/assignment/";

    /// Reads a key.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let [family, "block", block] = split(text.strip_prefix(Self::PREFIX)?)? else { return None };
        Some(Self { block: parse_block(family, block)? })
    }
}

impl BlockAffinityKey {
    /// What keys of all blocks of nodes begin with.
    pub const PREFIX: &'static str = "/calico/ipam/v2/host/";

    /// That a block belongs to a node.
    #[must_use]
    pub fn of_host(host: &str, block: IpNet) -> Self {
        Self { owner_type: "host".to_owned(), owner: host.to_owned(), block }
    }

    /// What keys of all blocks of a node begin with.
    #[must_use]
    pub fn prefix_of_host(host: &str) -> String {
        format!("{}{host}/", Self::PREFIX)
    }

    /// Reads a key.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let [owner_type, owner, family, "block", block] = split(text.strip_prefix(ROOT)?)? else {
            return None;
        };
        Some(Self {
            owner_type: owner_type.to_owned(),
            owner: owner.to_owned(),
            block: parse_block(family, block)?,
        })
    }
}

impl HandleKey {
    /// What keys of all handles begin with.
    pub const PREFIX: &'static str = "/calico/ipam/v2/handle/";

    /// Reads a key.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let [id] = split(text.strip_prefix(Self::PREFIX)?)?;
        Some(Self { id: unescape(id) })
    }
}

/// Reads a block as keys have it, `192.168.221.64-26`, of the family that the key says.
fn parse_block(family: &str, text: &str) -> Option<IpNet> {
    let (address, length) = text.rsplit_once('-')?;
    let block: IpNet = format!("{address}/{length}").parse().ok()?;
    (block.trunc() == block && family == family_of(block)).then_some(block)
}

fn family_of(block: IpNet) -> &'static str {
    match block {
        IpNet::V4(_) => "ipv4",
        IpNet::V6(_) => "ipv6",
    }
}

fn write_block(f: &mut fmt::Formatter<'_>, block: IpNet) -> fmt::Result {
    write!(f, "{}/block/{}-{}", family_of(block), block.addr(), block.prefix_len())
}

impl fmt::Display for BlockKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(Self::PREFIX)?;
        write_block(f, self.block)
    }
}

impl fmt::Display for BlockAffinityKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{ROOT}{}/{}/", self.owner_type, self.owner)?;
        write_block(f, self.block)
    }
}

impl fmt::Display for HandleKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", Self::PREFIX, Escaped(&self.id))
    }
}
