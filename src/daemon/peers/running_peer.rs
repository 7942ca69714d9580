//! A peer that runs, and one that could not be started.

use std::sync::Arc;

use bgp_codec::Prefix;
use margay_config::{Global, Peer, PeerChange};
use tokio::time::Instant;

use super::super::options;
use super::super::request::PeerEntry;
use super::paths::PathMonitoring;
use crate::machine::{Machine, TcpPassword};
use crate::peer::{MessageCounts, PeerHandle, PeerStatus};
use crate::speaker::{PeerKey, PeerSettings};

/// A peer and its task.
pub(super) struct RunningPeer {
    pub(super) key: PeerKey,
    pub(super) config: Arc<Peer>,
    /// The settings that were passed to the speaker.
    pub(super) settings: PeerSettings,
    /// The range of a dynamic peer; `None` for a configured one.
    pub(super) range: Option<Prefix>,
    pub(super) password: Option<TcpPassword>,
    pub(super) path: PathMonitoring,
    pub(super) handle: PeerHandle,
}

impl RunningPeer {
    /// What is shown of it. `held_down` is why its session is kept down.
    pub(super) fn entry(&self, global: &Arc<Global>, held_down: Option<String>) -> PeerEntry {
        PeerEntry {
            key: self.key,
            global: Arc::clone(global),
            config: Arc::clone(&self.config),
            range: self.range,
            status: self.handle.status().borrow().clone(),
            held_down,
            path_error: self.path.error.clone(),
            messages: self.handle.messages(),
        }
    }

    /// Takes a configuration over that needs no new session.
    pub(super) async fn change(&mut self, config: Peer) {
        if config.name != self.config.name {
            self.handle.rename(&config.name).await;
        }
        self.config = Arc::new(config);
    }

    /// The new password, if nothing that needs a new session changes but the password in its file.
    pub(super) fn rotation(&self, machine: &Machine, change: &PeerChange) -> Option<TcpPassword> {
        let rest = PeerChange::between(&change.old, &change.new);
        if self.password.is_none() || rest.is_some_and(|rest| !rest.keeps_session()) {
            return None;
        }
        let password = options::peer_password(machine, &change.new).ok().flatten();
        password.filter(|password| Some(password) != self.password.as_ref())
    }
}

/// A peer of the configuration that could not be started.
pub(super) struct UnstartedPeer {
    pub(super) key: PeerKey,
    pub(super) config: Arc<Peer>,
    /// The reason.
    pub(super) reason: String,
    pub(super) since: Instant,
}

impl UnstartedPeer {
    /// What is shown of it.
    pub(super) fn entry(&self, global: &Arc<Global>) -> PeerEntry {
        PeerEntry {
            key: self.key,
            global: Arc::clone(global),
            config: Arc::clone(&self.config),
            range: None,
            status: PeerStatus::stopped(self.since),
            held_down: Some(format!("not started: {}", self.reason)),
            path_error: None,
            messages: MessageCounts::default(),
        }
    }
}
