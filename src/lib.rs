//! The daemon's shell: sockets, clock, netlink, signals and tasks.

pub mod control;
pub mod daemon;
pub mod kernel;
pub mod listener;
mod message_counters;
pub mod open_files;
mod outbound;
mod own_addresses;
pub mod peer;
pub mod speaker;
