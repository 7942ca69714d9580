//! The control API: HTTP with JSON bodies on a Unix socket, as `margay_control` describes it, and its reading part over TCP.

mod bfd;
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

pub use server::{Api, serve, serve_tcp};
