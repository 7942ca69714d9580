//! Peers that restart, as the nodes see them that keep their routes meanwhile: none for longer than it said.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use tokio::time::Instant;

use crate::node::Node;
use crate::plan::{NodeId, RestartPlan};

/// The absences that have been seen without a break, and since when.
#[derive(Debug)]
pub(crate) struct Absences {
    since: BTreeMap<(NodeId, NodeId), Instant>,
    /// Time between looks: an absence that has ended is noticed this much later.
    interval: Duration,
}

impl Absences {
    /// No absences so far; there will be a look once in each `interval`.
    pub(crate) fn seen_every(interval: Duration) -> Self {
        Self { since: BTreeMap::new(), interval }
    }

    /// Looks at all nodes, and returns how many peers are absent; a peer counts at each node that keeps its routes.
    ///
    /// # Errors
    ///
    /// A node keeps routes of a peer for longer than the peer said.
    pub(crate) async fn look(&mut self, nodes: &[Node]) -> Result<usize> {
        let mut seen = BTreeMap::new();
        for node in nodes.iter().filter(|node| node.is_running()) {
            let id = node.plan.id;
            let counts = node.counts().await?;
            if counts.absences.is_empty() {
                continue;
            }
            let entries = node.peers().await?;
            for (key, view) in counts.absences {
                let entry = entries
                    .iter()
                    .find(|entry| entry.key == key)
                    .context("an absent peer is not configured")?;
                let (_, peer) =
                    entry.config.name.split_once("-n").context("a peer is named after both nodes")?;
                let peer: NodeId = peer.parse()?;
                let since = self.since.get(&(id, peer)).copied().unwrap_or_else(Instant::now);
                seen.insert((id, peer), since);
                let longest = longest(nodes, id, peer);
                if view.left > longest || since.elapsed() > longest + self.interval {
                    let age = since.elapsed();
                    bail!(
                        "n{id} keeps routes of n{peer}, which may be away for {longest:?}, for {age:?} so far, and {view:?}"
                    );
                }
            }
        }
        self.since = seen;
        Ok(self.since.len())
    }
}

/// How long the routes of `peer` may stay at `node`: its restart time, and the time as a last resort.
fn longest(nodes: &[Node], node: NodeId, peer: NodeId) -> Duration {
    let plan = nodes[peer].plan.peer(node).and_then(|peer| peer.restart);
    let seconds =
        plan.map_or(0, |RestartPlan { restart_time, long_lived }| restart_time + long_lived.unwrap_or(0));
    Duration::from_secs(seconds)
}
