//! A cold start: nodes that announce their blocks through a pair of reflectors start at the same time.

use std::time::Duration;

use anyhow::{Result, bail};
use margay::machine::QueueSizes;
use margay::speaker::{PeerSelection, RoutesQuestion};
use margay_rib::PagePosition;

use crate::blocks::{BLOCKS, prefix};
use crate::machine::Pace;
use crate::network::Observation;
use crate::plan::{NodeId, NodePlan, PeerPlan, RestartPlan, ipv4_of};
use crate::random::Random;
use crate::trace;
use crate::world::World;

/// The costs of a cold start.
#[derive(Clone, Copy, Debug, Default)]
pub struct ColdStart {
    /// The number of nodes, not counting the reflectors.
    pub nodes: usize,
    /// Number of messages sent.
    pub messages: u64,
    /// Number of UPDATEs among them.
    pub updates: u64,
    /// Number of octets sent.
    pub octets: u64,
    /// When the last UPDATE had arrived.
    pub virtual_time: Duration,
    /// How often one reflector advertised one route to one client, at most.
    pub most_advertisements: u8,
}

/// Starts `nodes` nodes of [`BLOCKS`] blocks each and two reflectors, and waits until every node has every
/// block.
///
/// # Errors
///
/// They do not reach that state.
pub fn cold_start(nodes: usize, seed: u64) -> Result<ColdStart> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build()?;
    let result = runtime.block_on(start(nodes, seed));
    let faults = trace::end();
    if !faults.is_empty() {
        bail!("{}", faults.join("; "));
    }
    result
}

async fn start(nodes: usize, seed: u64) -> Result<ColdStart> {
    let world = started(nodes, seed, None).await?;
    let traffic = world.network.traffic();
    Ok(ColdStart {
        nodes,
        messages: traffic.messages,
        updates: traffic.updates,
        octets: traffic.octets,
        virtual_time: traffic.last_update,
        most_advertisements: traffic.most_advertisements(),
    })
}

/// The reflectors come first, then the nodes. Every node has every block.
pub(crate) async fn started(nodes: usize, seed: u64, restart: Option<RestartPlan>) -> Result<World> {
    let pace = Pace { steps: 1000, step_microseconds: 20, queues: QueueSizes::USUAL };
    // One further block may be announced later.
    let observation = Observation { advertisements: Some(nodes * BLOCKS + 1), ..Observation::default() };
    let mut random = Random::new(seed);
    let mut world = World::at_pace(plans(nodes, restart), &random.fork(1), observation, |_| pace);
    for node in 0..world.nodes.len() {
        tokio::time::sleep(random.milliseconds(0..=1)).await;
        world.boot(node).await?;
    }
    world.wait_for_quiet().await?;
    for node in 0..world.nodes.len() {
        let known = best_routes(&world, node).await?;
        if known != nodes * BLOCKS {
            bail!("n{node} has {known} of {} blocks", nodes * BLOCKS);
        }
    }
    Ok(world)
}

fn plans(nodes: usize, restart: Option<RestartPlan>) -> Vec<NodePlan> {
    let mut plans: Vec<NodePlan> = (0..nodes + REFLECTORS).map(|id| NodePlan::new(id, ASN)).collect();
    let peer = |node: NodeId| PeerPlan { hold_time: 90, restart, ..PeerPlan::new(node, ASN) };
    for reflector in 0..REFLECTORS {
        plans[reflector].has_kernel = false;
        plans[reflector].cluster_id = Some(ipv4_of(0));
        plans[reflector].peers.push(peer(1 - reflector));
        for client in REFLECTORS..nodes + REFLECTORS {
            plans[reflector].peers.push(PeerPlan { is_client: true, passive: true, ..peer(client) });
            plans[client].peers.push(peer(reflector));
        }
    }
    for (number, client) in (REFLECTORS..nodes + REFLECTORS).enumerate() {
        plans[client].networks.extend((0..BLOCKS).map(|block| prefix(number * BLOCKS + block)));
    }
    plans
}

async fn best_routes(world: &World, node: NodeId) -> Result<usize> {
    let question = RoutesQuestion {
        destination: None,
        selection: PeerSelection::Best,
        family: bgp_codec::Family::IPV4_UNICAST,
        position: PagePosition::default(),
        limit: 1000,
        filter: None,
    };
    Ok(world.nodes[node].routes(question).await?.len())
}

/// Number of reflectors.
pub(crate) const REFLECTORS: usize = 2;
const ASN: u32 = 64512;
