//! What happens to a daemon in a round, a file for each scenario.

mod full;
mod stage;

pub(crate) use full::{Full, FullOptions};
