//! What the Rib tells its peers and the forwarding table: any history, and the traps that history tends to hold.

mod add_path;
mod by_hand;
mod cast;
mod coverage;
mod covering;
mod crowds;
mod dump;
mod history;
mod hold_back;
mod link_local;
mod naive;
mod own_routes;
mod reconfiguration;
mod resumption;
mod traps;
mod world;
