//! The wanted forwarding table as the Rib keeps it.

mod link_bandwidth;
mod log;

pub use margay_forwarding::{ConnectedRoute, Forwarding, ForwardingChange, Target, WeightedHop};

pub(crate) use self::link_bandwidth::LinkBandwidths;
pub(crate) use self::log::{ForwardingLog, via};
