//! A reload that is undone unless it is confirmed in time.

use std::sync::Arc;
use std::time::Duration;

use margay_config::{Config, ConfigText};
use tokio::time::{Instant, sleep_until};
use tracing::{error, info};

use super::Daemon;

/// What a reload changed from, until it is confirmed.
pub(super) struct UnconfirmedReload {
    former: Arc<Config>,
    former_files: Vec<ConfigText>,
    deadline: Instant,
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

impl Daemon {
    /// Keeps what is in force, to come back to it after `time`. Where an earlier reload waits to be confirmed, what was in
    /// force before that is kept.
    pub(super) fn await_confirmation(&mut self, time: Duration) {
        let deadline = Instant::now() + time;
        match &mut self.unconfirmed {
            Some(earlier) => earlier.deadline = deadline,
            None => {
                let (former, former_files) = (Arc::clone(&self.config), self.files.clone());
                self.unconfirmed = Some(UnconfirmedReload { former, former_files, deadline });
            }
        }
    }

    /// Keeps what the last reload changed. Returns the time that was left; `None` if nothing waits to be confirmed.
    pub(super) fn confirm_reload(&mut self) -> Option<Duration> {
        let confirmed = self.unconfirmed.take()?;
        info!("the last reload is confirmed");
        Some(confirmed.time_left())
    }

    /// Goes back to the configuration before the reload that was not confirmed.
    pub(super) async fn undo_reload(&mut self) {
        let Some(UnconfirmedReload { former, former_files, .. }) = self.unconfirmed.take() else { return };
        error!("the last reload is undone: it was not confirmed in time; the file is not in force");
        self.files = former_files;
        self.apply(former).await;
    }
}
