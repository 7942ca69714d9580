//! Dynamic peers: a router that connects from a configured range becomes a peer, and is forgotten some time after its session.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use bgp_codec::{Notification, Open, Prefix};
use margay_config::{Config, DynamicPeers, Peer, PeerChange, PeerPlace};
use margay_session::{State, StopReason};
use tokio::sync::{mpsc, watch};
use tokio::time::timeout;
use tracing::{debug, error, info, warn};

use super::{Daemon, RunningPeer, options};
use crate::listener::Newcomer;
use crate::machine::TcpPassword;
use crate::peer::{PeerStatus, Rejections};
use crate::speaker::PeerKey;

/// The ranges from which peers may connect.
pub(super) struct Ranges {
    /// The ranges that are open.
    open: BTreeMap<Prefix, OpenRange>,
    rejections: Rejections,
    departures: mpsc::Sender<Departure>,
}

/// A range from which connections are accepted.
#[derive(Default)]
struct OpenRange {
    password: Option<TcpPassword>,
    /// Whether it was logged that the limit of peers is reached; further rejections are logged at level
    /// debug.
    is_known_full: bool,
}

/// A dynamic peer has not had a connection for a while.
pub(super) struct Departure {
    place: PeerPlace,
    key: PeerKey,
}

impl Ranges {
    /// Makes an empty set of ranges. Departures are received from the queue.
    pub(super) fn new() -> (Self, mpsc::Receiver<Departure>) {
        let (departures, receiver) = mpsc::channel(DEPARTURES);
        (Self { open: BTreeMap::new(), rejections: Rejections::new(), departures }, receiver)
    }
}

impl Daemon {
    /// Opens the ranges of the configuration with their present passwords, and closes all others.
    pub(super) fn open_ranges(&mut self) {
        let config = Arc::clone(&self.config);
        let closed: Vec<Prefix> = self.ranges.open.keys().copied().collect();
        let is_configured = |range| config.dynamic_peers().iter().any(|dynamic| dynamic.range == range);
        for range in closed.into_iter().filter(|&range| !is_configured(range)) {
            self.close_range(range);
        }
        self.ranges.open.values_mut().for_each(|open| open.is_known_full = false);
        for dynamic in config.dynamic_peers() {
            if let Err(error) = self.open_range(dynamic) {
                // One invalid object does not take down the others.
                error!(range = %dynamic.range, "connections from this range cannot be taken: {error:#}");
                self.close_range(dynamic.range);
            }
        }
    }

    fn open_range(&mut self, dynamic: &DynamicPeers) -> anyhow::Result<()> {
        let file = dynamic.template().password_file.as_deref();
        let password = match (
            file.map(|file| options::read_password(&self.machine, file)).transpose(),
            self.ranges.open.get(&dynamic.range),
        ) {
            (Ok(password), Some(open)) if open.password == password => return Ok(()),
            // If a password cannot be read, sessions keep the former one.
            (Err(error), Some(open)) if open.password.is_some() => {
                warn!(range = %dynamic.range, "the former password stays: {error:#}");
                return Ok(());
            }
            (password, _) => password?,
        };
        self.listener.add_range(dynamic.range, password.as_ref())?;
        self.ranges.open.insert(dynamic.range, OpenRange { password, is_known_full: false });
        Ok(())
    }

    fn close_range(&mut self, range: Prefix) {
        self.ranges.open.remove(&range);
        if let Err(error) = self.listener.remove_range(range) {
            warn!(%range, %error, "the TCP password stays with the listening sockets");
        }
    }

    /// Makes a newcomer a peer, if its OPEN is acceptable and the limit is not reached.
    pub(super) async fn welcome(&mut self, newcomer: Newcomer) {
        let Newcomer { address, open, arrival } = newcomer;
        if self.peers_at(address).next().is_none()
            && let Err(reason) = self.add_dynamic_peer(address, &open).await
        {
            self.ranges.rejections.reject(arrival.stream, reason);
            return;
        }
        let mut present = self.peers_at(address);
        match (present.next(), present.next()) {
            (Some(peer), None) => {
                if let Err(error) = peer.handle.intake().hand_in(arrival) {
                    debug!(%address, "connection refused: {error}");
                }
            }
            // A reload has configured several meanwhile. The next connection finds the right one.
            _ => debug!(%address, "connection refused: its peers have just been configured"),
        }
    }

    /// The running peers at an address.
    fn peers_at(&self, address: IpAddr) -> impl Iterator<Item = &RunningPeer> {
        let first = PeerPlace { port: 0, ..PeerPlace::of_address(address) };
        let from_there = self.peers.range(first..);
        from_there.take_while(move |(place, _)| place.address == address).map(|(_, peer)| peer)
    }

    /// Whether the peer at an address is a dynamic one.
    pub(super) fn is_dynamic_at(&self, address: IpAddr) -> bool {
        self.peers_at(address).any(|peer| peer.range.is_some())
    }

    /// # Errors
    ///
    /// It is not added; the error is the NOTIFICATION for it.
    async fn add_dynamic_peer(&mut self, address: IpAddr, open: &Open) -> Result<(), Notification> {
        let config = Arc::clone(&self.config);
        // A reload may have closed the range while the connection waited.
        let dynamic = config.dynamic_peers_at(address).ok_or_else(Notification::connection_rejected)?;
        let peer = dynamic.peer(address);
        if let Some(message) = self.disabled.get(&peer.place()) {
            return Err(Notification::administrative_shutdown(message.as_str()));
        }
        options::session_options(&self.global, &peer, self.start.kind).check_open(open).map_err(|error| {
            info!(%address, range = %dynamic.range, "connection rejected: {error}");
            error.notification()
        })?;
        let password = self.take_place(address, dynamic)?;
        match self.spawn_dynamic_peer(peer, dynamic.range, password).await {
            true => Ok(()),
            false => Err(Notification::connection_rejected()),
        }
    }

    /// The password of the range, if another peer may be added in it.
    fn take_place(
        &mut self,
        address: IpAddr,
        dynamic: &DynamicPeers,
    ) -> Result<Option<TcpPassword>, Notification> {
        let DynamicPeers { range, limit, .. } = *dynamic;
        let open = self.ranges.open.get_mut(&range).ok_or_else(Notification::connection_rejected)?;
        if self.peers.values().filter(|peer| peer.range == Some(range)).count() < limit as usize {
            return Ok(open.password.clone());
        }
        if open.is_known_full {
            debug!(%address, %range, limit, "connection rejected: the limit of dynamic peers is reached");
        } else {
            open.is_known_full = true;
            warn!(%address, %range, limit, "connection rejected: the limit of dynamic peers is reached; \
                   further ones are logged at level debug");
        }
        Err(Notification::connection_rejected())
    }

    async fn spawn_dynamic_peer(
        &mut self,
        config: Peer,
        range: Prefix,
        password: Option<TcpPassword>,
    ) -> bool {
        let (place, name) = (config.place(), config.name.clone());
        let peer = match self.spawn_peer(config, Some(range), password).await {
            Ok(peer) => peer,
            Err(error) => {
                error!(peer = name, "not started: {error:#}");
                return false;
            }
        };
        self.listener.add_newcomer(place, peer.handle.intake());
        peer.handle.start().await;
        tokio::spawn(await_departure(
            peer.handle.status(),
            Departure { place, key: peer.key },
            self.ranges.departures.clone(),
        ));
        info!(peer = name, %range, "a dynamic peer");
        self.peers.insert(place, peer);
        true
    }

    /// Removes a dynamic peer that has not come back.
    pub(super) async fn on_departure(&mut self, departure: Departure) {
        let Departure { place, key } = departure;
        let Some(peer) = self.peers.get(&place).filter(|peer| peer.key == key) else { return };
        let status = peer.handle.status();
        if status.borrow().state != State::Active {
            // It has just come back.
            let departure = Departure { place, key };
            tokio::spawn(await_departure(status, departure, self.ranges.departures.clone()));
            return;
        }
        if let Some(open) = peer.range.and_then(|range| self.ranges.open.get_mut(&range)) {
            open.is_known_full = false;
        }
        let name = peer.config.name.clone();
        self.remove_peers([place], StopReason::PeerDeconfigured).await;
        info!(peer = name, "the dynamic peer is gone");
    }

    /// Ends the sessions of dynamic peers that the configuration no longer allows or whose settings changed:
    /// they may connect again. Returns the number of sessions ended in each range.
    pub(super) async fn revise_dynamic_peers(&mut self) -> BTreeMap<Prefix, usize> {
        let config = Arc::clone(&self.config);
        let mut ended = BTreeMap::new();
        let (mut unwanted, mut changed, mut rotated) = (Vec::new(), Vec::new(), Vec::new());
        for (&place, peer) in &mut self.peers {
            let Some(range) = peer.range else { continue };
            let is_disabled = self.disabled.contains_key(&place);
            match revise(&config, place.address, peer, &self.ranges.open) {
                Revision::Keep => continue,
                Revision::Remove => unwanted.push(place),
                // It gets its new settings when it is enabled.
                Revision::Restart if is_disabled => continue,
                Revision::Restart => changed.push(place),
                Revision::ChangePassword(password) => {
                    rotated.push((place, range, password));
                    continue;
                }
            }
            *ended.entry(range).or_insert(0) += 1;
        }
        for (place, range, password) in rotated {
            if !self.change_password(place, password).await {
                changed.push(place);
                *ended.entry(range).or_insert(0) += 1;
            }
        }
        self.remove_peers(unwanted, StopReason::PeerDeconfigured).await;
        self.remove_peers(changed, StopReason::OtherConfigurationChange).await;
        ended
    }
}

/// Consequence of a new configuration for a dynamic peer.
enum Revision {
    Keep,
    Remove,
    Restart,
    /// The session stays, with another password.
    ChangePassword(TcpPassword),
}

/// Applies what needs no new session, and returns what else is to be done.
fn revise(
    config: &Config,
    address: IpAddr,
    peer: &mut RunningPeer,
    open: &BTreeMap<Prefix, OpenRange>,
) -> Revision {
    if config.peers().iter().any(|peer| peer.address == address) {
        return Revision::Remove;
    }
    let Some(dynamic) = config.dynamic_peers_at(address) else { return Revision::Remove };
    let Some(range) = open.get(&dynamic.range) else { return Revision::Remove };
    let new = dynamic.peer(address);
    let keeps_session = PeerChange::between(&peer.config, &new).is_none_or(|change| change.keeps_session());
    if !keeps_session {
        return Revision::Restart;
    }
    let password = match (&peer.password, &range.password) {
        (former, present) if former == present => None,
        (Some(_), Some(present)) => Some(present.clone()),
        (Some(_), None) | (None, Some(_)) | (None, None) => return Revision::Restart,
    };
    peer.config = Arc::new(new);
    peer.range = Some(dynamic.range);
    password.map_or(Revision::Keep, Revision::ChangePassword)
}

/// Reports when a passive peer has had no connection for a while. Returns without a report if its task ends
/// before.
async fn await_departure(
    mut status: watch::Receiver<PeerStatus>,
    departure: Departure,
    departures: mpsc::Sender<Departure>,
) {
    loop {
        // After a failure it is Idle at first, possibly with an error that is to be kept.
        if status.wait_for(|status| status.state == State::Active).await.is_err() {
            return;
        }
        match timeout(ABSENCE, status.wait_for(|status| status.state != State::Active)).await {
            Err(_) => break,
            Ok(Ok(_)) => {}
            Ok(Err(_)) => return,
        }
    }
    // The receiver is gone when the daemon is stopping.
    drop(departures.send(departure).await);
}

/// Capacity of the queue of departures. Senders wait while it is full.
const DEPARTURES: usize = 64;

/// Time without a connection after which a dynamic peer is removed.
const ABSENCE: Duration = Duration::from_secs(5);
