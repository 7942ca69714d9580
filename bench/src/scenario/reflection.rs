//! A route reflector: clients connect, all announce their routes, and each must receive those of all others.

use std::time::{Duration, Instant};

use anyhow::Result;
use bytes::Bytes;

use super::reflector_stage::{ASN, CLUSTER, reflector, wait_for_routes};
use super::stage::{End, Stage};
use super::{Scenario, Turn};
use crate::measurement::Measurement;
use crate::peer::{Intake, PeerId, PeerSettings};
use crate::reflected::{KnownRoutes, ReflectedRoutes};
use crate::workload::{ClientRoutes, FIRST_MED, SeededRandom, end_of_rib};

/// How large the cluster is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ReflectionOptions {
    pub(crate) clients: usize,
    pub(crate) routes_each: usize,
    pub(crate) seed: u64,
}

/// The scenario with the clients' UPDATEs ready.
pub(crate) struct Reflection {
    routes: ClientRoutes,
    announcements: Vec<Bytes>,
    /// As the other clients must receive them.
    reflected: Vec<Bytes>,
    known: KnownRoutes,
}

impl Reflection {
    /// Makes the routes and their UPDATEs.
    pub(crate) fn prepare(options: ReflectionOptions) -> Self {
        let ReflectionOptions { clients, routes_each, seed } = options;
        let routes = ClientRoutes::generate(clients, routes_each, ASN, CLUSTER, &mut SeededRandom::new(seed));
        let announced = ClientRoutes::announced(FIRST_MED).build();
        Self {
            announcements: (0..clients)
                .map(|client| [routes.encode(client, &announced), end_of_rib()].concat().into())
                .collect(),
            reflected: (0..clients)
                .map(|client| routes.encode(client, &routes.reflected(client, FIRST_MED)))
                .collect(),
            known: KnownRoutes::of_clients(&routes),
            routes,
        }
    }
}

impl Scenario for Reflection {
    fn play(&self, turn: &Turn<'_>) -> Result<Vec<Measurement>> {
        let topology = reflector(self.routes.clients().to_vec())?;
        let intake = ReflectedRoutes::new(&self.known, Instant::now());
        Stage::new(turn, &topology, intake)?.perform(|stage| {
            // The first client waits until the daemon is ready.
            let (first, others) = self.routes.clients().split_at(1);
            let mut ids = stage.establish(first)?;
            stage.rest()?;
            let sessions = connect(stage, others, &mut ids)?;
            stage.rest()?;
            Ok(vec![sessions, self.reflect(stage, &ids)?])
        })
    }
}

impl Reflection {
    pub(super) fn routes(&self) -> &ClientRoutes {
        &self.routes
    }

    pub(super) fn known(&self) -> &KnownRoutes {
        &self.known
    }

    /// The first clients announce all their routes, outside the measurement.
    ///
    /// # Errors
    ///
    /// A client has left.
    pub(super) fn announce(&self, stage: &mut Stage<'_, ReflectedRoutes<'_>>, ids: &[PeerId]) -> Result<()> {
        let is_relay = stage.turn().subject.is_relay();
        let sent = if is_relay { &self.reflected } else { &self.announcements };
        let mut sent = ids.iter().zip(sent);
        sent.try_for_each(|(&id, octets)| stage.peers_mut().send(id, octets.clone()))
    }

    /// All clients announce all their routes.
    ///
    /// # Errors
    ///
    /// A session is lost.
    pub(super) fn reflect(
        &self,
        stage: &mut Stage<'_, ReflectedRoutes<'_>>,
        ids: &[PeerId],
    ) -> Result<Measurement> {
        let start = stage.start()?;
        stage.peers_mut().intake_mut().start_clock(start.at);
        self.announce(stage, ids)?;
        let end = wait_for_routes(stage, &start)?;
        let mut measurement = stage.measurement("reflect", &start, end)?;
        let paths = self.routes.prefixes().len();
        measurement.memory_each = Some(stage.memory_each("path", paths, &start)?);
        Ok(measurement)
    }
}

/// Establishes the sessions of the other clients, and measures time and costs.
///
/// # Errors
///
/// A session does not come up, or another one is lost.
pub(super) fn connect<I: Intake>(
    stage: &mut Stage<'_, I>,
    others: &[PeerSettings],
    ids: &mut Vec<PeerId>,
) -> Result<Measurement> {
    let start = stage.start()?;
    ids.extend(stage.establish(others)?);
    let at = Instant::now();
    stage.rest()?;
    let end = End { at, longest_silence: Duration::ZERO, incomplete: None };
    let mut measurement = stage.measurement("sessions", &start, end)?;
    measurement.memory_each = Some(stage.memory_each("client", others.len(), &start)?);
    Ok(measurement)
}
