//! The control API: HTTP with JSON bodies on a Unix socket, as `margay_control` describes it, its reading
//! part over TCP, and BIRD's commands on sockets of their own.

mod bfd;
mod bird;
mod error;
mod explain;
mod kernel;
mod metrics;
mod peers;
mod route;
mod routes;
mod server;
mod tcp;
mod turns;
mod unix_socket;

pub use bird::{BirdFamily, serve_bird};
pub use server::{Api, serve, serve_tcp};
