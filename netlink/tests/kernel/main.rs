//! The driver at the kernel of a network namespace. Needs root.

mod drift;
mod interference;
mod namespace;
mod overlay;
mod wishes;
