//! Dynamic peers: a router that connects from a configured range becomes a peer, and is forgotten some time after its session.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use bgp_codec::{Notification, Open, Prefix};
use margay_config::{Config, PeerChange, PeerPlace};
use margay_session::{State, StopReason};
use tracing::{debug, error, info};

use super::super::options;
use super::Peers;
use super::ranges::{Departure, Ranges};
use super::running_peer::RunningPeer;
use crate::listener::Newcomer;
use crate::machine::TcpPassword;

impl Peers {
    /// Makes a newcomer a peer, if its OPEN is acceptable and the limit is not reached.
    pub(in crate::daemon) async fn welcome(&mut self, newcomer: Newcomer) {
        let Newcomer { address, open, arrival } = newcomer;
        if self.at(address).next().is_none()
            && let Err(reason) = self.add_dynamic_peer(address, &open).await
        {
            self.ranges.rejections.reject(arrival.stream, reason);
            return;
        }
        let mut present = self.at(address);
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
    fn at(&self, address: IpAddr) -> impl Iterator<Item = &RunningPeer> {
        let first = PeerPlace { port: 0, ..PeerPlace::of_address(address) };
        let from_there = self.running.range(first..);
        from_there.take_while(move |(place, _)| place.address == address).map(|(_, peer)| peer)
    }

    /// Whether the peer at an address is a dynamic one.
    pub(super) fn is_dynamic_at(&self, address: IpAddr) -> bool {
        self.at(address).any(|peer| peer.range.is_some())
    }

    /// # Errors
    ///
    /// It is not added; the error is the NOTIFICATION for it.
    async fn add_dynamic_peer(&mut self, address: IpAddr, open: &Open) -> Result<(), Notification> {
        let config = Arc::clone(&self.config);
        // A reload may have closed the range while the connection waited.
        let dynamic = config.dynamic_peers_at(address).ok_or_else(Notification::connection_rejected)?;
        let peer = dynamic.peer(address);
        if let Some(message) = self.disabled.message(peer.place()) {
            return Err(Notification::administrative_shutdown(message.as_str()));
        }
        options::session_options(&self.global, &peer, self.start.kind).check_open(open).map_err(|error| {
            info!(%address, range = %dynamic.range, "connection rejected: {error}");
            error.notification()
        })?;
        let range = dynamic.range;
        let present = self.running.values().filter(|peer| peer.range == Some(range)).count();
        let password = self.ranges.take_place(address, dynamic, present)?;
        let (place, name) = (peer.place(), peer.name.clone());
        let peer = self.spawn(peer, Some(range), password).await.map_err(|error| {
            error!(peer = name, "not started: {error:#}");
            Notification::connection_rejected()
        })?;
        self.listener.add_newcomer(place, peer.handle.intake());
        peer.handle.start().await;
        self.ranges.await_departure(peer.handle.status(), Departure { place, key: peer.key });
        info!(peer = name, %range, "a dynamic peer");
        self.running.insert(place, peer);
        Ok(())
    }

    /// Removes a dynamic peer that has not come back.
    pub(in crate::daemon) async fn on_departure(&mut self, departure: Departure) {
        let Departure { place, key } = departure;
        let Some(peer) = self.running.get(&place).filter(|peer| peer.key == key) else { return };
        let status = peer.handle.status();
        if status.borrow().state != State::Active {
            // It has just come back.
            self.ranges.await_departure(status, departure);
            return;
        }
        if let Some(range) = peer.range {
            self.ranges.free_place(range);
        }
        let name = peer.config.name.clone();
        self.remove([place], StopReason::PeerDeconfigured).await;
        info!(peer = name, "the dynamic peer is gone");
    }

    /// Ends the sessions of dynamic peers that the configuration no longer allows or whose settings changed:
    /// they may connect again. Returns the number of sessions ended in each range.
    pub(super) async fn revise_dynamic(&mut self) -> BTreeMap<Prefix, usize> {
        let config = Arc::clone(&self.config);
        let mut ended = BTreeMap::new();
        let (mut unwanted, mut changed, mut rotated) = (Vec::new(), Vec::new(), Vec::new());
        for (&place, peer) in &mut self.running {
            let Some(range) = peer.range else { continue };
            let is_disabled = self.disabled.contains(place);
            match revise(&config, place.address, peer, &self.ranges) {
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
        self.remove(unwanted, StopReason::PeerDeconfigured).await;
        self.remove(changed, StopReason::OtherConfigurationChange).await;
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
fn revise(config: &Config, address: IpAddr, peer: &mut RunningPeer, ranges: &Ranges) -> Revision {
    if config.peers().iter().any(|peer| peer.address == address) {
        return Revision::Remove;
    }
    let Some(dynamic) = config.dynamic_peers_at(address) else { return Revision::Remove };
    let Some(of_range) = ranges.password(dynamic.range) else { return Revision::Remove };
    let new = dynamic.peer(address);
    let keeps_session = PeerChange::between(&peer.config, &new).is_none_or(|change| change.keeps_session());
    if !keeps_session {
        return Revision::Restart;
    }
    let password = match (&peer.password, of_range) {
        (former, present) if former == present => None,
        (Some(_), Some(present)) => Some(present.clone()),
        (Some(_), None) | (None, Some(_)) | (None, None) => return Revision::Restart,
    };
    peer.config = Arc::new(new);
    peer.range = Some(dynamic.range);
    password.map_or(Revision::Keep, Revision::ChangePassword)
}
