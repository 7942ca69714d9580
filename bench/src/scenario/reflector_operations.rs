//! A route reflector during operations: all clients request all routes again, half of them get other rules,
//! leave at once and come back.

use std::net::Ipv4Addr;
use std::time::Instant;

use anyhow::Result;
use bgp_codec::{IpPrefix as _, Ipv4Prefix};

use super::reflection::{Reflection, ReflectionOptions};
use super::reflector_stage::{ask_again, measure_complete, measure_sent, reflector};
use super::stage::Stage;
use super::{Scenario, Turn};
use crate::measurement::Measurement;
use crate::reflected::ReflectedRoutes;
use crate::subject::{Direction, Refusal, Subject};

/// The scenario with the clients' UPDATEs ready.
pub(crate) struct ReflectorOperations {
    reflection: Reflection,
}

impl ReflectorOperations {
    /// Makes the routes and their UPDATEs.
    pub(crate) fn prepare(options: ReflectionOptions) -> Self {
        Self { reflection: Reflection::prepare(options) }
    }
}

impl Scenario for ReflectorOperations {
    fn admits(&self, subject: &dyn Subject) -> bool {
        subject.filters_received_routes_again()
    }

    fn play(&self, turn: &Turn<'_>) -> Result<Vec<Measurement>> {
        let routes = self.reflection.routes();
        let clients = routes.clients();
        let mut topology = reflector(clients.to_vec())?;
        let intake = ReflectedRoutes::new(self.reflection.known(), Instant::now());
        Stage::new(turn, &topology, intake)?.perform(|stage| {
            let ids = stage.establish(clients)?;
            stage.rest()?;
            let mut measured = vec![self.reflection.reflect(stage, &ids)?];
            let others = routes.prefixes().len() - routes.routes_each();
            measured.push(measure_sent("refresh", stage, clients.len() * others, |stage| {
                ids.iter().try_for_each(|&id| ask_again(stage, id))
            })?);
            let half = clients.len() / 2;
            let refusal = |client: usize| Refusal {
                peer: clients[client].address,
                direction: Direction::Export,
                within: refused(),
            };
            topology.refusals = (0..half).map(refusal).collect();
            let withdrawn = (0..half).map(|client| self.refused_to(client)).sum();
            measured.push(measure_sent("export of half", stage, withdrawn, |stage| stage.reload(&topology))?);
            topology.refusals.clear();
            measured.push(measure_complete("export as before", stage, |stage| stage.reload(&topology))?);
            let gone = half * routes.routes_each();
            measured.push(measure_sent("half leave", stage, (clients.len() - half) * gone, |stage| {
                ids[..half].iter().for_each(|&id| stage.peers_mut().leave(id));
                Ok(())
            })?);
            measured.push(measure_complete("half come", stage, |stage| {
                ids[..half].iter().for_each(|&id| stage.peers_mut().intake_mut().forget(id));
                stage.establish_again(&ids[..half])?;
                self.reflection.announce(stage, &ids[..half])
            })?);
            Ok(measured)
        })
    }
}

impl ReflectorOperations {
    /// Number of the others' routes that a client is refused.
    fn refused_to(&self, client: usize) -> usize {
        let routes = self.reflection.routes();
        let count =
            |prefixes: &[Ipv4Prefix]| prefixes.iter().filter(|&&prefix| refused().contains(prefix)).count();
        count(routes.prefixes()) - count(routes.prefixes_of(client))
    }
}

/// Some of the routes, of all clients.
pub(super) fn refused() -> Ipv4Prefix {
    Ipv4Prefix::truncating(Ipv4Addr::new(10, 0, 0, 0), 12)
}
