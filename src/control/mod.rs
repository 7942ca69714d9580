//! The control API: HTTP with JSON bodies on a Unix socket, as `margay_control` describes it, its reading
//! part over TCP, and BIRD's commands on sockets of their own.

mod api;
mod bfd;
mod bird;
mod birdwatcher;
mod error;
mod event_stream;
mod explain;
mod groups;
mod kernel;
mod log;
mod maintenance;
mod metrics;
mod page;
mod pages;
mod peer_handlers;
mod peers;
mod query;
mod route;
mod router;
mod routes;
mod rpki;
mod server;
mod status;
mod tcp;
mod turns;
mod unix_socket;

pub use api::Api;
pub use bird::{BirdFamily, serve_bird};
pub use server::{serve, serve_tcp};
