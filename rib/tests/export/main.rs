//! What the Rib tells its peers and the forwarding table: any history, and the traps that history tends to hold.

mod history;
mod naive;
mod traps;
mod world;
