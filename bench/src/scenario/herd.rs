//! A thundering herd: all clients of a reflector connect at once after its start, and each announces its
//! routes as soon as its session is up.
//!
//! The last client's prefixes also have a path from every other client, each better than those before it. A
//! reflector that passes paths on immediately advertises many that do not last.

use std::time::Instant;

use anyhow::Result;
use bgp_codec::Nlri;
use bytes::{Bytes, BytesMut};

use super::reflection::ReflectionOptions;
use super::reflector_stage::{ASN, CLUSTER, reflector, wait_for_routes};
use super::stage::Stage;
use super::{Scenario, Turn};
use crate::measurement::Measurement;
use crate::peer::PeerId;
use crate::reflected::{KnownRoutes, ReflectedRoutes};
use crate::subject::Subject;
use crate::workload::{ClientRoutes, ENCODER, FIRST_MED, SeededRandom, end_of_rib};

/// The scenario with the clients' UPDATEs ready.
pub(crate) struct Herd {
    routes: ClientRoutes,
    announcements: Vec<Bytes>,
    known: KnownRoutes,
}

impl Herd {
    /// Makes the routes and their UPDATEs.
    pub(crate) fn prepare(options: ReflectionOptions) -> Self {
        let ReflectionOptions { clients, routes_each, seed } = options;
        let routes = ClientRoutes::generate(clients, routes_each, ASN, CLUSTER, &mut SeededRandom::new(seed));
        let announced = ClientRoutes::announced(FIRST_MED).build();
        let announcement = |client: usize| {
            let own = routes.encode(client, &announced);
            let contested = if client + 1 < clients { contested(&routes, client) } else { Bytes::new() };
            [own, contested, end_of_rib()].concat().into()
        };
        Self {
            announcements: (0..clients).map(announcement).collect(),
            known: KnownRoutes::of_clients(&routes),
            routes,
        }
    }
}

/// A client's paths to the prefixes of the last one: with a LOCAL_PREF below that of the last one, higher for
/// later clients.
fn contested(routes: &ClientRoutes, client: usize) -> Bytes {
    let clients = routes.clients().len();
    let mut builder = ClientRoutes::announced(FIRST_MED);
    let below = u32::try_from(client * LOCAL_PREF_BELOW / clients).expect("a small number");
    builder.local_pref = Some(below);
    let mut out = BytesMut::new();
    let nlri = routes.prefixes_of(clients - 1).iter().copied().map(Nlri::new);
    let next_hop = ClientRoutes::next_hop(client);
    ENCODER.reach(&mut out, &builder.build(), next_hop, nlri).expect("the attributes are short");
    out.freeze()
}

impl Scenario for Herd {
    fn admits(&self, subject: &dyn Subject) -> bool {
        !subject.is_relay()
    }

    fn play(&self, turn: &Turn<'_>) -> Result<Vec<Measurement>> {
        let topology = reflector(self.routes.clients().to_vec())?;
        let intake = ReflectedRoutes::new(&self.known, Instant::now());
        Stage::new(turn, &topology, intake)?.perform(|stage| {
            let mut ids = Vec::new();
            let first = self.come("start", stage, |stage, clients| {
                let newcomers = stage.establish(&self.routes.clients()[clients])?;
                ids.extend_from_slice(&newcomers);
                Ok(newcomers)
            })?;
            if first.incomplete.is_some() {
                return Ok(vec![first]);
            }
            stage.restart(&topology, &ids)?;
            *stage.peers_mut().intake_mut() = ReflectedRoutes::new(&self.known, Instant::now());
            let again = self.come("restart", stage, |stage, clients| {
                stage.establish_again(&ids[clients.clone()])?;
                Ok(ids[clients].to_vec())
            })?;
            Ok(vec![first, again])
        })
    }
}

impl Herd {
    /// Connects all clients, a few at a time; each announces its routes at once. The clock starts with the
    /// daemon.
    fn come(
        &self,
        phase: &'static str,
        stage: &mut Stage<'_, ReflectedRoutes<'_>>,
        mut bring: impl FnMut(&mut Stage<'_, ReflectedRoutes<'_>>, std::ops::Range<usize>) -> Result<Vec<PeerId>>,
    ) -> Result<Measurement> {
        let start = stage.start()?;
        stage.peers_mut().intake_mut().start_clock(start.at);
        for first in (0..self.announcements.len()).step_by(AT_ONCE) {
            let clients = first..(first + AT_ONCE).min(self.announcements.len());
            let ids = bring(stage, clients.clone())?;
            for (id, announcement) in ids.into_iter().zip(&self.announcements[clients]) {
                stage.peers_mut().send(id, announcement.clone())?;
            }
        }
        let end = wait_for_routes(stage, &start)?;
        let sent_each = Some(stage.peers().intake().sent_each());
        Ok(Measurement { sent_each, ..stage.measurement(phase, &start, end)? })
    }
}

/// Clients that connect before they announce.
const AT_ONCE: usize = 10;

/// The last client's LOCAL_PREF.
const LOCAL_PREF_BELOW: usize = 100;
