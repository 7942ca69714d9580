//! What the routing tables and the kernel's side say to each other, as values.
//!
//! One way go the routes that are wanted ([`ForwardingChange`]) and the next hops that are about to lose theirs
//! ([`NextHopLoss`]). The other way go the kernel's own routes: where they lead ([`WayChange`]), and what is there to be
//! announced ([`KernelRouteView`]).

mod forwarding_route;
mod kernel_route;
mod next_hop_loss;
mod way;

pub use forwarding_route::{Discard, Forwarding, ForwardingChange, Target, WeightedHop};
pub use kernel_route::{ConnectedRoute, KernelRouteView};
pub use next_hop_loss::NextHopLoss;
pub use way::{Way, WayChange};
