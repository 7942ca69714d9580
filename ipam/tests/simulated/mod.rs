//! A store as a value, and an executor that carries out one request at a time.

mod executor;
mod store;

pub(crate) use executor::{Tasks, run};
pub(crate) use store::ModelStore;
