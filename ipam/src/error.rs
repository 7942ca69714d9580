//! Reasons why addresses are not given out, taken back or changed.

use std::net::IpAddr;

use ipnet::IpNet;
use margay_watch::StoreError;

/// Why an operation did not do what it was asked for.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum IpamError {
    /// There is no enabled pool of the family.
    #[error("there is no enabled IP pool of this family")]
    NoPools,
    /// No enabled pool selects the node, or the namespace of the workload.
    #[error("no IP pool selects the node {node} and the namespace of the workload")]
    NoPoolsForNode {
        /// The node.
        node: String,
    },
    /// No pool that could be used allows this use.
    #[error("no IP pool that could be used allows addresses for {wanted}")]
    NoQualifiedPool {
        /// The use, such as `Workload`.
        wanted: &'static str,
    },
    /// A pool that was asked for is disabled, does not exist, or has blocks that are too small.
    #[error("the IP pool {pool} does not exist or cannot be used")]
    PoolNotUsable {
        /// Its name or prefix.
        pool: String,
    },
    /// A pool that was asked for has addresses of the other family.
    #[error("the IP pool {pool} has addresses of the other family")]
    PoolFamily {
        /// Its name or prefix.
        pool: String,
    },
    /// An address or a prefix is in none of the enabled pools.
    #[error("{0} is in no enabled IP pool")]
    NotInPool(IpNet),
    /// The pool of an address does not allow this use.
    #[error("the IP pool of {address} does not allow addresses for {wanted}")]
    UseNotAllowed {
        /// The address.
        address: IpAddr,
        /// The use, such as `Workload`.
        wanted: &'static str,
    },
    /// A prefix is smaller than a block of its pool.
    #[error("{0} is smaller than a block of its IP pool")]
    TooSmall(IpNet),
    /// A block is not of the node, or belongs to another one.
    #[error("the block {block} belongs to another node")]
    AffinityMismatch {
        /// The block.
        block: IpNet,
    },
    /// A block has addresses that are in use.
    #[error("the block {0} is not empty")]
    NotEmpty(IpNet),
    /// The node has as many blocks as it may have.
    #[error("the node has reached its block limit {0}")]
    BlockLimit(u32),
    /// The handle has as many addresses as it may have.
    #[error("the handle {handle} has reached its limit of {limit} addresses")]
    HandleLimit {
        /// The handle.
        handle: String,
        /// The most addresses of a family.
        limit: usize,
    },
    /// The address is in use.
    #[error("{0} is in use")]
    InUse(IpAddr),
    /// The address is not in use, or nothing has the handle.
    #[error("{0} not found")]
    NotFound(String),
    /// The address belongs to another handle.
    #[error("{address} does not belong to the handle {handle}")]
    WrongHandle {
        /// The address.
        address: IpAddr,
        /// The handle that was given.
        handle: String,
    },
    /// What was found differs from what the request expects; nothing was changed.
    #[error("{0}")]
    Conflict(String),
    /// The request or the settings contradict themselves.
    #[error("{0}")]
    Invalid(String),
    /// A stored value cannot be read.
    #[error("{key}: {problem}")]
    Unreadable {
        /// Its key.
        key: String,
        /// What is wrong with it.
        problem: String,
    },
    /// The store could not be reached, or refuses it. Nothing was changed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The store did not answer: addresses may have been given to the handle. Releasing by handle takes them back.
    #[error("no answer from the datastore, the outcome is unknown: {0}")]
    OutcomeUnknown(String),
    /// Other writers were always faster.
    #[error("other writers changed {0} too often")]
    Busy(String),
}
