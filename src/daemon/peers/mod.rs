//! The peers: their configuration in force, their tasks, and those that could not be started.

mod administration;
mod changes;
mod disabled;
mod dynamic;
mod paths;
mod ranges;
mod running_peer;

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::Context;
use bgp_codec::Prefix;
use margay_config::{Config, Global, Peer, PeerPlace};
use margay_session::{State, StopReason};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;
use tokio::time::Instant;
use tracing::{error, warn};

use super::options;
use super::request::PeerEntry;
use super::start::Start;
use crate::listener::{Listener, Newcomer};
use crate::machine::{Machine, TcpPassword};
use crate::mrt_files::UpdateLog;
use crate::peer::{self, PeerOptions};
use crate::speaker::{PeerKey, SpeakerHandle, SpeakerRequest};

use disabled::Disabled;
use paths::Paths;
use ranges::{Departure, Ranges};
use running_peer::{RunningPeer, UnstartedPeer};

/// The peers and what they need: the listener, the ranges of dynamic ones, and what monitors their paths.
pub(super) struct Peers {
    machine: Machine,
    speaker: SpeakerHandle,
    start: Start,
    /// The configuration in force.
    pub(super) config: Arc<Config>,
    /// The `[global]` in force: that of the start, with the reflection and the decision process that the file said last, and with
    /// the host's name.
    pub(super) global: Arc<Global>,
    running: BTreeMap<PeerPlace, RunningPeer>,
    /// The peers of the configuration that could not be started.
    unstarted: BTreeMap<PeerPlace, UnstartedPeer>,
    disabled: Disabled,
    /// All peers are asked to prefer other paths.
    pub(super) is_draining: bool,
    keys: Keys,
    listener: Listener,
    ranges: Ranges,
    pub(super) arrivals: Arrivals,
    pub(super) paths: Paths,
    /// Where what peers send is kept.
    update_log: Option<Arc<UpdateLog>>,
}

/// Newcomers and departures of dynamic peers.
pub(super) struct Arrivals {
    pub(super) newcomers: mpsc::Receiver<Newcomer>,
    pub(super) departures: mpsc::Receiver<Departure>,
}

/// The keys of peers, each given once.
#[derive(Default)]
struct Keys {
    given: u64,
}

impl Keys {
    fn next(&mut self) -> PeerKey {
        let key = PeerKey(self.given);
        self.given += 1;
        key
    }
}

impl Peers {
    /// No peers so far. `listener` refuses connections until there are some.
    pub(super) fn new(
        machine: &Machine,
        config: &Arc<Config>,
        speaker: &SpeakerHandle,
        start: Start,
        listener: (Listener, mpsc::Receiver<Newcomer>),
        update_log: Option<Arc<UpdateLog>>,
    ) -> Self {
        let (listener, newcomers) = listener;
        let (ranges, departures) = Ranges::new(machine);
        Self {
            machine: machine.clone(),
            speaker: speaker.clone(),
            start,
            config: Arc::clone(config),
            global: Arc::new(options::own_global(machine, config)),
            running: BTreeMap::new(),
            unstarted: BTreeMap::new(),
            disabled: Disabled::default(),
            is_draining: false,
            keys: Keys::default(),
            listener,
            ranges,
            arrivals: Arrivals { newcomers, departures },
            paths: Paths::new(machine),
            update_log,
        }
    }

    /// Starts the sessions of the configuration, and accepts connections.
    pub(super) async fn start_all(&mut self) {
        for peer in self.config.peers().to_vec() {
            let name = peer.name.clone();
            if let Err(error) = self.add(peer).await {
                // One invalid object does not take down the others.
                error!(peer = name, "not started: {error:#}");
            }
        }
        self.ranges.open(&self.config, &mut self.listener);
    }

    /// Starts a peer. One that cannot be started is remembered; the next reload tries again.
    async fn add(&mut self, config: Peer) -> anyhow::Result<()> {
        let place = config.place();
        self.unstarted.remove(&place);
        let result = self.start_peer(config.clone()).await;
        if let Err(error) = &result {
            let (reason, since) = (format!("{error:#}"), Instant::now());
            let unstarted = UnstartedPeer { key: self.keys.next(), config: Arc::new(config), reason, since };
            self.unstarted.insert(place, unstarted);
        }
        result
    }

    async fn start_peer(&mut self, config: Peer) -> anyhow::Result<()> {
        let password = options::peer_password(&self.machine, &config)?;
        let place = config.place();
        let peer = self.spawn(config, None, password).await?;
        let listening = self.listener.add_peer(place, peer.password.as_ref(), peer.handle.intake());
        self.running.insert(place, peer);
        if let Err(error) = listening {
            self.remove([place], StopReason::PeerDeconfigured).await;
            return Err(error).with_context(|| format!("connections from {} cannot be taken", place.address));
        }
        if let Some(peer) = self.running.get(&place).filter(|_| !self.disabled.contains(place)) {
            peer.handle.start().await;
        }
        Ok(())
    }

    /// Starts a peer's task, with a stopped session, once the speaker knows the peer.
    async fn spawn(
        &mut self,
        config: Peer,
        range: Option<Prefix>,
        password: Option<TcpPassword>,
    ) -> anyhow::Result<RunningPeer> {
        let key = self.keys.next();
        let (path, monitor) = self.paths.of_new_peer(&self.global, &config);
        let options = options::peer_options(
            &self.machine,
            key,
            &self.global,
            &config,
            password.clone(),
            monitor,
            self.start,
        );
        let (answer, known) = oneshot::channel();
        let settings = options::peer_settings(&self.global, &config, self.is_draining);
        self.speaker.ask(SpeakerRequest::AddPeer(key, settings.clone(), answer)).await;
        known.await.context("bug: the speaker has ended")?;
        let options = PeerOptions { update_log: self.update_log.clone(), ..options };
        let handle = peer::spawn(options, &self.speaker);
        Ok(RunningPeer { key, config: Arc::new(config), settings, range, password, path, handle })
    }

    /// Ends peers concurrently: each may take a while to read its NOTIFICATION.
    async fn remove(&mut self, places: impl IntoIterator<Item = PeerPlace>, reason: StopReason) {
        let mut ending = JoinSet::new();
        for place in places {
            if let Err(error) = self.listener.remove_peer(place) {
                warn!(%place, %error, "the TCP password stays with the listening sockets");
            }
            if let Some(RunningPeer { key, handle, .. }) = self.running.remove(&place) {
                let reason = reason.clone();
                ending.spawn(async move {
                    handle.end(reason).await;
                    key
                });
            }
        }
        while let Some(ended) = ending.join_next().await {
            match ended {
                Ok(key) => self.speaker.ask(SpeakerRequest::RemovePeer(key)).await,
                Err(error) => error!("bug: the end of a peer panicked: {error}"),
            }
        }
    }

    /// All peers, in the order of their places.
    pub(super) fn entries(&self) -> Vec<PeerEntry> {
        let held_down = |peer: &RunningPeer| self.disabled.reason(peer.config.place());
        let running = self.running.values().map(|peer| peer.entry(&self.global, held_down(peer)));
        let unstarted = self.unstarted.values().map(|peer| peer.entry(&self.global));
        let mut entries: Vec<PeerEntry> = running.chain(unstarted).collect();
        entries.sort_by_key(|entry| entry.config.place());
        entries
    }

    /// How many peers there are, and how many of them have an established session.
    pub(super) fn count(&self) -> (usize, usize) {
        let is_established = |peer: &&RunningPeer| peer.handle.status().borrow().state == State::Established;
        let established = self.running.values().filter(is_established).count();
        (self.running.len() + self.unstarted.len(), established)
    }

    /// Closes the listening sockets. What is left ends the peers' sessions.
    pub(super) fn close(self) -> OpenSessions {
        let Self { running, paths, .. } = self;
        OpenSessions { peers: running.into_values().collect(), paths }
    }
}

/// The sessions of a daemon that no longer accepts connections.
pub(super) struct OpenSessions {
    peers: Vec<RunningPeer>,
    paths: Paths,
}

impl OpenSessions {
    /// Ends them, and waits until the remote BFD systems know.
    pub(super) async fn end(self, reason: StopReason) {
        let mut ending = JoinSet::new();
        for peer in self.peers {
            ending.spawn(peer.handle.end(reason.clone()));
        }
        while ending.join_next().await.is_some() {}
        self.paths.settle().await;
    }
}
