//! Observation of the traffic of all connections, with the time since the start.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::traffic::Traffic;

/// See the [module](self).
#[derive(Debug)]
pub(super) struct Tap {
    started: Instant,
    traffic: Mutex<Traffic>,
}

impl Tap {
    pub(super) fn new(traffic: Traffic) -> Self {
        Self { started: Instant::now(), traffic: Mutex::new(traffic) }
    }

    /// Time since the tap was made.
    pub(super) fn now(&self) -> Duration {
        self.started.elapsed()
    }

    pub(super) fn traffic(&self) -> MutexGuard<'_, Traffic> {
        self.traffic.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
