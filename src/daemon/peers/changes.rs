//! Puts changes of the configuration in force for peers, with as few new sessions as possible.

use std::collections::BTreeSet;
use std::sync::Arc;

use margay_config::{Config, ConfigDiff, Peer, PeerChange, PeerPlace};
use margay_control::ObjectChangeKind;
use margay_session::StopReason;
use tracing::{info, warn};

use super::super::options;
use super::super::report::Report;
use super::Peers;
use super::paths::PathMonitoring;
use crate::machine::TcpPassword;
use crate::speaker::SpeakerRequest;

impl Peers {
    /// Adds changes that do not show in the two configurations: peers that could not be started before, and
    /// passwords that changed in their files.
    pub(in crate::daemon) fn add_unlisted(&self, config: &Config, changes: &mut ConfigDiff) {
        let configured = |place: &PeerPlace| self.running.get(place).filter(|peer| peer.range.is_none());
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
            let password = options::peer_password(&self.machine, peer);
            if !is_listed && password.is_ok_and(|password| password != running.password) {
                changes.peers_changed.push(PeerChange {
                    old: peer.clone(),
                    new: peer.clone(),
                    keys: vec!["password_file"],
                });
            }
        }
    }

    /// Puts a configuration in force, which differs from the former one by `changes`.
    pub(in crate::daemon) async fn apply(
        &mut self,
        config: Arc<Config>,
        changes: ConfigDiff,
        report: &mut Report,
    ) {
        self.config = config;
        let added = changes.peers_added.iter().map(Peer::place);
        let was_dynamic: BTreeSet<PeerPlace> =
            added.filter(|place| self.is_dynamic_at(place.address)).collect();
        self.apply_dynamic(&changes, report).await;
        self.apply_configured(changes, &was_dynamic, report).await;
        let Self { config, running, unstarted, disabled, .. } = self;
        unstarted.retain(|place, _| config.peers().iter().any(|peer| peer.place() == *place));
        // What the operator asked of peers that are no longer in the file is forgotten.
        disabled.retain(|place| running.contains_key(&place) || unstarted.contains_key(&place));
    }

    async fn apply_dynamic(&mut self, changes: &ConfigDiff, report: &mut Report) {
        self.ranges.open(&self.config, &mut self.listener);
        let mut ended = self.revise_dynamic().await;
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

    /// `was_dynamic` are the places of the added peers that were dynamic ones before: their sessions were closed.
    async fn apply_configured(
        &mut self,
        changes: ConfigDiff,
        was_dynamic: &BTreeSet<PeerPlace>,
        report: &mut Report,
    ) {
        let removed = changes.peers_removed.iter().map(Peer::place);
        self.remove(removed, StopReason::PeerDeconfigured).await;
        for peer in &changes.peers_removed {
            report.note(
                format!("peer {}", peer.name),
                ObjectChangeKind::Removed,
                "session closed".to_owned(),
            );
        }
        let (mut kept, mut restarted) = (Vec::new(), Vec::new());
        for change in changes.peers_changed {
            let running = self.running.get(&change.new.place());
            let keeps_session = match running.and_then(|peer| peer.rotation(&self.machine, &change)) {
                Some(password) => self.change_password(change.new.place(), password).await,
                None => change.keeps_session(),
            };
            if keeps_session { kept.push(change) } else { restarted.push(change) }
        }
        let places = restarted.iter().map(|change| change.old.place());
        self.remove(places, StopReason::OtherConfigurationChange).await;
        for PeerChange { new, keys, .. } in kept {
            let object = format!("peer {}", new.name);
            if let Some(peer) = self.running.get_mut(&new.place()) {
                peer.change(new).await;
            }
            let action = format!("{}: session kept", keys.join(", "));
            report.note(object, ObjectChangeKind::Changed, action);
        }
        self.reconfigure_paths().await;
        // Before new peers announce anything, the speaker knows the clusters that it is not to accept routes from.
        self.reconfigure().await;
        for PeerChange { old, new, keys } in restarted {
            self.disabled.follow(old.place(), new.place());
            let (object, keys) = (format!("peer {}", new.name), keys.join(", "));
            let action = match self.add(new).await {
                Ok(()) => format!("{keys}: session restarted"),
                Err(error) => format!("{keys}: session closed, and not started: {error:#}"),
            };
            report.note(object, ObjectChangeKind::Changed, action);
        }
        for peer in changes.peers_added {
            let object = format!("peer {}", peer.name);
            let closed = was_dynamic.contains(&peer.place());
            let action = match self.add(peer).await {
                Ok(()) if closed => "session of the dynamic peer closed, and restarted".to_owned(),
                Ok(()) => String::new(),
                Err(error) => format!("not started: {error:#}"),
            };
            report.note(object, ObjectChangeKind::Added, action);
        }
    }

    /// Passes the changed settings to the speaker in one request, so that peers with the same settings stay
    /// in one group.
    pub(super) async fn reconfigure(&mut self) {
        let mut changed = Vec::new();
        for peer in self.running.values_mut() {
            let settings = options::peer_settings(&self.global, &peer.config, self.is_draining);
            if settings != peer.settings {
                peer.settings = settings.clone();
                changed.push((peer.key, settings));
            }
        }
        let rules = options::speaker_rules(&self.global, &self.config);
        self.speaker.ask(SpeakerRequest::Reconfigure(rules, changed)).await;
    }

    /// Passes to the peers how their paths are monitored under the present configuration, where that has changed. Secrets
    /// may have changed in their files.
    async fn reconfigure_paths(&mut self) {
        for peer in self.running.values_mut() {
            let name = &peer.config.name;
            match self.paths.monitor(&self.global, &peer.config) {
                Ok(monitor) => {
                    let options = monitor.as_ref().map(|monitor| monitor.options.clone());
                    if options != peer.path.options {
                        info!(peer = name, "the path is monitored in another way: session kept");
                        peer.handle.monitor(monitor).await;
                    }
                    peer.path = PathMonitoring { options, error: None };
                }
                Err(error) => {
                    warn!(peer = name, "the path is monitored as before: {error:#}");
                    peer.path.error = Some(format!("{error:#}"));
                }
            }
        }
    }

    /// Has a peer's connections, and those that it opens from now on, use another password. Returns whether that was possible.
    ///
    /// A dynamic peer opens connections with the password of its range.
    pub(super) async fn change_password(&mut self, place: PeerPlace, password: TcpPassword) -> bool {
        let Some(peer) = self.running.get_mut(&place) else { return false };
        let of_listener = match peer.range {
            Some(_) => Ok(()),
            None => self.listener.change_password(place.address, &password),
        };
        let changed = match of_listener {
            Ok(()) => peer.handle.change_password(password.clone()).await,
            Err(error) => Err(error),
        };
        match changed {
            Ok(()) => peer.password = Some(password),
            Err(ref error) => warn!(peer = peer.config.name, %error, "the password changes in a new session"),
        }
        changed.is_ok()
    }
}
