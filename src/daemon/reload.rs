//! Reading the configuration again: applies the changes, and leaves everything else alone.

use std::sync::Arc;
use std::time::Duration;

use margay_config::{Config, ConfigDiff, NamedFiles, diff};
use margay_control::{ObjectChangeKind, ReloadQuery, ReloadReport};
use tokio::time::Instant;
use tracing::{error, info, warn};

use super::config_files::{LoadedConfig, ReadError, Strictness, read_noting};
use super::report::{Report, file_error, file_errors, left_out_object};
use super::task::Daemon;
use super::unconfirmed::UnconfirmedReload;
use super::{local_routes, options};
use crate::events::EventKind;
use crate::machine::{FilesRead, Machine};

impl Daemon {
    /// Reads the file and applies what changed. Objects with errors go on as they were; a file that cannot be used at all
    /// changes nothing.
    pub(super) async fn reload(&mut self, query: ReloadQuery) -> ReloadReport {
        let strictness = if query.strict { Strictness::Refuse } else { Strictness::LeaveOut };
        let (loaded, read) = self.read_config_apart(strictness).await;
        self.apply_reading(loaded, read, query.confirm_seconds).await
    }

    /// Puts in force what was read, and publishes the result.
    pub(super) async fn apply_reading(
        &mut self,
        loaded: Result<LoadedConfig, ReadError>,
        read: FilesRead,
        confirm_seconds: Option<u64>,
    ) -> ReloadReport {
        let report = self.put_in_force(loaded, read, confirm_seconds).await;
        self.speaker.events.publish(|| EventKind::Reload {
            is_refused: report.is_refused(),
            errors: report.errors.len(),
            changes: report.changes.len(),
        });
        report
    }

    async fn put_in_force(
        &mut self,
        loaded: Result<LoadedConfig, ReadError>,
        read: FilesRead,
        confirm_seconds: Option<u64>,
    ) -> ReloadReport {
        let LoadedConfig { mut config, errors, files, .. } = match loaded {
            Ok(loaded) => loaded,
            Err(error) => {
                self.watch_files(read).await;
                return ReloadReport { errors: file_errors(error), ..ReloadReport::default() };
            }
        };
        config.keep_former(self.config());
        if let Some(seconds) = confirm_seconds {
            self.await_confirmation(Duration::from_secs(seconds));
        }
        self.files.clone_from(&files);
        let report = self.apply(Arc::new(config)).await;
        LoadedConfig {
            config: Config::clone(self.config()),
            errors: errors.clone(),
            files,
            read: read.clone(),
        }
        .log();
        self.watch_files(read).await;
        let left_out = self.config().left_out().iter().map(left_out_object).collect();
        let undone_in_seconds = self.unconfirmed.as_ref().map(|reload| reload.time_left().as_secs());
        ReloadReport {
            errors: errors.into_iter().map(file_error).collect(),
            left_out,
            undone_in_seconds,
            ..report
        }
    }

    /// Reads the file, without waiting for a file system that does not answer for long. Also returns the files that were opened.
    pub(super) async fn read_config_apart(
        &self,
        strictness: Strictness,
    ) -> (Result<LoadedConfig, ReadError>, FilesRead) {
        let file = self.config_file.clone();
        let work = move |machine: &Machine| {
            let mut read = FilesRead::default();
            let loaded = read_noting(machine, &file, NamedFiles::Checked, strictness, &mut read);
            (loaded, read)
        };
        self.machine.apart(work).await.unwrap_or_else(|error| {
            let file = self.config_file.clone();
            let read = FilesRead { files: [file.clone()].into(), ..FilesRead::default() };
            (Err(ReadError::Unreadable { file, error }), read)
        })
    }

    /// [`reload`](Self::reload) where no answer is possible.
    pub(super) async fn reload_and_log(&mut self) {
        let report = self.reload(ReloadQuery::default()).await;
        if !report.is_refused() && report.changes.is_empty() && report.needs_restart.is_empty() {
            info!("the configuration has not changed");
        }
        log_refusal(&report);
    }

    /// Whether a configuration that was read would change nothing.
    pub(super) fn is_in_force(&self, loaded: &LoadedConfig) -> bool {
        let mut config = loaded.config.clone();
        config.keep_former(self.config());
        let mut changes = diff(self.config(), &config);
        self.peers.add_unlisted(&config, &mut changes);
        changes == ConfigDiff::default() && loaded.files == self.files
    }
}

/// Logs that a reload changed nothing because of errors.
pub(super) fn log_refusal(report: &ReloadReport) {
    if report.is_refused() {
        for error in &report.errors {
            error!("{error}");
        }
        error!("the configuration in force stays as it is");
    }
}

impl Daemon {
    /// Puts a configuration in force.
    pub(super) async fn apply(&mut self, config: Arc<Config>) -> ReloadReport {
        let mut changes = diff(self.config(), &config);
        let needs_restart = diff(&self.boot, &config).needs_restart;
        self.peers.add_unlisted(&config, &mut changes);
        if changes.global_changed.contains(&"global.log")
            && let Err(error) = self.log.set_filter(&config.global().log)
        {
            warn!("global.log: {error}; what is logged stays as it is");
        }
        self.config_read = Instant::now();
        self.peers.global = Arc::new(self.peers.global.with_routing_of(config.global()));
        let mut report = Report::default();
        if !changes.global_changed.is_empty() {
            let keys = changes.global_changed.join(", ");
            report.note("global".to_owned(), ObjectChangeKind::Changed, format!("{keys}: sessions kept"));
            self.speaker.ask(options::memory_limit(&self.machine, &self.peers.global)).await;
        }
        self.watch_kernel(&config).await;
        if changes.kernel_export_changed {
            self.speaker.ask(options::forwarding_filter(&config)).await;
            report.note(
                "kernel".to_owned(),
                ObjectChangeKind::Changed,
                "export: routes looked at again".to_owned(),
            );
        }
        if changes.rpki_caches_changed {
            self.rpki.set(config.rpki_caches()).await;
            let text = "other caches are asked; sessions kept".to_owned();
            report.note("rpki_cache".to_owned(), ObjectChangeKind::Changed, text);
        }
        local_routes::apply(&self.speaker, &config, &changes, &mut report).await;
        self.peers.apply(config, changes, &mut report).await;
        for key in &needs_restart {
            warn!(key, "takes effect when margayd is started again");
        }
        let needs_restart = needs_restart.iter().map(ToString::to_string).collect();
        ReloadReport { changes: report.changes, needs_restart, ..ReloadReport::default() }
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
                let (former, former_files) = (Arc::clone(&self.peers.config), self.files.clone());
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
