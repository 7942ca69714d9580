//! The daemon around the pure crates: sockets, clock, netlink, signals and tasks.

mod anteroom;
pub mod bfd;
pub mod control;
pub mod daemon;
pub mod events;
mod expected_peers;
pub mod kernel;
pub mod listener;
pub mod log;
pub mod machine;
mod message_counters;
mod mrt_files;
pub mod open_files;
mod outbound;
pub mod peer;
pub mod recording;
mod reply;
pub mod rpki;
pub mod run;
pub mod speaker;
mod table_dump;
