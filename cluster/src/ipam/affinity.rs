//! Affinities: which node a block belongs to.

use crate::document::{JsonError, read_json};
use crate::schema::{Problems, Report, UnknownFields, choice, decode, record};
use crate::value::{Name, Network};

record! {
    /// That a block belongs to a node, and whether it is settled. Which block and node stand in the key.
    pub struct BlockAffinity {
        /// How far it is; settled when it is not given.
        "state" => state: Option<AffinityState>,
        /// Whether it is about to go.
        "deleted" => deleted: bool,
    }
}

choice! {
    /// How far the claim or release of a block is.
    pub enum AffinityState {
        /// The node has the block.
        Confirmed = "confirmed",
        /// The node is about to claim the block; another may have it.
        Pending = "pending",
        /// The node is about to give the block back.
        PendingDeletion = "pendingDeletion",
    }
}

impl BlockAffinity {
    /// Whether the node has the block for sure.
    #[must_use]
    pub fn is_confirmed(&self) -> bool {
        matches!(self.state, None | Some(AffinityState::Confirmed))
    }
}

/// Why a value is not an affinity.
#[derive(Debug, thiserror::Error)]
pub enum BlockAffinityError {
    /// It is not JSON.
    #[error(transparent)]
    Json(#[from] JsonError),
    /// It is JSON, but something else.
    #[error(transparent)]
    Schema(#[from] Problems),
}

/// Reads the value of an affinity's key. Old versions left it empty: such an affinity is settled.
///
/// # Errors
///
/// When it is neither empty nor an affinity.
pub fn read_block_affinity(value: &[u8]) -> Result<BlockAffinity, BlockAffinityError> {
    if value.trim_ascii().is_empty() {
        return Ok(BlockAffinity { state: None, deleted: false });
    }
    Ok(decode(&read_json(value)?, UnknownFields::Ignore)?)
}

record! {
    /// An affinity as an object, which is how Kubernetes stores it.
    pub struct BlockAffinitySpec checked {
        /// How far it is.
        "state" => state: Option<AffinityState>,
        /// The node.
        "node" => node: Name,
        /// What `node` names; `host` when it is not given.
        "type" => owner_type: Option<String>,
        /// The block.
        "cidr" => cidr: Network,
        /// Whether it is about to go; an object that is made or changed is not.
        "deleted" => deleted: bool,
    }
}

impl BlockAffinitySpec {
    fn check(&self, report: &mut Report<'_, '_, '_>) {
        if self.deleted {
            report.problem("deleted", "cannot be true");
        }
    }
}
