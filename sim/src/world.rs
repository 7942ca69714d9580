//! A run: nodes, a history, and the invariants at its end.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use margay::machine::QueueSizes;
use margay_session::State;
use tokio::time::{Instant, sleep, sleep_until};

use crate::absences::Absences;
use crate::check::{check_nothing_is_left, check_restart_bits, check_tables, check_what_is_counted, fit};
use crate::fixpoint::fixpoint;
use crate::history::{Event, PeerChange, What};
use crate::machine::Pace;
use crate::network::{Network, Observation, Power, Traffic};
use crate::node::Node;
use crate::plan::{NodeId, NodePlan, PeerPlan};
use crate::random::Random;
use crate::trace;

/// Nodes and the network between them.
pub(crate) struct World {
    pub(crate) network: Arc<Network>,
    pub(crate) nodes: Vec<Node>,
    last_boot: Instant,
}

/// The beginning or the end of an event.
#[derive(Clone, Debug)]
enum Step {
    Begin(What),
    Unblock {
        from: NodeId,
        to: NodeId,
        both_ways: bool,
    },
    FullSpeed {
        from: NodeId,
        to: NodeId,
    },
    Boot(NodeId),
    Thaw(NodeId),
    Join(NodeId, PeerPlan),
    /// The limit of a node for a peer is the former one again.
    Limit(NodeId, NodeId, Option<u64>),
}

impl World {
    /// A world in which no daemon runs yet. To be called within the simulation's runtime.
    pub(crate) fn new(plans: Vec<NodePlan>, random: &Random, observation: Observation) -> Self {
        Self::at_pace(plans, random, observation, pace)
    }

    /// The same, with the processor and memory of each node chosen by `pace`.
    pub(crate) fn at_pace(
        plans: Vec<NodePlan>,
        random: &Random,
        observation: Observation,
        pace: impl Fn(&mut Random) -> Pace,
    ) -> Self {
        trace::begin(observation.messages);
        let network = Network::new(random.fork(1), Traffic::new(observation));
        let mut paces = random.fork(2);
        let nodes = plans.into_iter().map(|plan| {
            let seed = random.fork(1000 + plan.id as u64);
            Node::new(&network, plan, seed, pace(&mut paces))
        });
        Self { nodes: nodes.collect(), network, last_boot: Instant::now() }
    }

    pub(crate) async fn boot(&mut self, node: NodeId) -> Result<()> {
        self.last_boot = Instant::now();
        self.nodes[node].boot().await.with_context(|| format!("n{node}"))
    }

    /// Applies all events.
    pub(crate) async fn live(&mut self, events: &[Event]) -> Result<()> {
        let started = Instant::now();
        for (at, step) in self.steps(events) {
            sleep_until(started + at).await;
            self.take(step).await?;
        }
        Ok(())
    }

    /// Events in the order of their beginnings and ends.
    fn steps(&self, events: &[Event]) -> Vec<(Duration, Step)> {
        let mut steps = Vec::new();
        for Event { at, what } in events {
            steps.push((*at, Step::Begin(what.clone())));
            let end = match what {
                What::Partition { from, to, both_ways, lasts } => {
                    Some((lasts, vec![Step::Unblock { from: *from, to: *to, both_ways: *both_ways }]))
                }
                What::Slow { from, to, lasts, .. } => {
                    Some((lasts, vec![Step::FullSpeed { from: *from, to: *to }]))
                }
                What::Crash { node, lasts, .. } | What::Restart { node, lasts } => {
                    Some((lasts, vec![Step::Boot(*node)]))
                }
                What::Freeze { node, lasts } => Some((lasts, vec![Step::Thaw(*node)])),
                What::Limit { node, peer, lasts } => {
                    let former = self.nodes[*node].plan.peer(*peer).and_then(|peer| peer.limit);
                    Some((lasts, vec![Step::Limit(*node, *peer, former)]))
                }
                What::Separate { one, other, both, lasts } => {
                    let there = self.nodes[*one].plan.peer(*other).cloned();
                    let back = self.nodes[*other].plan.peer(*one).cloned().filter(|_| *both);
                    let there = there.map(|peer| Step::Join(*one, peer));
                    let back = back.map(|peer| Step::Join(*other, peer));
                    Some((lasts, there.into_iter().chain(back).collect()))
                }
                What::Network { .. }
                | What::Reset { .. }
                | What::Stall { .. }
                | What::ClockJump { .. }
                | What::Change { .. }
                | What::Nonsense { .. } => None,
            };
            if let Some((lasts, ends)) = end {
                steps.extend(ends.into_iter().map(|step| (*at + *lasts, step)));
            }
        }
        steps.sort_by_key(|(at, _)| *at);
        steps
    }

    async fn take(&mut self, step: Step) -> Result<()> {
        trace::line(|| format!("## {step:?}"));
        match step {
            Step::Begin(what) => self.begin(what).await?,
            Step::Unblock { from, to, both_ways } => self.set_blocked(from, to, both_ways, false),
            Step::FullSpeed { from, to } => self.network.set_bandwidth(from, to, None),
            Step::Boot(node) => self.boot(node).await?,
            Step::Thaw(node) => self.nodes[node].thaw(),
            Step::Limit(node, peer, limit) => self.limit(node, peer, limit).await?,
            Step::Join(node, peer) => {
                if self.nodes[node].plan.peer(peer.node).is_none() {
                    self.nodes[node].plan.peers.push(peer);
                    self.nodes[node].reload().await?;
                }
            }
        }
        Ok(())
    }

    async fn begin(&mut self, what: What) -> Result<()> {
        match what {
            What::Network { node, prefix } => {
                let networks = &mut self.nodes[node].plan.networks;
                if !networks.remove(&prefix) {
                    networks.insert(prefix);
                }
                self.nodes[node].reload().await?;
            }
            What::Partition { from, to, both_ways, .. } => self.set_blocked(from, to, both_ways, true),
            What::Reset { one, other } => self.network.reset(one, other),
            What::Stall { from, to, lasts } => self.network.stall(from, to, lasts),
            What::Slow { from, to, octets_a_second, .. } => {
                self.network.set_bandwidth(from, to, Some(octets_a_second));
            }
            What::Crash { node, power, .. } => self.nodes[node].crash(power).await,
            What::Restart { node, .. } => {
                self.nodes[node].stop().await?;
                // The system delivers what is still in transit.
                self.network.crash(node, Power::On);
            }
            What::Freeze { node, .. } => self.nodes[node].freeze(),
            What::ClockJump { leap } => {
                let now = self.network.now() + leap;
                self.network.traffic().on_leap(now);
                tokio::time::advance(leap).await;
            }
            What::Separate { one, other, both, .. } => {
                self.forget(one, other).await?;
                if both {
                    self.forget(other, one).await?;
                }
            }
            What::Change { node, peer, change } => self.change(node, peer, change).await?,
            What::Nonsense { node } => self.nodes[node].reload_nonsense().await?,
            What::Limit { node, peer, .. } => self.limit(node, peer, Some(1)).await?,
        }
        Ok(())
    }

    async fn limit(&mut self, node: NodeId, peer: NodeId, limit: Option<u64>) -> Result<()> {
        let Some(peer) = self.nodes[node].plan.peer_mut(peer) else { return Ok(()) };
        peer.limit = limit;
        self.nodes[node].reload().await
    }

    fn set_blocked(&self, from: NodeId, to: NodeId, both_ways: bool, is_blocked: bool) {
        self.network.set_blocked(from, to, is_blocked);
        if both_ways {
            self.network.set_blocked(to, from, is_blocked);
        }
    }

    async fn forget(&mut self, node: NodeId, peer: NodeId) -> Result<()> {
        self.nodes[node].plan.peers.retain(|known| known.node != peer);
        self.nodes[node].reload().await
    }

    async fn change(&mut self, node: NodeId, peer: NodeId, change: PeerChange) -> Result<()> {
        let Some(peer) = self.nodes[node].plan.peer_mut(peer) else { return Ok(()) };
        match change {
            PeerChange::HoldTime(seconds) => peer.hold_time = seconds,
            // A limit counts paths.
            PeerChange::AddPath => peer.add_path = !peer.add_path && peer.limit.is_none(),
            PeerChange::Bfd => peer.has_bfd = !peer.has_bfd,
            PeerChange::ImportWithout(prefix) => peer.import_without = prefix,
            PeerChange::ExportWithout(prefix) => peer.export_without = prefix,
            PeerChange::Prefers(prefers) => peer.prefers = prefers,
        }
        self.nodes[node].reload().await
    }

    /// Ends all faults, waits until the network is quiet, and checks all tables.
    pub(crate) async fn come_to_rest(&mut self) -> Result<()> {
        self.network.heal();
        self.nodes.iter().for_each(Node::thaw);
        for node in 0..self.nodes.len() {
            self.boot_if_planned(node).await?;
        }
        self.wait_for_quiet().await?;
        let plans: Vec<&NodePlan> =
            self.nodes.iter().filter(|node| node.is_running()).map(|node| &node.plan).collect();
        let are_connected = |one: NodeId, other: NodeId| {
            let [one, other] = [&self.nodes[one], &self.nodes[other]];
            one.is_running() && other.is_running() && fit(&one.plan, &other.plan)
        };
        let fixpoint = fixpoint(&plans, are_connected).map_err(anyhow::Error::msg)?;
        check_restart_bits(&self.nodes).await?;
        check_tables(&self.nodes, &fixpoint).await?;
        check_what_is_counted(&self.nodes).await
    }

    /// Withdraws every network and checks that nothing remains.
    pub(crate) async fn withdraw_everything(&mut self) -> Result<()> {
        for node in &mut self.nodes {
            node.plan.networks.clear();
            node.reload().await?;
        }
        self.wait_for_quiet().await?;
        check_nothing_is_left(&self.nodes).await
    }

    /// Stops all daemons and checks that each recording replays to the state its daemon had.
    pub(crate) async fn end(&mut self) -> Result<()> {
        for node in &mut self.nodes {
            let id = node.plan.id;
            node.check_ended_recordings().await.with_context(|| format!("the recordings of n{id}"))?;
        }
        Ok(())
    }

    async fn boot_if_planned(&mut self, node: NodeId) -> Result<()> {
        if self.nodes[node].plan.peers.is_empty() || self.nodes[node].is_running() {
            return Ok(());
        }
        self.boot(node).await
    }

    pub(crate) async fn wait_for_quiet(&self) -> Result<()> {
        let started = Instant::now();
        let mut absences = Absences::seen_every(LOOK);
        // Routes that an earlier daemon left in a kernel stay until the restart window is over.
        let earliest = self.last_boot + RESTART_WINDOW;
        loop {
            sleep(LOOK).await;
            let quiet_for = self.network.now().saturating_sub(self.network.traffic().last_update);
            let down = self.sessions_down().await?;
            let absent = absences.look(&self.nodes).await?;
            if absent == 0 && down.is_empty() && quiet_for >= QUIET && Instant::now() >= earliest {
                return Ok(());
            }
            if started.elapsed() > PATIENCE {
                bail!("no rest after {PATIENCE:?}: last UPDATE {quiet_for:?} ago, down: {}", down.join(", "));
            }
        }
    }

    /// The sessions that should be up and are not.
    async fn sessions_down(&self) -> Result<Vec<String>> {
        let mut down = Vec::new();
        for node in self.nodes.iter().filter(|node| node.is_running()) {
            let entries = node.peers().await?;
            for peer in &node.plan.peers {
                let Some(other) = self.nodes.get(peer.node).filter(|other| other.is_running()) else {
                    continue;
                };
                let name = format!("n{}-n{}", node.plan.id, peer.node);
                let entry = entries.iter().find(|entry| entry.config.name == name);
                let is_up = entry.is_some_and(|entry| entry.status.state == State::Established);
                if fit(&node.plan, &other.plan) && !is_up {
                    let error = entry.and_then(|entry| entry.status.last_error.clone());
                    down.push(format!("{name} ({})", error.unwrap_or_default()));
                }
            }
        }
        Ok(down)
    }
}

/// The speed of a node's processor and the size of its queues.
fn pace(random: &mut Random) -> Pace {
    let queues = match random.number(0..=2) {
        0 => QueueSizes { inputs_octets: 2_000, routes_octets: 200 },
        1 => QueueSizes { inputs_octets: 20_000, routes_octets: 4_000 },
        _ => QueueSizes::USUAL,
    };
    Pace { steps: *random.pick(&[1, 3, 20, 1000]), step_microseconds: *random.pick(&[0, 100, 3_000]), queues }
}

/// Time without any UPDATE after which the network counts as quiet.
const QUIET: Duration = Duration::from_secs(12);

/// Interval between checks for quiet.
const LOOK: Duration = Duration::from_secs(4);

/// Time limit for the network to become quiet.
const PATIENCE: Duration = Duration::from_secs(400);

/// The configured restart window plus a second.
const RESTART_WINDOW: Duration = Duration::from_secs(61);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frozen_daemon_is_silent_and_resumes_where_it_was() {
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        let lines = runtime.block_on(two_of_which_one_is_frozen());
        assert_eq!(trace::end(), Vec::<String>::new());
        let sent = |who: &str| -> Vec<f64> {
            let lines = lines.iter().filter(|line| line.contains(who));
            lines.map(|line| line.split_whitespace().next().unwrap().parse().unwrap()).collect()
        };
        let between = |times: &[f64], from: f64, to: f64| times.iter().any(|&time| from < time && time < to);
        let [still, other] = [sent("n0 -> n1 ["), sent("n1 -> n0 [")];
        assert!(between(&still, 80.0, 100.0) && between(&still, 130.0, 140.0), "before and after: {still:?}");
        assert!(!between(&still, 100.0, 130.0), "meanwhile: {still:?}");
        assert!(
            between(&other, 100.0, 108.0),
            "the other one goes on until the hold time is over: {other:?}"
        );
        assert!(lines.iter().any(|line| line.contains("down: hold timer expired")), "{}", lines.join("\n"));
    }

    /// One of them is frozen at 100 s for 30 s; then the network becomes quiet.
    async fn two_of_which_one_is_frozen() -> Vec<String> {
        let plan =
            |id, other| NodePlan { peers: vec![PeerPlan::new(other, 64512)], ..NodePlan::new(id, 64512) };
        let observation = Observation { messages: true, ..Observation::default() };
        let mut world = World::new(vec![plan(0, 1), plan(1, 0)], &Random::new(1), observation);
        let started = Instant::now();
        for node in 0..2 {
            world.boot(node).await.unwrap();
        }
        let freeze = Event {
            at: Duration::from_secs(100) - started.elapsed(),
            what: What::Freeze { node: 0, lasts: Duration::from_secs(30) },
        };
        world.live(&[freeze]).await.unwrap();
        world.come_to_rest().await.unwrap();
        trace::take_lines()
    }
}
