//! A reload that is undone unless it is confirmed in time.

use std::sync::Arc;
use std::time::Duration;

use margay_config::{Config, ConfigText};
use tokio::time::{Instant, sleep_until};

/// What a reload changed from, until it is confirmed.
pub(super) struct UnconfirmedReload {
    pub(super) former: Arc<Config>,
    pub(super) former_files: Vec<ConfigText>,
    pub(super) deadline: Instant,
}

/// Waits until the reload is to be undone; for ever when there is none.
pub(super) async fn deadline(unconfirmed: Option<&UnconfirmedReload>) {
    match unconfirmed {
        Some(reload) => sleep_until(reload.deadline).await,
        None => std::future::pending().await,
    }
}

impl UnconfirmedReload {
    pub(super) fn time_left(&self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now())
    }
}
