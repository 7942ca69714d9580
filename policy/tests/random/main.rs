//! Random worlds of objects: histories that lead to them, verdicts on packets in them, and programs that decide the same.

#![expect(clippy::unwrap_used, reason = "a test that panics has failed")]

mod histories;
mod interpreter;
mod naive;
mod programs;
mod verdicts;
mod world;
