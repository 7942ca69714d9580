//! The daemon end to end: in network namespaces, against real kernels and real peers.
//!
//! Needs root, BIRD 2, FRR and GoBGP; `cargo xtask test` sees to them. A failed test prints where its logs are.
#![expect(clippy::unwrap_used, reason = "a test whose lab fails cannot go on")]

#[macro_use]
mod pair;
mod add_path;
mod administration;
mod bfd;
mod bfd_load;
mod bfd_sessions;
mod bird_socket;
mod cluster_node;
mod confederation;
mod control_api;
mod dynamic_peers;
mod examples;
mod extended_next_hop;
mod file_watch;
mod filter_language;
mod filters_differential;
mod forms_of_peering;
mod graceful_restart;
mod herd;
mod kernel;
mod kernel_member;
mod kernel_watch;
mod link_bandwidth;
mod link_local;
mod local_routes;
mod log;
mod looking_glass;
mod maintenance;
mod malformed;
mod memory_guard;
mod mesh_to_reflector;
mod metrics;
mod mrt;
mod one_address;
mod own_addresses;
mod password_rotation;
mod prefix_limit;
mod raw_speaker;
mod raw_table;
mod recording;
mod reflection;
mod reflection_differential;
mod reflector_restart;
mod reload;
mod reload_in_place;
mod restart_matrix;
mod restart_scene;
mod restart_window;
mod roles;
mod route_client;
mod route_refresh;
mod routes;
mod schema;
mod session;
mod shutdown;
mod slow_readers;
mod standstill;
mod static_routes;
mod top;
mod two_hops;
mod wire;
mod without_filters;
