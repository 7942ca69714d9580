//! Latency: routes of a reflector's clients change at a steady rate, and each change must reach all other
//! clients.

use std::time::{Duration, Instant};

use anyhow::Result;
use bgp_codec::{Nlri, PathAttributes};
use bytes::{Bytes, BytesMut};

use super::reflection::connect;
use super::reflector_stage::{ASN, CLUSTER, reflector};
use super::stage::{End, QUIET, Stage, Start};
use super::{Scenario, Turn};
use crate::flaps::FlapWatch;
use crate::measurement::Measurement;
use crate::peer::PeerId;
use crate::workload::{ClientRoutes, ENCODER, FIRST_MED, SeededRandom, end_of_rib};

/// Number of clients and rate of changes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LatencyOptions {
    pub(crate) clients: usize,
    pub(crate) routes_each: usize,
    /// Interval between changes.
    pub(crate) interval: Duration,
    /// How often each route is withdrawn and advertised again.
    pub(crate) returns: u32,
    pub(crate) seed: u64,
}

/// The scenario with the order of changes fixed.
pub(crate) struct Latency {
    options: LatencyOptions,
    routes: ClientRoutes,
    /// Order in which the routes change, the same in each turn.
    order: Vec<usize>,
}

impl Latency {
    /// Makes the routes and their order.
    pub(crate) fn prepare(options: LatencyOptions) -> Self {
        let mut random = SeededRandom::new(options.seed);
        let LatencyOptions { clients, routes_each, .. } = options;
        let routes = ClientRoutes::generate(clients, routes_each, ASN, CLUSTER, &mut random);
        let mut order: Vec<usize> = (0..routes.prefixes().len()).collect();
        random.shuffle(&mut order);
        Self { options, routes, order }
    }
}

impl Scenario for Latency {
    fn play(&self, turn: &Turn<'_>) -> Result<Vec<Measurement>> {
        let topology = reflector(self.routes.clients().to_vec())?;
        Stage::new(turn, &topology, FlapWatch::new(&self.routes))?.perform(|stage| {
            let (first, others) = self.routes.clients().split_at(1);
            let mut ids = stage.establish(first)?;
            stage.rest()?;
            let sessions = connect(stage, others, &mut ids)?;
            let mut measured = vec![sessions, self.announce_all(stage, &ids)?];
            if measured.iter().all(|measurement| measurement.incomplete.is_none()) {
                measured.push(self.flap(stage, &ids)?);
            }
            Ok(measured)
        })
    }
}

impl Latency {
    fn announce_all(&self, stage: &mut Stage<'_, FlapWatch<'_>>, ids: &[PeerId]) -> Result<Measurement> {
        let start = stage.start()?;
        for place in 0..self.routes.prefixes().len() {
            stage.peers_mut().intake_mut().note_sent(place, Some(FIRST_MED), start.at);
        }
        let is_relay = stage.turn().subject.is_relay();
        for (client, &id) in ids.iter().enumerate() {
            let attributes = self.attributes(is_relay, client, FIRST_MED);
            stage.peers_mut().send(id, self.routes.encode(client, &attributes))?;
            if !is_relay {
                stage.peers_mut().send(id, end_of_rib())?;
            }
        }
        let announced = self.wait_for_all("announce", stage, &start)?;
        stage.rest()?;
        Ok(announced)
    }

    fn flap(&self, stage: &mut Stage<'_, FlapWatch<'_>>, ids: &[PeerId]) -> Result<Measurement> {
        let is_relay = stage.turn().subject.is_relay();
        stage.peers_mut().intake_mut().forget_samples();
        let start = stage.start()?;
        let mut due = start.at;
        for turn in 0..2 * self.options.returns {
            // A route is withdrawn in one turn and advertised in the next, with a new MULTI_EXIT_DISC.
            let med = (turn % 2 == 1).then_some(FIRST_MED + turn);
            for &place in &self.order {
                stage.peers_mut().run(due, |_, _| false)?;
                let client = self.routes.source_of(place);
                let update = self.change(is_relay, place, med);
                stage.peers_mut().intake_mut().note_sent(place, med, Instant::now());
                stage.peers_mut().send(ids[client], update)?;
                due += self.options.interval;
            }
        }
        let mut flapped = self.wait_for_all("flaps", stage, &start)?;
        flapped.latency = stage.peers_mut().intake_mut().latency();
        Ok(flapped)
    }

    /// Runs until all clients have received all changes.
    fn wait_for_all(
        &self,
        phase: &'static str,
        stage: &mut Stage<'_, FlapWatch<'_>>,
        start: &Start,
    ) -> Result<Measurement> {
        let deadline = Instant::now() + stage.turn().timeout;
        stage.peers_mut().run(deadline, |peers, now| {
            let watch = peers.intake();
            let last = watch.last_update().unwrap_or(start.at);
            watch.outstanding() == 0 && now.duration_since(last) >= QUIET
        })?;
        let watch = stage.peers().intake();
        let is_complete = watch.outstanding() == 0;
        let end = End {
            at: if is_complete { watch.last_update().unwrap_or(deadline) } else { deadline },
            longest_silence: Duration::ZERO,
            incomplete: (!is_complete).then(|| {
                let percent = 100 * watch.arrived() / (watch.arrived() + watch.outstanding());
                format!("{percent}% of the changes have arrived")
            }),
        };
        stage.measurement(phase, start, end)
    }

    fn attributes(&self, is_relay: bool, client: usize, med: u32) -> PathAttributes {
        if is_relay { self.routes.reflected(client, med) } else { ClientRoutes::announced(med).build() }
    }

    /// The UPDATE that advertises a route with this MULTI_EXIT_DISC, or withdraws it.
    fn change(&self, is_relay: bool, place: usize, med: Option<u32>) -> Bytes {
        let nlri = [Nlri::new(self.routes.prefixes()[place])];
        let mut out = BytesMut::new();
        match med {
            None => ENCODER.unreach(&mut out, nlri),
            Some(med) => {
                let client = self.routes.source_of(place);
                let attributes = self.attributes(is_relay, client, med);
                let next_hop = ClientRoutes::next_hop(client);
                ENCODER.reach(&mut out, &attributes, next_hop, nlri).expect("the attributes are short");
            }
        }
        out.freeze()
    }
}
