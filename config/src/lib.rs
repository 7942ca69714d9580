//! The operator's file: TOML text to a typed, checked configuration.
//!
//! [`read`] reads a file, and those that it includes, into a [`Config`] in which every default is applied, every name
//! resolved and every peer group merged into its peers. Errors have line, column and what would be right; an object with
//! errors is left out of the configuration. [`parse`] does without further files and without errors.
//! [`diff`] tells two configurations apart object by object. Files, clocks and sockets are the daemon's.

mod add_path;
mod address;
mod aggregate;
mod asn;
mod bfd;
mod config;
mod config_error;
mod control;
mod decision;
mod diff;
mod duration;
mod dynamic_peers;
mod ebgp_without_filters;
mod family;
mod filters;
mod global;
mod graceful_restart;
mod http;
mod include;
mod interface_name;
mod kernel;
mod kernel_import;
mod left_out;
mod local_asn;
mod memory_guard;
mod mrt;
mod name;
mod network;
mod next_hop_mode;
mod password;
mod path;
mod peer;
mod peer_group;
mod peer_identity;
mod peer_place;
mod peer_settings;
mod prefix;
mod prefix_limit;
mod private_asns;
mod remote_asn;
mod report;
mod role;
mod root;
mod schema;
mod section;
mod snippet;
mod sources;
mod static_route;
mod warnings;
mod watch_file;

pub use aggregate::Aggregate;
pub use bfd::{Bfd, BfdAuthentication};
pub use config::{Config, ConfigText, NamedFiles, Reading, parse, read};
pub use config_error::ConfigError;
pub use control::Control;
pub use decision::Decision;
pub use diff::{ConfigDiff, DynamicPeersChange, PeerChange, PeerEffect, diff};
pub use duration::parse as parse_duration;
pub use dynamic_peers::DynamicPeers;
pub use ebgp_without_filters::EbgpWithoutFilters;
pub use global::{Global, LogFormat};
pub use graceful_restart::GracefulRestart;
pub use http::{Http, token_line};
pub use kernel::{Kernel, Onlink};
pub use kernel_import::KernelImport;
pub use left_out::{LeftOut, ObjectName};
pub use local_asn::LocalAsn;
pub use memory_guard::MemoryGuard;
pub use mrt::{Mrt, MrtFiles};
pub use network::{Hold, Network};
pub use next_hop_mode::NextHopMode;
pub use password::password_line;
pub use peer::Peer;
pub use peer_place::PeerPlace;
pub use prefix_limit::{LimitAction, PrefixLimit};
pub use private_asns::PrivateAsns;
pub use remote_asn::RemoteAsn;
pub use schema::schema;
pub use sources::Files;
pub use static_route::{StaticHop, StaticRoute, StaticTarget};
pub use watch_file::WatchFile;
