//! Restarts of reflectors, while the nodes' routes change.

use std::time::Duration;

use anyhow::{Result, bail};
use tokio::time::sleep;

use crate::blocks::{BLOCKS, prefix};
use crate::cold_start::{REFLECTORS, started};
use crate::network::{Power, TableEnds};
use crate::plan::{RestartPlan, ipv4_of};
use crate::trace;

/// Which reflectors.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Restarting {
    /// One of the pair: nodes still have every route from the other one.
    One,
    /// Both: nodes only have their own routes.
    Both,
}

/// The messages after the reflectors came back.
#[derive(Clone, Copy, Debug)]
pub struct Restart {
    /// How often one route was advertised on one connection, at most.
    pub most_advertisements: u8,
    /// How many routes were withdrawn, on all connections.
    pub withdrawals: usize,
}

/// Makes reflectors of a [cold start](crate::cold_start) lose power and come back after routes were
/// withdrawn, announced and moved from one node to another. In the end every node must hold what follows from
/// the configurations alone.
///
/// # Errors
///
/// A node does not.
pub fn restart(nodes: usize, restarting: Restarting, seed: u64) -> Result<Restart> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build()?;
    let result = runtime.block_on(run(nodes, restarting, seed));
    let faults = trace::end();
    if !faults.is_empty() {
        bail!("{}", faults.join("; "));
    }
    result
}

async fn run(nodes: usize, restarting: Restarting, seed: u64) -> Result<Restart> {
    let mut world = started(nodes, seed, None).await?;
    let reflectors = match restarting {
        Restarting::One => 0..1,
        Restarting::Both => 0..REFLECTORS,
    };
    for reflector in reflectors.clone() {
        world.nodes[reflector].crash(Power::Off).await;
    }
    // The first node loses two blocks, one of which the second node takes over, and the third node gets a new
    // one.
    let changes: [(usize, &[usize], Option<usize>); 3] =
        [(0, &[0, 1], None), (1, &[], Some(1)), (2, &[], Some(nodes * BLOCKS))];
    for (node, gone, new) in changes {
        let node = &mut world.nodes[REFLECTORS + node];
        gone.iter().for_each(|&block| {
            node.plan.networks.remove(&prefix(block));
        });
        node.plan.networks.extend(new.map(prefix));
        node.reload().await?;
    }
    sleep(OUTAGE).await;
    world.network.traffic().count_anew();
    for reflector in reflectors {
        world.boot(reflector).await?;
    }
    world.come_to_rest().await?;
    let traffic = world.network.traffic();
    Ok(Restart { most_advertisements: traffic.most_advertisements(), withdrawals: traffic.withdrawals() })
}

/// Kills a reflector of a [cold start](crate::cold_start) whose peers keep its routes (RFC 4724), and starts it again.
/// Returns when it had the tables of its peers, and when it said that they have its own.
///
/// # Errors
///
/// A node does not hold what follows from the configurations in the end.
pub fn graceful_restart(nodes: usize, seed: u64) -> Result<TableEnds> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build()?;
    let result = runtime.block_on(kill_and_start(nodes, seed));
    let faults = trace::end();
    if !faults.is_empty() {
        bail!("{}", faults.join("; "));
    }
    result
}

async fn kill_and_start(nodes: usize, seed: u64) -> Result<TableEnds> {
    let plan = RestartPlan { restart_time: 120, long_lived: None };
    let mut world = started(nodes, seed, Some(plan)).await?;
    world.nodes[0].crash(Power::On).await;
    world.network.traffic().count_anew();
    sleep(PAUSE).await;
    world.boot(0).await?;
    world.come_to_rest().await?;
    let ends = world.network.traffic().table_ends(ipv4_of(0).into());
    Ok(ends)
}

/// The first attempts of the clients to connect again have failed, and the next ones come four seconds after the start of the reflector,
/// which waits five seconds for them.
const PAUSE: Duration = Duration::from_secs(1);

/// Longer than the hold time, so that no session with the reflectors survives.
const OUTAGE: Duration = Duration::from_secs(100);
