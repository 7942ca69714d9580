//! What a check finds.

use std::fmt;
use std::net::IpAddr;

use ipnet::IpNet;

/// One thing that is wrong.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Finding {
    /// A stored value cannot be read.
    Unreadable {
        /// Its key.
        key: String,
        /// What is wrong with it.
        problem: String,
    },
    /// Two blocks have addresses in common.
    BlocksOverlap(IpNet, IpNet),
    /// A block is in no pool.
    BlockOutsidePools(IpNet),
    /// An address is both free and in use, or neither.
    FreeListWrong(IpAddr),
    /// A block belongs to a node that does not exist.
    OwnerUnknown {
        /// The block.
        block: IpNet,
        /// The node.
        node: String,
    },
    /// A block belongs to a node that has no affinity for it.
    OwnerWithoutAffinity {
        /// The block.
        block: IpNet,
        /// The owner.
        owner: String,
    },
    /// A confirmed affinity has no block, or one that belongs to another owner.
    AffinityWithoutBlock {
        /// The block.
        block: IpNet,
        /// The owner.
        owner: String,
    },
    /// The claim or release of a block was not finished.
    AffinityUnfinished {
        /// The block.
        block: IpNet,
        /// The owner.
        owner: String,
    },
    /// A handle does not count all of its addresses: releasing it would leave some in use.
    HandleTooLow {
        /// The handle.
        handle: String,
        /// The block.
        block: IpNet,
        /// How many it counts.
        counted: u64,
        /// How many there are.
        found: u64,
    },
    /// A handle counts addresses that it does not have: a request ended half way.
    HandleTooHigh {
        /// The handle.
        handle: String,
        /// The block.
        block: IpNet,
        /// How many it counts.
        counted: u64,
        /// How many there are.
        found: u64,
    },
    /// An address is given out, and nothing uses it.
    Leaked {
        /// The address.
        address: IpAddr,
        /// Its handle.
        handle: Option<String>,
        /// The sequence number that it was given out with.
        sequence: Option<u64>,
    },
    /// An address is used, and was not given out.
    NotGivenOut {
        /// The address.
        address: IpAddr,
        /// What uses it.
        user: String,
    },
    /// An address is used twice.
    UsedTwice {
        /// The address.
        address: IpAddr,
        /// What uses it.
        users: Vec<String>,
    },
}

/// How bad a finding is.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Kind {
    /// Something was left behind by a program that ended half way. Nothing breaks.
    Leftover,
    /// Addresses can get lost or be given out twice.
    Fault,
}

impl Finding {
    /// How bad it is.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        match self {
            Self::BlockOutsidePools(_)
            | Self::OwnerUnknown { .. }
            | Self::OwnerWithoutAffinity { .. }
            | Self::AffinityUnfinished { .. }
            | Self::HandleTooHigh { .. }
            | Self::Leaked { .. } => Kind::Leftover,
            Self::Unreadable { .. }
            | Self::BlocksOverlap(..)
            | Self::FreeListWrong(_)
            | Self::AffinityWithoutBlock { .. }
            | Self::HandleTooLow { .. }
            | Self::NotGivenOut { .. }
            | Self::UsedTwice { .. } => Kind::Fault,
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable { key, problem } => write!(f, "{key} cannot be read: {problem}"),
            Self::BlocksOverlap(one, other) => write!(f, "the blocks {one} and {other} overlap"),
            Self::BlockOutsidePools(block) => write!(f, "the block {block} is in no IP pool"),
            Self::FreeListWrong(address) => write!(f, "{address} is both free and in use, or neither"),
            Self::OwnerUnknown { block, node } => {
                write!(f, "the block {block} belongs to the node {node}, which does not exist")
            }
            Self::OwnerWithoutAffinity { block, owner } => {
                write!(f, "the block {block} belongs to {owner}, which has no affinity for it")
            }
            Self::AffinityWithoutBlock { block, owner } => {
                write!(f, "{owner} has a confirmed affinity for {block}, which is not its block")
            }
            Self::AffinityUnfinished { block, owner } => {
                write!(f, "the claim or release of {block} by {owner} was not finished")
            }
            Self::HandleTooLow { handle, block, counted, found }
            | Self::HandleTooHigh { handle, block, counted, found } => {
                write!(f, "the handle {handle} counts {counted} addresses of {block}, but has {found}")
            }
            Self::Leaked { address, handle: Some(handle), .. } => {
                write!(f, "{address} is given out to the handle {handle}, and nothing uses it")
            }
            Self::Leaked { address, handle: None, .. } => {
                write!(f, "{address} is given out, and nothing uses it")
            }
            Self::NotGivenOut { address, user } => {
                write!(f, "{address} is used by {user}, and was not given out")
            }
            Self::UsedTwice { address, users } => write!(f, "{address} is used by {}", users.join(" and ")),
        }
    }
}
