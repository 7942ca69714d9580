//! A store in memory with members that lag, and the runs of a follower and of swaps against it.

mod follower_run;
mod store;
mod swap_run;

pub(crate) use follower_run::{Fault, Step, run_history};
pub(crate) use store::Store;
pub(crate) use swap_run::swap_history;
