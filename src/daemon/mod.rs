//! The daemon: reads the configuration, starts all tasks, and ends them in order.
//!
//! One task owns the configuration and the peers' handles. Signals and the control API are requests to it.

mod config_files;
mod file_changes;
mod local_routes;
mod options;
mod peers;
mod reload;
mod report;
mod request;
pub(crate) mod run_marker;
mod start;
mod task;
mod unconfirmed;
mod watched_files;

pub use config_files::{LoadedConfig, ReadError, Strictness, read_config};
pub use margay_control::ReloadQuery;
pub(crate) use options::filter_session;
pub(crate) use report::left_out_object;
pub use request::{DaemonRequest, DaemonStatus, PeerCommand, PeerEntry};
pub use start::StartKind;
pub use task::{Daemon, DaemonOptions};
