//! Reading the configuration again: applies the changes, and leaves everything else alone.

use margay_config::{Config, ConfigDiff, LeftOut, NamedFiles, Peer, PeerChange, PeerPlace, diff};
use margay_control::{FileError, LeftOutObject, ObjectChange, ObjectChangeKind, ReloadQuery, ReloadReport};
use margay_session::StopReason;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;
use tracing::{error, info, warn};

use super::Daemon;
use super::config_files::{LoadedConfig, ReadError, Strictness, read_noting};
use super::options;
use crate::events::EventKind;
use crate::machine::{FilesRead, Machine};
use crate::speaker::SpeakerRequest;

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
        config.keep_former(&self.config);
        if let Some(seconds) = confirm_seconds {
            self.await_confirmation(Duration::from_secs(seconds));
        }
        self.files.clone_from(&files);
        let report = self.apply(Arc::new(config)).await;
        LoadedConfig {
            config: Config::clone(&self.config),
            errors: errors.clone(),
            files,
            read: read.clone(),
        }
        .log();
        self.watch_files(read).await;
        let left_out = self.config.left_out().iter().map(left_out_object).collect();
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
        config.keep_former(&self.config);
        let mut changes = diff(&self.config, &config);
        self.add_unlisted(&config, &mut changes);
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
        let mut changes = diff(&self.config, &config);
        let needs_restart = diff(&self.boot, &config).needs_restart;
        self.add_unlisted(&config, &mut changes);
        if changes.global_changed.contains(&"global.log")
            && let Err(error) = self.log.set_filter(&config.global().log)
        {
            warn!("global.log: {error}; what is logged stays as it is");
        }
        self.config = config;
        self.config_read = Instant::now();
        self.global = Arc::new(self.global.with_routing_of(self.config.global()));
        let mut report = Report::default();
        if !changes.global_changed.is_empty() {
            let keys = changes.global_changed.join(", ");
            report.note("global".to_owned(), ObjectChangeKind::Changed, format!("{keys}: sessions kept"));
            self.tell_speaker(options::memory_limit(&self.machine, &self.global)).await;
        }
        self.watch_kernel().await;
        if changes.kernel_export_changed {
            self.tell_speaker(options::forwarding_filter(&self.config)).await;
            report.note(
                "kernel".to_owned(),
                ObjectChangeKind::Changed,
                "export: routes looked at again".to_owned(),
            );
        }
        self.apply_networks(&changes, &mut report).await;
        self.apply_static_routes(&changes, &mut report).await;
        self.apply_aggregates(&changes, &mut report).await;
        self.set_default_routes().await;
        let was_dynamic = self.dynamic_among(&changes.peers_added);
        self.apply_dynamic_peers(&changes, &mut report).await;
        self.apply_peers(changes, &was_dynamic, &mut report).await;
        self.forget_absent_peers();
        for key in &needs_restart {
            warn!(key, "takes effect when margayd is started again");
        }
        let needs_restart = needs_restart.iter().map(ToString::to_string).collect();
        ReloadReport { changes: report.changes, needs_restart, ..ReloadReport::default() }
    }

    /// Forgets the operator's settings of peers that are no longer in the file.
    fn forget_absent_peers(&mut self) {
        let Self { config, peers, unstarted, disabled, .. } = self;
        unstarted.retain(|place, _| config.peers().iter().any(|peer| peer.place() == *place));
        disabled.retain(|place, _| peers.contains_key(place) || unstarted.contains_key(place));
    }

    /// Adds changes that do not show in the two configurations: peers that could not be started before, and
    /// passwords that changed in their files.
    fn add_unlisted(&self, config: &Config, changes: &mut ConfigDiff) {
        let configured = |place: &PeerPlace| self.peers.get(place).filter(|peer| peer.range.is_none());
        changes.peers_changed.retain(|change| configured(&change.old.place()).is_some());
        changes.peers_removed.retain(|peer| configured(&peer.place()).is_some());
        for peer in config.peers() {
            let is_listed = changes.peers_changed.iter().any(|change| change.new.place() == peer.place());
            let Some(running) = configured(&peer.place()) else {
                if !is_listed && !changes.peers_added.contains(peer) {
                    changes.peers_added.push(peer.clone());
                }
                continue;
            };
            // If a password cannot be read, the session keeps the former one.
            let password = self.password(peer);
            if !is_listed && password.is_ok_and(|password| password != running.password) {
                changes.peers_changed.push(PeerChange {
                    old: peer.clone(),
                    new: peer.clone(),
                    keys: vec!["password_file"],
                });
            }
        }
    }

    /// The places of these peers whose addresses belong to dynamic ones so far.
    fn dynamic_among(&self, peers: &[Peer]) -> BTreeSet<PeerPlace> {
        let is_dynamic = |place: &PeerPlace| self.is_dynamic_at(place.address);
        peers.iter().map(Peer::place).filter(is_dynamic).collect()
    }

    /// `was_dynamic` are the places of the added peers that were dynamic ones before: their sessions were closed.
    async fn apply_peers(
        &mut self,
        changes: ConfigDiff,
        was_dynamic: &BTreeSet<PeerPlace>,
        report: &mut Report,
    ) {
        let removed = changes.peers_removed.iter().map(Peer::place);
        self.remove_peers(removed, StopReason::PeerDeconfigured).await;
        for peer in &changes.peers_removed {
            report.note(
                format!("peer {}", peer.name),
                ObjectChangeKind::Removed,
                "session closed".to_owned(),
            );
        }
        let (mut kept, mut restarted) = (Vec::new(), Vec::new());
        for change in changes.peers_changed {
            let keeps_session = match self.rotation(&change) {
                Some(password) => self.change_password(change.new.place(), password).await,
                None => change.keeps_session(),
            };
            if keeps_session { kept.push(change) } else { restarted.push(change) }
        }
        let places = restarted.iter().map(|change| change.old.place());
        self.remove_peers(places, StopReason::OtherConfigurationChange).await;
        for change in kept {
            self.change_running_peer(change, report).await;
        }
        self.reconfigure_paths().await;
        // Before new peers announce anything, the speaker knows the clusters that it is not to accept routes from.
        self.reconfigure_peers().await;
        for PeerChange { old, new, keys } in restarted {
            if let Some(message) = self.disabled.remove(&old.place()) {
                self.disabled.insert(new.place(), message);
            }
            let (object, keys) = (format!("peer {}", new.name), keys.join(", "));
            let action = match self.add_peer(new).await {
                Ok(()) => format!("{keys}: session restarted"),
                Err(error) => format!("{keys}: session closed, and not started: {error:#}"),
            };
            report.note(object, ObjectChangeKind::Changed, action);
        }
        for peer in changes.peers_added {
            let object = format!("peer {}", peer.name);
            let closed = was_dynamic.contains(&peer.place());
            let action = match self.add_peer(peer).await {
                Ok(()) if closed => "session of the dynamic peer closed, and restarted".to_owned(),
                Ok(()) => String::new(),
                Err(error) => format!("not started: {error:#}"),
            };
            report.note(object, ObjectChangeKind::Added, action);
        }
    }

    /// Passes the changed settings to the speaker in one request, so that peers with the same settings stay
    /// in one group.
    pub(super) async fn reconfigure_peers(&mut self) {
        let mut changed = Vec::new();
        for peer in self.peers.values_mut() {
            let settings = options::peer_settings(&self.global, &peer.config, self.is_draining);
            if settings != peer.settings {
                peer.settings = settings.clone();
                changed.push((peer.key, settings));
            }
        }
        let rules = options::speaker_rules(&self.global, &self.config);
        self.tell_speaker(SpeakerRequest::Reconfigure(rules, changed)).await;
    }

    async fn apply_dynamic_peers(&mut self, changes: &ConfigDiff, report: &mut Report) {
        self.open_ranges();
        let mut ended = self.revise_dynamic_peers().await;
        let removed =
            changes.dynamic_peers_removed.iter().map(|old| (old.range, ObjectChangeKind::Removed, None));
        let added = changes.dynamic_peers_added.iter().map(|new| (new.range, ObjectChangeKind::Added, None));
        let changed = changes
            .dynamic_peers_changed
            .iter()
            .map(|change| (change.new.range, ObjectChangeKind::Changed, Some(change.keys.join(", "))));
        for (range, kind, keys) in removed.chain(added).chain(changed) {
            let sessions = ended.remove(&range).map(|ended| format!("{ended} sessions closed"));
            let action = keys.into_iter().chain(sessions).collect::<Vec<_>>().join(": ");
            report.note(format!("dynamic peers {range}"), kind, action);
        }
        for (range, ended) in ended {
            info!(%range, ended, "sessions of dynamic peers closed: their range, password or address changed");
        }
    }

    async fn apply_networks(&self, changes: &ConfigDiff, report: &mut Report) {
        for network in &changes.networks_removed {
            self.tell_speaker(SpeakerRequest::StopOriginating(network.prefix)).await;
            report.note(format!("network {}", network.prefix), ObjectChangeKind::Removed, String::new());
        }
        let added = changes.networks_added.iter().map(|network| (network, ObjectChangeKind::Added));
        let changed = changes.networks_changed.iter().map(|network| (network, ObjectChangeKind::Changed));
        for (network, kind) in added.chain(changed) {
            self.tell_speaker(options::originate(network)).await;
            report.note(format!("network {}", network.prefix), kind, String::new());
        }
    }

    async fn apply_static_routes(&self, changes: &ConfigDiff, report: &mut Report) {
        for route in &changes.static_routes_removed {
            self.tell_speaker(SpeakerRequest::SetStatic(route.prefix, None)).await;
            report.note(format!("static {}", route.prefix), ObjectChangeKind::Removed, String::new());
        }
        let added = changes.static_routes_added.iter().map(|route| (route, ObjectChangeKind::Added));
        let changed = changes.static_routes_changed.iter().map(|route| (route, ObjectChangeKind::Changed));
        for (route, kind) in added.chain(changed) {
            self.tell_speaker(options::static_route(route)).await;
            report.note(format!("static {}", route.prefix), kind, String::new());
        }
    }

    async fn apply_aggregates(&self, changes: &ConfigDiff, report: &mut Report) {
        for aggregate in &changes.aggregates_removed {
            self.tell_speaker(SpeakerRequest::SetAggregate(aggregate.prefix, None)).await;
            let name = format!("aggregate {}", aggregate.prefix);
            report.note(name, ObjectChangeKind::Removed, String::new());
        }
        let added = changes.aggregates_added.iter().map(|it| (it, ObjectChangeKind::Added));
        let changed = changes.aggregates_changed.iter().map(|it| (it, ObjectChangeKind::Changed));
        for (aggregate, kind) in added.chain(changed) {
            self.tell_speaker(options::aggregate(aggregate)).await;
            report.note(format!("aggregate {}", aggregate.prefix), kind, String::new());
        }
    }

    /// Applies what needs no new session.
    async fn change_running_peer(&mut self, change: PeerChange, report: &mut Report) {
        let PeerChange { old, new, keys } = change;
        let object = format!("peer {}", new.name);
        if let Some(peer) = self.peers.get_mut(&new.place()) {
            if new.name != old.name {
                peer.handle.rename(&new.name).await;
            }
            peer.config = Arc::new(new);
        }
        let keys = keys.join(", ");
        report.note(object, ObjectChangeKind::Changed, format!("{keys}: session kept"));
    }
}

/// The errors of the file with their positions.
fn file_errors(error: ReadError) -> Vec<FileError> {
    match error {
        ReadError::Wrong(errors) => errors.into_iter().map(file_error).collect(),
        ReadError::Unreadable { file, error } => vec![FileError {
            file: file.display().to_string(),
            line: 1,
            column: 1,
            width: 0,
            excerpt: String::new(),
            excerpt_column: 1,
            text: format!("cannot be read: {error}"),
        }],
    }
}

fn file_error(error: margay_config::ConfigError) -> FileError {
    FileError {
        file: error.file,
        line: error.line,
        column: error.column,
        width: error.width,
        excerpt: error.excerpt,
        excerpt_column: error.excerpt_column,
        text: error.text,
    }
}

/// An object that is left out, for the control API.
pub(crate) fn left_out_object(left_out: &LeftOut) -> LeftOutObject {
    LeftOutObject {
        object: left_out.object.to_string(),
        cause: left_out.cause.clone(),
        is_kept: left_out.is_kept,
    }
}

/// The changes made so far.
#[derive(Default)]
struct Report {
    changes: Vec<ObjectChange>,
}

impl Report {
    fn note(&mut self, object: String, change: ObjectChangeKind, action: String) {
        info!("{object} {change}{}{action}", if action.is_empty() { "" } else { ": " });
        self.changes.push(ObjectChange { object, change, action });
    }
}
