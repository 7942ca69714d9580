//! Random worlds of objects: histories that lead to them, and verdicts on packets in them.

#![expect(clippy::unwrap_used, reason = "a test that panics has failed")]

mod histories;
mod naive;
mod verdicts;
mod world;
