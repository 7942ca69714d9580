//! The mirror above a model of the kernel, for every variant of a few situations.

mod flushed_objects;
mod node;
mod refused_next_hops;
mod silent_losses;
