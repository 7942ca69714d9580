//! Exports of the Rib to peers and the forwarding table: random histories, and single cases that histories
//! rarely hit.

mod add_path;
mod aggregates;
mod as_path_checks;
mod by_hand;
mod cast;
mod coverage;
mod covering;
mod crowds;
mod draining;
mod dump;
mod filters;
mod history;
mod hold_back;
mod limits;
mod link_local;
mod naive;
mod own_routes;
mod reconfiguration;
mod resumption;
mod staleness;
mod static_routes;
mod traps;
mod without_filters;
mod world;
