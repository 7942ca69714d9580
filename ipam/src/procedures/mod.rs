//! What clients of address management do, as sequences of reads and compare-and-swaps over a store.
//!
//! Three kinds of keys belong together: the affinity says that a node wants or has a block, the block has the addresses, the handle
//! counts the addresses of an owner for each block. No transaction covers them, so that their order matters:
//!
//! - A block is claimed as affinity *pending*, block, affinity *confirmed*; it is given up as affinity *pending deletion*, block,
//!   no affinity. Each step expects what the step before it wrote, so that of a claim and a release at the same time one fails.
//! - A handle counts addresses before the block has them, and until after the block has lost them. An address with a handle is
//!   therefore always found by its handle.

mod affinities;
mod assign;
mod assign_named;
mod handles;
mod nodes;
mod owners;
mod release;
mod utilization;

use std::collections::BTreeMap;

use bytes::Bytes;
use ipnet::IpNet;
use margay_cluster::key::{BlockAffinityKey, BlockKey, Key, ObjectKey};
use margay_cluster::object::{Kind, Node};
use margay_cluster::value::Labels;
use margay_watch::{Entry, Expected, KeyRange, KeyValue, Revision, Store, SwapOutcome};

use crate::block::AddressBlock;
use crate::cluster_state::read_object;
use crate::stored::Stored;
use crate::{ClusterState, IpamError, WallTime};

pub use self::affinities::Claimed;
pub use self::assign::{AssignRequest, Assigned, FamilyRequest};
pub use self::assign_named::NamedRequest;
pub use self::owners::AddressInfo;
pub use self::release::Released;
pub use self::utilization::{BlockUse, PoolUse, available_outside_blocks};

/// Address management over a store, at one moment.
#[derive(Debug)]
pub struct Ipam<'a, S> {
    /// The store.
    pub store: &'a S,
    /// Pools, reservations and settings.
    pub cluster: &'a ClusterState,
    /// The time.
    pub now: WallTime,
}

/// How a compare-and-swap ended, if it ended.
enum Swapped {
    /// The key has the new value.
    Written(Revision),
    /// Something else stands at the key; this write did not happen.
    Lost(Option<margay_watch::Current>),
    /// Something else stands at the key, and this write may have stood there before.
    Doubtful,
}

impl<S: Store> Ipam<'_, S> {
    async fn swap(&self, key: &str, expected: Expected, value: Option<Bytes>) -> Result<Swapped, IpamError> {
        match self.store.swap(key, expected, value).await {
            SwapOutcome::Written(revision) => Ok(Swapped::Written(revision)),
            SwapOutcome::Conflict(current) => Ok(Swapped::Lost(current)),
            SwapOutcome::Overtaken(_) => Ok(Swapped::Doubtful),
            SwapOutcome::Refused(why) => Err(margay_watch::StoreError(why).into()),
            SwapOutcome::Unknown(why) => Err(IpamError::OutcomeUnknown(why)),
        }
    }

    /// The block with released addresses collected that have rested long enough.
    async fn block(&self, cidr: IpNet) -> Result<Option<Stored<AddressBlock>>, IpamError> {
        let key = BlockKey { block: cidr }.to_string();
        let Some(current) = self.store.get(&key).await? else { return Ok(None) };
        let mut stored = Stored::block(&key, &current)?;
        stored.value.collect(self.now, self.cooldown_seconds());
        Ok(Some(stored))
    }

    /// Writes a block that was read.
    async fn write_block(&self, mut stored: Stored<AddressBlock>) -> Result<Swapped, IpamError> {
        stored.value.collect(self.now, self.cooldown_seconds());
        stored.value.count_write();
        let key = BlockKey { block: stored.value.cidr() }.to_string();
        self.swap(&key, Expected::At(stored.stamp), Some(stored.encode())).await
    }

    /// Deletes a block that was read.
    async fn delete_block(&self, stored: &Stored<AddressBlock>) -> Result<Swapped, IpamError> {
        let key = BlockKey { block: stored.value.cidr() }.to_string();
        self.swap(&key, Expected::At(stored.stamp), None).await
    }

    /// All blocks, in the order of their keys. Blocks that cannot be read are left out.
    async fn blocks(&self) -> Result<Vec<AddressBlock>, IpamError> {
        let listed = self.store.list(&KeyRange::of_prefix(BlockKey::PREFIX)).await?;
        Ok(listed.iter().filter_map(|key_value| block_of(key_value).ok()).collect())
    }

    /// The affinities of an owner.
    async fn affinities_of(&self, host: &str) -> Result<Vec<(BlockAffinityKey, Entry)>, IpamError> {
        let range = KeyRange::of_prefix(BlockAffinityKey::prefix_of_host(host));
        Ok(affinities(self.store.list(&range).await?))
    }

    /// The labels of a node; `None` for a node that does not exist.
    async fn node_labels(&self, node: &str) -> Result<Option<Labels>, IpamError> {
        let key =
            Key::Object(ObjectKey { kind: Kind::Node, namespace: None, name: node.to_owned() }).to_string();
        let Some(current) = self.store.get(&key).await? else { return Ok(None) };
        let entry = Entry { value: current.value, revision: current.stamp.revision };
        let node: Node = read_object(&KeyValue { key: key.into_bytes().into(), entry })?;
        Ok(Some(node.metadata.labels))
    }

    fn cooldown_seconds(&self) -> u32 {
        self.cluster.settings.ip_cooldown_seconds.unwrap_or(0)
    }
}

/// Lets a step fail whose work the next request of the node does again: an affinity that stays behind is looked at each time.
fn leave_for_later<T>(result: Result<T, IpamError>) {
    drop(result);
}

/// Reads a listed block.
pub(crate) fn block_of(key_value: &KeyValue) -> Result<AddressBlock, IpamError> {
    let key = String::from_utf8_lossy(&key_value.key);
    crate::stored::read_block(&key, &key_value.entry.value)
}

/// The affinities among listed keys.
fn affinities(listed: Vec<KeyValue>) -> Vec<(BlockAffinityKey, Entry)> {
    let parse = |key_value: KeyValue| {
        let key = BlockAffinityKey::parse(std::str::from_utf8(&key_value.key).ok()?)?;
        Some((key, key_value.entry))
    };
    listed.into_iter().filter_map(parse).collect()
}

/// Items by the block that each belongs to.
fn by_block<T>(items: impl IntoIterator<Item = (IpNet, T)>) -> BTreeMap<IpNet, Vec<T>> {
    let mut grouped: BTreeMap<IpNet, Vec<T>> = BTreeMap::new();
    for (block, item) in items {
        grouped.entry(block).or_default().push(item);
    }
    grouped
}

/// How often a procedure starts again after it lost a race.
const ATTEMPTS: u32 = 100;
