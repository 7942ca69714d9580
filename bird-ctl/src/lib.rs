//! The commands of BIRD 1.6's control socket, and their replies as text.
//!
//! Calico's node agent and other programs ask BIRD for its state on a Unix socket. A client sends one command
//! a line. A reply is some lines with four-digit codes: `1002-text` where more lines follow, a leading space
//! instead of a code that repeats, and `0000 ` with a space after the code on the last line.

mod command;
mod protocol;
mod reply;
mod route;
mod status;
mod unix_time;

pub use command::{Command, Networks, ProtocolPattern, RoutesCommand, RoutesForm};
pub use protocol::{BgpSession, Protocol, ProtocolKind, ProtocolState, details, table};
pub use reply::Reply;
pub use route::{
    BgpAttributes, Network, NextHopCost, Origin, Route, RouteDetail, RouteDetails, RouteRank, RouteTarget,
    WeightedGateway,
};
pub use status::{Recovery, Status};
pub use unix_time::UnixTime;

/// The line with which a connection begins.
#[must_use]
pub fn banner(version: &str) -> String {
    format!("0001 BIRD {version} ready.\n")
}
