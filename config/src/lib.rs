//! The operator's file: TOML text to a typed, checked configuration.
//!
//! [`parse`] reads a whole file and either returns a [`Config`] in which every default is applied, every name resolved
//! and every peer group merged into its peers, or all errors of the file with line, column and what would be right.
//! [`diff`] tells two configurations apart object by object. Files, clocks and sockets are the daemon's.

mod add_path;
mod address;
mod asn;
mod bfd;
mod config;
mod config_error;
mod control;
mod diff;
mod duration;
mod dynamic_peers;
mod filters;
mod global;
mod graceful_restart;
mod kernel;
mod kernel_import;
mod name;
mod network;
mod password;
mod path;
mod peer;
mod peer_settings;
mod prefix;
mod prefix_limit;
mod section;
mod warnings;

pub use bfd::{Bfd, BfdAuthentication};
pub use config::{Config, parse, parse_unchecked, parse_with_files};
pub use config_error::{ConfigError, ReadFile};
pub use control::Control;
pub use diff::{ConfigDiff, DynamicPeersChange, PeerChange, diff};
pub use dynamic_peers::DynamicPeers;
pub use global::Global;
pub use graceful_restart::GracefulRestart;
pub use kernel::{Kernel, Onlink};
pub use kernel_import::KernelImport;
pub use network::{Hold, Network};
pub use password::password_line;
pub use peer::{NextHopMode, Peer};
pub use prefix_limit::PrefixLimit;
