//! The daemon's shell: sockets, clock, netlink, signals and tasks.

pub mod kernel;
