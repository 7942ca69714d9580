//! Values of address management: blocks, affinities, handles, and their settings.

mod affinity;
mod block;
mod handle;
mod settings;

pub use self::affinity::{
    AffinityState, BlockAffinity, BlockAffinityError, BlockAffinitySpec, read_block_affinity,
};
pub use self::block::{AllocationAttributes, Block, BlockOwner};
pub use self::handle::Handle;
pub use self::settings::IpamSettings;
