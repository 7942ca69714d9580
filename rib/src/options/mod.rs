//! Options of a Rib: plain values.

mod network;
mod peer;
mod reflection;
mod speaker;

pub(crate) use self::network::is_elevated;
pub use margay_forwarding::{Discard, KernelRouteView};

pub use self::network::NetworkOptions;
pub use self::peer::{Departure, NextHopMode, OwnNextHops, PathsSent, PeerOptions, PeerRules, SessionTerms};
pub use self::reflection::{ClientToClient, Reflection, ReflectorOptions};
pub use self::speaker::{ForwardingOptions, RibOptions};
