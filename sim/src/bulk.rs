//! A large table for a peer that reads slowly.

use std::time::Duration;

use anyhow::Result;

use crate::machine::Pace;
use crate::network::Observation;
use crate::plan::{NodePlan, PeerPlan};
use crate::random::Random;
use crate::trace;
use crate::world::World;
use margay::machine::QueueSizes;

/// Two nodes, one of which advertises thousands of prefixes over a slow link. Returns the faults.
#[must_use]
pub fn bulk_for_a_slow_reader(seed: u64) -> Vec<String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    let result = match runtime {
        Ok(runtime) => runtime.block_on(tell_bulk(seed)),
        Err(error) => Err(error.into()),
    };
    let mut faults = trace::end();
    faults.extend(result.err().map(|error| format!("{error:#}")));
    faults
}

async fn tell_bulk(seed: u64) -> Result<()> {
    let mut nodes = [NodePlan::new(0, 64512), NodePlan::new(1, 64512)];
    for number in 0..PREFIXES {
        nodes[0].networks.insert(format!("2001:db8:{number:x}::/64").parse()?);
    }
    nodes[0].peers.push(PeerPlan::new(1, 64512));
    nodes[1].peers.push(PeerPlan::new(0, 64512));
    let pace = Pace { steps: 1000, step_microseconds: 0, queues: QueueSizes::USUAL };
    let mut world = World::at_pace(nodes.to_vec(), &Random::new(seed), Observation::default(), |_| pace);
    world.network.set_bandwidth(0, 1, Some(OCTETS_A_SECOND));
    world.boot(0).await?;
    world.boot(1).await?;
    tokio::time::sleep(TIME).await;
    Ok(())
}

const PREFIXES: u32 = 12_000;

/// A message of the table takes three seconds, all of it twenty.
const OCTETS_A_SECOND: u64 = 6_000;

const TIME: Duration = Duration::from_secs(40);
