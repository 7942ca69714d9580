//! Address management of a cluster: which block a node claims, which address an owner gets, what is taken back, and a check of all of
//! it.
//!
//! Keys and values are Calico's, so that its programs can share a datastore. [`AddressBlock`] is the arithmetic of one block, [`Pool`]
//! says which requests a pool serves, and [`Ipam`] has the procedures: sequences of reads and compare-and-swaps over a
//! [`Store`](margay_watch::Store). Time is an argument, and so is the store: in tests, a model chooses the order in which the requests
//! of several clients are carried out. [`audit()`](audit::audit) checks a whole datastore.

pub mod audit;
mod block;
mod block_order;
mod cluster_state;
mod error;
mod pool;
mod prefix_set;
mod procedures;
mod stored;
mod wall_time;

pub use block::{AddressBlock, AddressOwner, HostReservation, Release, TakenBack};
pub use block::{AttributeChange, OwnerChange};
pub use block_order::BlockOrder;
pub use cluster_state::{ClusterState, check_settings, read_settings};
pub use error::IpamError;
pub use pool::{AddressFamily, Pool, Selection, pool_of, qualifying_pools};
pub use prefix_set::{PrefixSet, address_count, without_covered};
pub use procedures::{
    AddressInfo, AssignRequest, Assigned, BlockUse, Claimed, FamilyRequest, Ipam, NamedRequest, PoolUse,
    Released, available_outside_blocks,
};
pub use wall_time::{WallTime, WallTimeError};
