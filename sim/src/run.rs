//! One seed: the network and history drawn from it, the outcome, and reruns with parts left out.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use anyhow::{Context, Result, bail};

use crate::history::{Event, additions, history};
use crate::network::Observation;
use crate::plan::{NodeId, NodePlan};
use crate::random::Random;
use crate::topology::Topology;
use crate::trace;
use crate::world::World;

/// What to run: a seed, and the nodes and events to leave out. Written as one line.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Case {
    /// The kind of network.
    pub topology: Topology,
    /// Determines everything else.
    pub seed: u64,
    /// Nodes that are left out.
    pub without_nodes: BTreeSet<usize>,
    /// Events that are left out.
    pub without_events: BTreeSet<usize>,
}

/// Result of a run.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// Checksum of everything sent over the network, with its times.
    pub checksum: u64,
    /// Number of messages sent.
    pub messages: u64,
    /// Number of UPDATEs among them.
    pub updates: u64,
    /// Number of octets sent.
    pub octets: u64,
    /// The duration in virtual time.
    pub virtual_time: std::time::Duration,
    /// Violated invariants; empty when the run passed.
    pub faults: Vec<String>,
    /// The trace, if it was kept.
    pub lines: Vec<String>,
    /// The capture, if it was kept.
    pub capture: Option<Vec<u8>>,
}

/// What to keep of a run.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Keep {
    /// A line for everything that happens.
    pub lines: bool,
    /// A capture.
    pub capture: bool,
}

impl Case {
    /// The complete case of a seed.
    #[must_use]
    pub fn new(topology: Topology, seed: u64) -> Self {
        Self { topology, seed, without_nodes: BTreeSet::new(), without_events: BTreeSet::new() }
    }

    /// Runs it.
    #[must_use]
    pub fn run(&self, keep: Keep) -> Outcome {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
        let runtime = match runtime {
            Ok(runtime) => runtime,
            Err(error) => return Outcome { faults: vec![error.to_string()], ..Outcome::default() },
        };
        runtime.block_on(self.live(keep))
    }

    /// Numbers of nodes with peers, and of events.
    #[must_use]
    pub fn size(&self) -> [usize; 2] {
        let (nodes, events) = self.draw();
        [nodes.iter().filter(|node| !node.peers.is_empty()).count(), events.len()]
    }

    /// The nodes and the events.
    pub(crate) fn draw(&self) -> (Vec<NodePlan>, Vec<Event>) {
        let random = Random::new(self.seed.wrapping_mul(31).wrapping_add(self.topology as u64));
        let mut nodes = self.topology.nodes(&mut random.fork(11));
        let mut events = history(&nodes, &mut random.fork(12));
        events.extend(additions(&nodes, &mut random.fork(15)));
        for node in &mut nodes {
            let is_left_out = self.without_nodes.contains(&node.id);
            node.peers.retain(|peer| !is_left_out && !self.without_nodes.contains(&peer.node));
        }
        let is_there = |node: &NodeId| !self.without_nodes.contains(node);
        let events = events.into_iter().enumerate().filter(|(number, event)| {
            !self.without_events.contains(number) && event.what.nodes().iter().all(is_there)
        });
        (nodes, events.map(|(_, event)| event).collect())
    }

    async fn live(&self, keep: Keep) -> Outcome {
        let (nodes, events) = self.draw();
        let random = Random::new(self.seed).fork(13);
        let mut world = World::new(
            nodes,
            &random,
            Observation { messages: keep.lines, pcap: keep.capture, advertisements: None },
        );
        for node in &world.nodes {
            trace::line(|| format!("# n{}:\n{}", node.plan.id, node.plan.text()));
        }
        for event in &events {
            trace::line(|| format!("# {event}"));
        }
        let result = run_world(&mut world, &events, &mut random.fork(14)).await;
        let mut faults = trace::end();
        faults.extend(result.err().map(|error| format!("{error:#}")));
        let mut traffic = world.network.traffic();
        Outcome {
            checksum: traffic.checksum(),
            messages: traffic.messages,
            updates: traffic.updates,
            octets: traffic.octets,
            virtual_time: world.network.now(),
            faults,
            lines: trace::take_lines(),
            capture: traffic.take_capture(),
        }
    }
}

async fn run_world(world: &mut World, events: &[Event], random: &mut Random) -> Result<()> {
    for node in 0..world.nodes.len() {
        if !world.nodes[node].plan.peers.is_empty() {
            tokio::time::sleep(random.milliseconds(0..=1_500)).await;
            world.boot(node).await?;
        }
    }
    world.live(events).await?;
    world.come_to_rest().await?;
    world.withdraw_everything().await?;
    world.end().await
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.topology, self.seed)?;
        for (what, without) in [("nodes", &self.without_nodes), ("events", &self.without_events)] {
            if !without.is_empty() {
                let numbers: Vec<String> = without.iter().map(ToString::to_string).collect();
                write!(f, " without-{what} {}", numbers.join(","))?;
            }
        }
        Ok(())
    }
}

impl FromStr for Case {
    type Err = anyhow::Error;

    fn from_str(line: &str) -> Result<Self> {
        let mut words = line.split_whitespace();
        let topology = words.next().context("no topology")?.parse()?;
        let seed = words.next().context("no seed")?.parse().context("the seed is not a number")?;
        let mut case = Self::new(topology, seed);
        while let Some(word) = words.next() {
            let numbers = words.next().with_context(|| format!("no numbers after {word}"))?;
            let numbers: Result<BTreeSet<usize>, _> = numbers.split(',').map(str::parse).collect();
            let numbers = numbers.with_context(|| format!("no numbers after {word}"))?;
            match word {
                "without-nodes" => case.without_nodes = numbers,
                "without-events" => case.without_events = numbers,
                _ => bail!("{word} is neither without-nodes nor without-events"),
            }
        }
        Ok(case)
    }
}
