//! The control API: HTTP with JSON bodies on a Unix socket, as `margay_control` describes it.

mod bfd;
mod error;
mod explain;
mod kernel;
mod peers;
mod route;
mod routes;
mod server;
mod turns;

pub use server::{Api, serve};
