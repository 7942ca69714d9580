//! A route reflector whose configuration changes every second: only the clients that a change is about notice.

use std::time::{Duration, Instant};

use anyhow::Result;
use bgp_codec::{IpPrefix as _, Ipv4Prefix};

use super::reflection::{Reflection, ReflectionOptions};
use super::reflector_operations::refused;
use super::reflector_stage::{ReflectorStage, measure_complete, measure_sent, reflector};
use super::stage::Stage;
use super::{Scenario, Turn};
use crate::measurement::Measurement;
use crate::reflected::ReflectedRoutes;
use crate::subject::{Direction, Refusal, Subject, Topology};

/// How often the configuration changes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ReloadsOptions {
    pub(crate) changes: usize,
    pub(crate) interval: Duration,
    pub(crate) cluster: ReflectionOptions,
}

/// The scenario with the clients' UPDATEs ready.
pub(crate) struct Reloads {
    options: ReloadsOptions,
    reflection: Reflection,
}

impl Reloads {
    /// Makes the routes and their UPDATEs.
    pub(crate) fn prepare(options: ReloadsOptions) -> Self {
        Self { options, reflection: Reflection::prepare(options.cluster) }
    }
}

impl Scenario for Reloads {
    fn admits(&self, subject: &dyn Subject) -> bool {
        subject.filters_received_routes_again()
    }

    fn play(&self, turn: &Turn<'_>) -> Result<Vec<Measurement>> {
        let clients = self.reflection.routes().clients();
        let mut topology = reflector(clients.to_vec())?;
        let intake = ReflectedRoutes::new(self.reflection.known(), Instant::now());
        Stage::new(turn, &topology, intake)?.perform(|stage| {
            let ids = stage.establish(clients)?;
            stage.rest()?;
            let mut measured = vec![self.reflection.reflect(stage, &ids)?];
            // Each change takes a part of the routes from one client, and gives them back to the one before.
            let refused: Vec<usize> =
                (0..self.options.changes).map(|client| self.refused_to(client)).collect();
            let given_back = refused.iter().rev().skip(1).sum::<usize>();
            let sent = refused.iter().sum::<usize>() + given_back;
            measured.push(measure_sent("a change a second", stage, sent, |stage| {
                self.change(stage, &mut topology)
            })?);
            topology.refusals.clear();
            measured.push(measure_complete("as before", stage, |stage| stage.reload(&topology))?);
            Ok(measured)
        })
    }
}

impl Reloads {
    fn change(&self, stage: &mut ReflectorStage<'_, '_>, topology: &mut Topology) -> Result<()> {
        let started = Instant::now();
        let clients = self.reflection.routes().clients();
        let mut due = started;
        for client in clients.iter().take(self.options.changes) {
            stage.peers_mut().run(due, |_, _| false)?;
            let direction = Direction::Export;
            topology.refusals = vec![Refusal { peer: client.address, direction, within: refused() }];
            stage.reload(topology)?;
            due += self.options.interval;
        }
        Ok(())
    }

    /// Number of the others' routes that a client is refused.
    fn refused_to(&self, client: usize) -> usize {
        let routes = self.reflection.routes();
        let count =
            |prefixes: &[Ipv4Prefix]| prefixes.iter().filter(|&&prefix| refused().contains(prefix)).count();
        count(routes.prefixes()) - count(routes.prefixes_of(client))
    }
}
