//! Adj-RIB-In, decision process, Loc-RIB and export logs, without I/O.
//!
//! A [`Rib`] is a plain value with one owner. The events of peers go in; two things come out, each asked for by
//! whoever can take it: encoded messages for a peer ([`Rib::poll_export`]) and changes of the forwarding table
//! ([`Rib::poll_forwarding`]). Both are read from compacted logs, so a slow reader costs a cursor and nothing else.
//!
//! ```text
//!  UPDATE -> import -> paths of the entry -> decision process -> best path -+-> export group's log -> slices -> peers
//!                                                                           +-> forwarding log -> kernel
//! ```

mod attribute_store;
mod audit;
mod contest;
mod decision;
mod dump;
mod export_group;
mod export_log;
mod export_policy;
mod export_rules;
mod family;
mod family_rib;
mod forwarding;
mod forwarding_log;
mod hash_index;
mod import;
mod longest_match;
mod membership;
mod mirrored;
mod network;
mod next_hop;
mod next_hop_losses;
mod path;
mod path_slots;
mod peer;
mod reconfiguration;
mod reflection;
mod rib;
mod route_refresh;
mod slice;
mod slice_cache;
mod source;
mod table;
mod view;

pub use audit::Audit;
pub use decision::{Candidate, CandidateOrigin, DEFAULT_LOCAL_PREF, Decision, Step, decide};
pub use dump::Dump;
pub use export_policy::ExportRefusal;
pub use forwarding::{
    ConnectedRoute, Discard, Forwarding, ForwardingChange, NextHopLoss, Target, Way, WayChange, WeightedHop,
};
pub use hash_index::{HashIndex, ShortHash};
pub use longest_match::{LongestMatch, address_range};
pub use network::{KernelRouteView, NetworkOptions};
pub use path::ImportRefusal;
pub use peer::{NextHopMode, PathsSent, PeerIndex, PeerOptions};
pub use reconfiguration::PeerRules;
pub use reflection::{ClientToClient, Reflection, ReflectorOptions};
pub use rib::{ForwardingOptions, Rib, RibOptions};
pub use slice::EncodedUpdates;
pub use view::{
    Explanation, ExportView, NotExported, PagePosition, PeerCounts, RibCounts, RoutePage, RouteSelection,
    RouteStatus, RouteView,
};
