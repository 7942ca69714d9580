//! A route reflector with one client's full table: all other clients connect at once, request it again, half
//! of them leave and come back, and then the table is withdrawn.

use std::borrow::Cow;
use std::net::Ipv4Addr;
use std::time::Instant;

use anyhow::Result;
use bgp_codec::{Asn, BgpIdentifier, NextHop};
use bytes::Bytes;

use super::reflection::ReflectionOptions;
use super::reflector_stage::{
    ASN, CLUSTER, ReflectorStage, ask_again, measure_complete, measure_sent, reflector,
};
use super::stage::Stage;
use super::{Scenario, Turn};
use crate::measurement::Measurement;
use crate::peer::{PeerId, PeerSettings};
use crate::reflected::{KnownRoutes, ReflectedRoutes};
use crate::subject::Subject;
use crate::workload::{AttributeSets, ClientRoutes, FIRST_MED, RouteTable, SeededRandom, end_of_rib};

/// How large the table is, and what the other clients are.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ReflectorTableOptions {
    pub(crate) prefixes: usize,
    pub(crate) attribute_sets: usize,
    /// The clients in addition to the one with the table, and the seed.
    pub(crate) others: ReflectionOptions,
}

/// The scenario with all UPDATEs encoded.
pub(crate) struct ReflectorTable {
    /// The client with the table first.
    clients: Vec<PeerSettings>,
    announcements: Vec<Bytes>,
    known: KnownRoutes,
    table_routes: usize,
    routes_each: usize,
}

impl ReflectorTable {
    /// Makes the table, the others' routes and their UPDATEs.
    pub(crate) fn prepare(options: ReflectorTableOptions) -> Self {
        let ReflectorTableOptions { prefixes, attribute_sets, others } = options;
        let ReflectionOptions { clients, routes_each, seed } = others;
        let mut random = SeededRandom::new(seed);
        let table = RouteTable::generate(prefixes, attribute_sets, &mut random);
        let sets = AttributeSets::generate(attribute_sets, UPSTREAM, &mut random).internal(LOCAL_PREF);
        let routes = ClientRoutes::generate(clients, routes_each, ASN, CLUSTER, &mut random);

        let originator = BgpIdentifier::try_from(FEED.address).expect("it is not 0.0.0.0");
        let reflected = sets.reflected(originator, CLUSTER);
        let mut known = KnownRoutes::default();
        let groups = table.groups().iter().map(Vec::as_slice);
        known.add_client(FEED_NEXT_HOP, groups.zip(reflected.as_slice().iter().cloned()));
        known.add_clients(&routes);

        let announced = ClientRoutes::announced(FIRST_MED).build();
        let of_clients = (0..clients).map(|client| routes.encode(client, &announced));
        let all = std::iter::once(table.encode(sets.as_slice(), FEED_NEXT_HOP)).chain(of_clients);
        Self {
            announcements: all.map(|octets| [octets, end_of_rib()].concat().into()).collect(),
            clients: [&[FEED], routes.clients()].concat(),
            known,
            table_routes: prefixes,
            routes_each,
        }
    }
}

impl Scenario for ReflectorTable {
    /// A bare relay does not send earlier octets to peers that connect later.
    fn admits(&self, subject: &dyn Subject) -> bool {
        !subject.is_relay()
    }

    fn play(&self, turn: &Turn<'_>) -> Result<Vec<Measurement>> {
        let topology = reflector(self.clients.clone())?;
        let intake = ReflectedRoutes::new(&self.known, Instant::now());
        Stage::new(turn, &topology, intake)?.perform(|stage| {
            let mut ids = stage.establish(&self.clients[..2])?;
            stage.rest()?;
            let mut measured = vec![self.announce(stage, &ids)?];
            if is_complete(&measured) {
                measured.push(self.all_come(stage, &mut ids)?);
            }
            for phase in [Self::refresh, Self::half_leave, Self::half_come, Self::table_goes] {
                if is_complete(&measured) {
                    measured.push(phase(self, stage, &ids)?);
                }
            }
            Ok(measured)
        })
    }
}

impl ReflectorTable {
    /// Announces the table, while one other client is connected.
    fn announce(&self, stage: &mut ReflectorStage<'_, '_>, ids: &[PeerId]) -> Result<Measurement> {
        measure_sent("announce", stage, self.table_routes + self.routes_each, |stage| {
            self.announce_own(stage, ids)
        })
    }

    /// Connects all other clients, as fast as possible; each has routes of its own.
    fn all_come(&self, stage: &mut ReflectorStage<'_, '_>, ids: &mut Vec<PeerId>) -> Result<Measurement> {
        measure_complete("all come", stage, |stage| {
            for newcomers in self.clients[2..].chunks(AT_ONCE) {
                let newcomers = stage.establish(newcomers)?;
                ids.extend_from_slice(&newcomers);
                self.announce_own(stage, &newcomers)?;
            }
            Ok(())
        })
    }

    fn refresh(&self, stage: &mut ReflectorStage<'_, '_>, ids: &[PeerId]) -> Result<Measurement> {
        measure_sent("refresh", stage, self.known.count_to_receive(), |stage| {
            ids.iter().try_for_each(|&id| ask_again(stage, id))
        })
    }

    fn half_leave(&self, stage: &mut ReflectorStage<'_, '_>, ids: &[PeerId]) -> Result<Measurement> {
        let half = second_half(ids);
        let withdrawn = (ids.len() - half.len()) * half.len() * self.routes_each;
        measure_sent("half leave", stage, withdrawn, |stage| {
            half.iter().for_each(|&id| stage.peers_mut().leave(id));
            Ok(())
        })
    }

    fn half_come(&self, stage: &mut ReflectorStage<'_, '_>, ids: &[PeerId]) -> Result<Measurement> {
        measure_complete("half come", stage, |stage| {
            let half = second_half(ids);
            half.iter().for_each(|&id| stage.peers_mut().intake_mut().forget(id));
            half.chunks(AT_ONCE).try_for_each(|newcomers| {
                stage.establish_again(newcomers)?;
                self.announce_own(stage, newcomers)
            })
        })
    }

    fn table_goes(&self, stage: &mut ReflectorStage<'_, '_>, ids: &[PeerId]) -> Result<Measurement> {
        measure_sent("table goes", stage, (ids.len() - 1) * self.table_routes, |stage| {
            stage.peers_mut().leave(ids[0]);
            Ok(())
        })
    }

    fn announce_own(&self, stage: &mut ReflectorStage<'_, '_>, ids: &[PeerId]) -> Result<()> {
        ids.iter().try_for_each(|&id| stage.peers_mut().send(id, self.announcements[id.index()].clone()))
    }
}

fn is_complete(measured: &[Measurement]) -> bool {
    measured.iter().all(|measurement| measurement.incomplete.is_none())
}

/// Without the client with the table, which is the first.
fn second_half(ids: &[PeerId]) -> &[PeerId] {
    &ids[ids.len().div_ceil(2)..]
}

/// Clients that connect before they announce.
const AT_ONCE: usize = 10;

const LOCAL_PREF: u32 = 100;

/// The external peer of the client with the table.
const UPSTREAM: Asn = Asn(65001);

const FEED: PeerSettings =
    PeerSettings { name: Cow::Borrowed("feed"), address: Ipv4Addr::new(127, 0, 1, 1), asn: ASN };
const FEED_NEXT_HOP: NextHop = NextHop::Ipv4(Ipv4Addr::new(198, 51, 100, 1));
