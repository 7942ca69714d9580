//! What a Rib is configured with: plain values.

mod network;

pub(crate) use self::network::is_elevated;
pub use self::network::{KernelRouteView, NetworkOptions};
