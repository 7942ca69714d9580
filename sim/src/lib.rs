//! Many whole speakers in one thread under virtual time, with faults from a seed.
//!
//! Each node is a margayd without its process: the same tasks, the same loop, the same files. Below them is a
//! [`margay::machine::SimulatedMachine`] instead of the real one, and the clock of a tokio runtime that jumps
//! to the next timer when no task can run. So a run is a function of its seed.

mod absences;
mod bfd;
mod blocks;
mod bulk;
mod check;
mod cold_start;
mod fixpoint;
mod history;
mod kernel;
mod machine;
mod network;
mod node;
mod plan;
mod random;
mod recordings;
mod restart;
mod run;
mod shrink;
mod standstill;
mod topology;
mod trace;
mod watchdog;
mod world;

pub use blocks::BLOCKS;
pub use bulk::bulk_for_a_slow_reader;
pub use cold_start::{ColdStart, cold_start};
pub use network::TableEnds;
pub use restart::{Restart, Restarting, graceful_restart, restart};
pub use run::{Case, Keep, Outcome};
pub use shrink::shrink;
pub use topology::Topology;
