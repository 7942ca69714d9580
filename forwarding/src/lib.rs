//! The values exchanged between the routing tables and the kernel's side.
//!
//! One way go wanted routes ([`ForwardingChange`]) and next hops that are about to lose theirs
//! ([`NextHopLoss`]). The other way go the kernel's own routes: the ways that they lead ([`WayChange`]), and
//! those that may be announced ([`KernelRouteView`]).

mod forwarding_route;
mod hop;
mod kernel_route;
mod link_name;
mod link_usability;
mod next_hop_loss;
mod way;

pub use forwarding_route::{Discard, Forwarding, ForwardingChange, Target, WeightedHop};
pub use hop::Hop;
pub use kernel_route::{ConnectedRoute, KernelRouteView};
pub use link_name::{LinkName, LinkNameError};
pub use link_usability::LinkUsability;
pub use next_hop_loss::NextHopLoss;
pub use way::{Way, WayChange};
