//! Options of a Rib: plain values.

mod aggregate;
mod as_path;
mod decision;
mod denied;
mod network;
mod path_limits;
mod peer;
mod reflection;
mod speaker;
mod static_route;

pub(crate) use self::network::is_elevated;
pub use margay_forwarding::{Discard, Hop, KernelRouteView, LinkName, LinkUsability};

pub use self::aggregate::AggregateOptions;
pub use self::as_path::{AsPathChecks, AsPathRules, LocalAsn, PrivateAsns};
pub use self::decision::DecisionRules;
pub use self::denied::DeniedDirections;
pub use self::network::NetworkOptions;
pub use self::path_limits::PathLimits;
pub use self::peer::{Departure, NextHopMode, OwnNextHops, PathsSent, PeerOptions, PeerRules, SessionTerms};
pub use self::reflection::{ClientToClient, Reflection, ReflectorOptions};
pub use self::speaker::{ForwardingOptions, RibOptions, SpeakerRules};
pub use self::static_route::{RoutePurpose, StaticRoute, StaticTarget};
