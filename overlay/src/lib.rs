//! Tunnels and routes between the nodes of a cluster: from pools, nodes and blocks to what one node's kernel must have.
//!
//! An [`Overlay`] takes the objects as they change and keeps what is [`Wanted`]. [`Overlay::take_changes`] returns what has become
//! different, in an order in which no destination that has a route before and after is without one in between.

mod calculation;
mod change;
mod inputs;
mod mac;
mod programmer;
mod wanted;

pub use calculation::{Destination, Overlay};
pub use change::Change;
pub use inputs::{BlockOwners, Encapsulation, NodeAddresses, PoolRoutes};
pub use mac::tunnel_mac;
pub use programmer::{Programmer, Programmers};
pub use wanted::{Hop, Tunnel, TunnelDevice, Wanted};
