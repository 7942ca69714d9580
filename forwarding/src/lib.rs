//! The values exchanged between the routing tables and the kernel's side.
//!
//! One way go wanted routes ([`ForwardingChange`]) and next hops that are about to lose theirs
//! ([`NextHopLoss`]). The other way go the kernel's own routes: the ways that they lead ([`WayChange`]), and
//! those that may be announced ([`KernelRouteView`]).

mod forwarding_route;
mod kernel_route;
mod next_hop_loss;
mod way;

pub use forwarding_route::{Discard, Forwarding, ForwardingChange, Target, WeightedHop};
pub use kernel_route::{ConnectedRoute, KernelRouteView};
pub use next_hop_loss::NextHopLoss;
pub use way::{Way, WayChange};
