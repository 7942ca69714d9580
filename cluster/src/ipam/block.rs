//! Blocks: runs of addresses that a node gives out.

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;

use ipnet::IpNet;
use serde_json::Value;

use crate::document::Node;
use crate::schema::{Decoder, Report, Schema, record};
use crate::value::Network;

record! {
    /// A block and the owners of its addresses. Addresses are numbered from 0 (*ordinals*).
    pub struct Block checked {
        /// Its addresses.
        "cidr" => cidr: Network,
        /// Its owner.
        "affinity" => affinity: Option<BlockOwner>,
        /// When it was claimed (RFC 3339).
        "affinityClaimTime" => affinity_claim_time: Option<String>,
        /// For each address the index of its attributes, or nothing when it is free.
        "allocations" => allocations: Vec<Option<usize>>,
        /// Free addresses, in the order in which they are given out.
        "unallocated" => unallocated: Vec<usize>,
        /// Attributes of addresses; several may share one.
        "attributes" => attributes: Vec<AllocationAttributes>,
        /// Counts writes.
        "sequenceNumber" => sequence_number: u64 = 0,
        /// The value of `sequence_number` when each address was given out, which detects a late release by a former owner.
        "sequenceNumberForAllocation" => sequence_number_for_allocation: BTreeMap<String, u64>,
        /// Whether it is about to go.
        "deleted" => deleted: bool,
        /// Of an old version.
        "strictAffinity" => old_strict_affinity: bool,
        /// Of an old version: the node alone.
        "hostAffinity" => old_host_affinity: Option<String>,
    }
}

/// The owner of a block, `host:node1`.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct BlockOwner {
    /// What `name` names: `host`, or `virtual` for load balancers.
    pub owner_type: String,
    /// The name.
    pub name: String,
}

record! {
    /// What is known of addresses that are given out.
    pub struct AllocationAttributes {
        /// The handle that they are released by.
        "handle_id" => handle_id: Option<String>,
        /// The owner, in keys such as `node`, `namespace`, `pod`, `type`.
        "secondary" => owner: BTreeMap<String, String>,
        /// The owner before or after, while a virtual machine moves.
        "alternateOwnerAttrs" => alternate_owner: BTreeMap<String, String>,
        /// When they were released (RFC 3339): they rest for a while before they are given out again.
        "releasedAt" => released_at: Option<String>,
    }
}

impl Block {
    /// How many addresses it has; `usize::MAX` when they cannot be counted.
    #[must_use]
    pub fn size(&self) -> usize {
        let bits = u32::from(self.cidr.max_prefix_len() - self.cidr.prefix_len());
        1_usize.checked_shl(bits).unwrap_or(usize::MAX)
    }

    /// The address with an ordinal; `None` beyond the end.
    #[must_use]
    pub fn address(&self, ordinal: usize) -> Option<IpAddr> {
        if ordinal >= self.size() {
            return None;
        }
        match self.cidr.0 {
            IpNet::V4(net) => {
                let address = u32::from(net.network()).checked_add(u32::try_from(ordinal).ok()?)?;
                Some(IpAddr::V4(address.into()))
            }
            IpNet::V6(net) => {
                let address = u128::from(net.network()).checked_add(u128::try_from(ordinal).ok()?)?;
                Some(IpAddr::V6(address.into()))
            }
        }
    }

    /// The ordinal of an address; `None` when it is not in the block.
    #[must_use]
    pub fn ordinal(&self, address: IpAddr) -> Option<usize> {
        match (self.cidr.0, address) {
            (IpNet::V4(net), IpAddr::V4(address)) if net.contains(&address) => {
                usize::try_from(u32::from(address) - u32::from(net.network())).ok()
            }
            (IpNet::V6(net), IpAddr::V6(address)) if net.contains(&address) => {
                usize::try_from(u128::from(address) - u128::from(net.network())).ok()
            }
            _ => None,
        }
    }

    /// The attributes of an address that is given out.
    #[must_use]
    pub fn attributes_of(&self, ordinal: usize) -> Option<&AllocationAttributes> {
        self.attributes.get((*self.allocations.get(ordinal)?)?)
    }

    /// The node that the block belongs to.
    #[must_use]
    pub fn host(&self) -> Option<&str> {
        let owner = self.affinity.as_ref().filter(|owner| owner.owner_type == "host");
        owner.map(|owner| owner.name.as_str()).or(self.old_host_affinity.as_deref())
    }

    fn check(&self, report: &mut Report<'_, '_, '_>) {
        if self.allocations.len() != self.size() {
            let message =
                format!("has {} items, but the block has {} addresses", self.allocations.len(), self.size());
            report.problem("allocations", message);
        }
        for (ordinal, attributes) in self.allocations.iter().enumerate() {
            if attributes.is_some_and(|attributes| attributes >= self.attributes.len()) {
                report.problem(&format!("allocations[{ordinal}]"), "has attributes that are not there");
            }
        }
        for (index, &ordinal) in self.unallocated.iter().enumerate() {
            if ordinal >= self.allocations.len() {
                report.problem(&format!("unallocated[{index}]"), "is not an address of the block");
            }
        }
    }
}

impl fmt::Display for BlockOwner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.owner_type, self.name)
    }
}

impl Schema for BlockOwner {
    fn decode(node: &Node<'_>, decoder: &mut Decoder) -> Option<Self> {
        let found = node.as_text().and_then(|text| text.split_once(':'));
        let Some((owner_type, name)) =
            found.filter(|(owner_type, name)| !owner_type.is_empty() && !name.is_empty())
        else {
            let message = format!("is {}; it must be an owner such as host:node1", node.describe());
            decoder.report(node.position, message);
            return None;
        };
        Some(Self { owner_type: owner_type.to_owned(), name: name.to_owned() })
    }

    fn encode(&self) -> Value {
        self.to_string().into()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::document::read_json;
    use crate::schema::{UnknownFields, decode};

    fn block(cidr: &str, size: usize) -> Result<Block, String> {
        let text = json!({"cidr": cidr, "allocations": vec![json!(null); size]}).to_string();
        decode(&read_json(text.as_bytes()).unwrap(), UnknownFields::Refuse)
            .map_err(|problems| problems.to_string())
    }

    #[test]
    fn ordinals_and_addresses_are_each_others_opposite() {
        for (cidr, size, last) in [("10.0.0.64/30", 4, "10.0.0.67"), ("fd00::40/125", 8, "fd00::47")] {
            let block = block(cidr, size).unwrap();
            for ordinal in 0..size {
                assert_eq!(block.ordinal(block.address(ordinal).unwrap()), Some(ordinal));
            }
            assert_eq!(block.address(size - 1).unwrap().to_string(), last);
            assert_eq!(block.address(size), None);
            assert_eq!(block.ordinal("192.0.2.1".parse().unwrap()), None);
        }
    }

    #[test]
    fn blocks_that_contradict_themselves_are_refused() {
        assert_eq!(
            block("10.0.0.0/30", 3).unwrap_err(),
            "allocations has 3 items, but the block has 4 addresses"
        );
        let text =
            r#"{"cidr": "10.0.0.0/31", "affinity": "host:n", "allocations": [0, null], "unallocated": [7]}"#;
        let problems =
            decode::<Block>(&read_json(text.as_bytes()).unwrap(), UnknownFields::Refuse).unwrap_err();
        let expected =
            "allocations[0] has attributes that are not there; unallocated[0] is not an address of the block";
        assert_eq!(problems.to_string(), expected);
    }
}
