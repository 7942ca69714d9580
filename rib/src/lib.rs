//! Adj-RIB-In, decision process, Loc-RIB and export logs, without I/O.
//!
//! A [`Rib`] is a plain value with one owner. It takes the events of peers, and has two outputs, which are
//! polled: encoded messages for a peer ([`Rib::poll_export`]) and changes of the forwarding table
//! ([`Rib::poll_forwarding`]). Both are read from compacted logs, so a slow reader costs a cursor and nothing
//! else.
//!
//! ```text
//!   UPDATE -> import -> paths of the entry -> decision process -> best path -+-> export group's log -> slices -> peers
//!                                                                          +-> forwarding log -> kernel
//! ```

mod attributes;
mod containers;
mod decision;
mod export;
mod family;
mod family_rib;
mod forwarding;
mod index;
mod input;
mod log;
mod next_hops;
mod notices;
mod options;
mod paths;
mod peers;
mod policy;
mod rib;
mod shared;
mod validation;
mod views;
mod watch;

pub use decision::{Candidate, DEFAULT_LOCAL_PREF, Decision, Step, decide};
pub use export::EncodedUpdates;
pub use forwarding::{ConnectedRoute, Forwarding, ForwardingChange, Target, WeightedHop};
pub use index::PeerIndex;
pub use input::RibInput;
pub use next_hops::{NextHopLoss, Way, WayChange};
pub use notices::{Notice, NoticeKind};
pub use options::{
    AggregateOptions, AsPathChecks, AsPathRules, ClientToClient, DecisionRules, DeniedDirections, Departure,
    Discard, ForwardingOptions, Hop, KernelRouteView, LinkName, LinkUsability, LocalAsn, NetworkOptions,
    NextHopMode, OwnNextHops, PathLimits, PathsSent, PeerOptions, PeerRules, PrivateAsns, Reflection,
    ReflectorOptions, RibOptions, RoutePurpose, SessionTerms, SpeakerRules, StaticRoute, StaticTarget,
};
pub use paths::{CandidateOrigin, ImportRefusal};
pub use policy::ExportRefusal;
pub use rib::Rib;
pub use validation::PayloadUpdate;
pub use views::{
    AskedRule, Audit, Dump, Explanation, ExportView, FilterDirection, FilterPass, LocalView, NotExported,
    PagePosition, PeerCounts, RibCounts, RibView, RoutePage, RouteSelection, RouteStatus, RouteView,
};
