//! A stage whose receivers' routes are recorded, and checked after the measurement.

use std::borrow::Cow;
use std::rc::Rc;
use std::time::Instant;

use anyhow::{Context as _, Result};
use bgp_codec::{Family, RouteRefresh};
use bytes::BytesMut;

use super::Turn;
use super::stage::{End, QUIET, Stage, Start};
use crate::adj_rib_in::AdjRibIn;
use crate::expectation::Expectation;
use crate::measurement::Measurement;
use crate::peer::{Pause, PeerId, PeerSettings, Peers, Received, Recorder};
use crate::subject::Topology;
use crate::workload::end_of_rib;

/// One daemon, its peers, and those of them whose routes are checked.
pub(super) struct TableStage<'a> {
    stage: Stage<'a, Recorder>,
    receivers: Vec<Receiver>,
}

/// A peer whose routes are checked.
struct Receiver {
    id: PeerId,
    name: Cow<'static, str>,
    rib: AdjRibIn,
    /// Routes received before the phase.
    routes_before: usize,
    /// Lower bound of the routes to be received in the phase.
    outstanding: usize,
}

impl<'a> TableStage<'a> {
    /// Starts the daemon and runs `work`.
    ///
    /// # Errors
    ///
    /// The daemon cannot be started, or those of `work`.
    pub(super) fn play<T>(
        turn: &'a Turn<'a>,
        topology: &Topology,
        work: impl FnOnce(&mut Self) -> Result<T>,
    ) -> Result<T> {
        let stage = Stage::new(turn, topology, Recorder::default())?;
        let mut table_stage = Self { stage, receivers: Vec::new() };
        let outcome = work(&mut table_stage);
        table_stage.stage.perform(|_| outcome)
    }

    pub(super) fn peers(&mut self) -> &mut Peers<Recorder> {
        self.stage.peers_mut()
    }

    /// Connects a peer that only sends.
    ///
    /// # Errors
    ///
    /// Its session does not come up.
    pub(super) fn add_feed(&mut self, settings: &PeerSettings) -> Result<PeerId> {
        let ids = self.stage.establish(std::slice::from_ref(settings))?;
        ids.first().copied().context("one peer came")
    }

    /// Connects a peer without routes that must end with these.
    ///
    /// # Errors
    ///
    /// Its session does not come up.
    pub(super) fn add_receiver(&mut self, settings: &PeerSettings, expected: &Rc<Expectation>) -> Result<()> {
        let id = self.add_feed(settings)?;
        if !self.stage.turn().subject.is_relay() {
            self.peers().send(id, end_of_rib())?;
        }
        let rib = AdjRibIn::new(Rc::clone(expected));
        let outstanding = rib.outstanding();
        let name = settings.name.clone();
        self.receivers.push(Receiver { id, name, rib, routes_before: 0, outstanding });
        Ok(())
    }

    /// Closes a receiver's connection, and stops checking it.
    pub(super) fn remove_receiver(&mut self, name: &str) {
        for receiver in self.receivers.extract_if(.., |receiver| receiver.name == name) {
            self.stage.peers_mut().leave(receiver.id);
        }
    }

    /// All receivers request a route refresh (RFC 2918), and forget their routes.
    ///
    /// # Errors
    ///
    /// A session is lost.
    pub(super) fn refresh_all(&mut self) -> Result<()> {
        let mut request = BytesMut::new();
        let family = Family::IPV4_UNICAST;
        RouteRefresh { family, subtype: RouteRefresh::REQUEST }.encode(&mut request);
        let request = request.freeze();
        for receiver in &mut self.receivers {
            receiver.rib.forget(self.stage.peers().intake().received(receiver.id));
            receiver.outstanding = receiver.rib.outstanding();
            self.stage.peers_mut().send(receiver.id, request.clone())?;
        }
        Ok(())
    }

    /// Sets the routes that a receiver must end with.
    pub(super) fn expect(&mut self, name: &str, expected: &Rc<Expectation>) {
        let peers = self.stage.peers();
        let named = self.receivers.iter_mut().filter(|receiver| receiver.name == name);
        named.for_each(|receiver| receiver.expect(expected, peers));
    }

    /// Changes the daemon's configuration.
    ///
    /// # Errors
    ///
    /// The daemon refuses it.
    pub(super) fn reload(&self, topology: &Topology) -> Result<()> {
        self.stage.reload(topology)
    }

    /// Waits until the daemon is idle.
    ///
    /// # Errors
    ///
    /// A session is lost.
    pub(super) fn rest(&mut self) -> Result<()> {
        self.stage.rest()
    }

    /// Measures the time from `start` until every receiver holds exactly the expected routes, and the growth
    /// of the daemon's memory for each of `paths` new paths.
    ///
    /// # Errors
    ///
    /// A session is lost, or a receiver gets something other than UPDATEs.
    pub(super) fn measure(
        &mut self,
        phase: &'static str,
        expected: &Rc<Expectation>,
        paths: Option<usize>,
        start: impl FnOnce(&mut Self) -> Result<()>,
    ) -> Result<Measurement> {
        for receiver in &mut self.receivers {
            receiver.expect(expected, self.stage.peers());
        }
        let started = self.stage.start()?;
        start(self).with_context(|| phase)?;
        let end = self.wait_for_receivers(&started).with_context(|| phase)?;
        let mut measurement = self.stage.measurement(phase, &started, end)?;
        if let Some(count) = paths {
            measurement.memory_each = Some(self.stage.memory_each("path", count, &started)?);
        }
        Ok(measurement)
    }

    fn received(&self, id: PeerId) -> &Received {
        self.stage.peers().intake().received(id)
    }

    fn wait_for_receivers(&mut self, started: &Start) -> Result<End> {
        let deadline = started.at + self.stage.turn().timeout;
        loop {
            let pause = self.wait_for_quiet(deadline)?;
            for receiver in &mut self.receivers {
                let received = self.stage.peers().intake().received(receiver.id);
                receiver.rib.replay(received).with_context(|| receiver.name.clone())?;
            }
            let completed = |receiver: &Receiver| {
                let at = receiver.rib.completed(self.received(receiver.id), started.at)?;
                Some((at, receiver.id))
            };
            let all: Option<Vec<(Instant, PeerId)>> = self.receivers.iter().map(completed).collect();
            if let Some(all) = all {
                let (at, last) = all.into_iter().max().context("no receiver")?;
                let longest_silence = self.received(last).longest_silence(started.at, at);
                return Ok(End { at, longest_silence, incomplete: None });
            }
            if pause == Pause::Deadline {
                let silence =
                    |receiver: &Receiver| self.received(receiver.id).longest_silence(started.at, deadline);
                let longest_silence = self.receivers.iter().map(silence).max().unwrap_or_default();
                return Ok(End { at: deadline, longest_silence, incomplete: Some(self.differences()) });
            }
        }
    }

    /// Runs until every receiver has received the expected number of routes, and then nothing more for a
    /// while.
    fn wait_for_quiet(&mut self, deadline: Instant) -> Result<Pause> {
        let checked: Vec<usize> = self.receivers.iter().map(|receiver| receiver.rib.replayed()).collect();
        let incomplete = |receiver: &Receiver| receiver.rib.outstanding() > 0;
        let open: Vec<bool> = self.receivers.iter().map(incomplete).collect();
        let receivers = &self.receivers;
        self.stage.peers_mut().run(deadline, |peers, now| {
            receivers.iter().zip(checked.iter().zip(&open)).all(|(receiver, (&checked, &open))| {
                let received = peers.intake().received(receiver.id);
                let enough = received.routes() >= receiver.routes_before + receiver.outstanding;
                let news = !open || received.end() > checked;
                let quiet = received.last_update().is_none_or(|last| now.duration_since(last) >= QUIET);
                enough && news && quiet
            })
        })
    }

    fn differences(&self) -> String {
        let describe = |receiver: &Receiver| {
            let mut lines = vec![format!("{}: {}", receiver.name, receiver.rib.progress())];
            lines.extend(
                receiver.rib.differences(SHOWN_DIFFERENCES).into_iter().map(|line| format!("  {line}")),
            );
            lines.join("\n")
        };
        self.receivers.iter().map(describe).collect::<Vec<_>>().join("\n")
    }
}

impl Receiver {
    fn expect(&mut self, expected: &Rc<Expectation>, peers: &Peers<Recorder>) {
        self.rib.expect(Rc::clone(expected));
        self.outstanding = self.rib.outstanding();
        self.routes_before = peers.intake().received(self.id).routes();
    }
}

const SHOWN_DIFFERENCES: usize = 2;
