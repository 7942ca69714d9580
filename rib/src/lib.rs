//! Adj-RIB-In, decision process, Loc-RIB and export logs, without I/O.

mod forwarding;

pub use forwarding::{ConnectedRoute, Forwarding, ForwardingChange};
