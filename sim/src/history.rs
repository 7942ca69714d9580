//! The history of a network: events with their times, from a seed.

use std::fmt;
use std::time::Duration;

use bgp_codec::Prefix;

use crate::network::{Host, Power};
use crate::plan::{NodeId, NodePlan};
use crate::random::Random;
use crate::topology::{PREFIXES, prefix};

/// An event and its time.
#[derive(Clone, Debug)]
pub(crate) struct Event {
    pub(crate) at: Duration,
    pub(crate) what: What,
}

/// The kinds of events. Events that last end by themselves, so that any of them can be left out.
#[derive(Clone, Debug)]
pub(crate) enum What {
    /// A node begins to originate a prefix, or stops.
    Network { node: NodeId, prefix: Prefix },
    /// No packets from one to the other, or in both directions.
    Partition { from: Host, to: Host, both_ways: bool, lasts: Duration },
    /// Connections between two nodes are reset.
    Reset { one: Host, other: Host },
    /// One does not read what the other sends.
    Stall { from: Host, to: Host, lasts: Duration },
    /// A narrow bandwidth in one direction.
    Slow { from: Host, to: Host, octets_a_second: u64, lasts: Duration },
    /// A daemon is killed, and starts again.
    Crash { node: NodeId, power: Power, lasts: Duration },
    /// A daemon is stopped by SIGTERM, and starts again.
    Restart { node: NodeId, lasts: Duration },
    /// A daemon is frozen, and resumes.
    Freeze { node: NodeId, lasts: Duration },
    /// All clocks jump.
    ClockJump { leap: Duration },
    /// One node, or both, have the other removed from the configuration.
    Separate { one: NodeId, other: NodeId, both: bool, lasts: Duration },
    /// The settings of a peer change.
    Change { node: NodeId, peer: NodeId, change: PeerChange },
    /// A node reloads a file with errors.
    Nonsense { node: NodeId },
    /// A node accepts one prefix of a peer and no more.
    Limit { node: NodeId, peer: NodeId, lasts: Duration },
}

/// A change of a peer's settings.
#[derive(Clone, Copy, Debug)]
pub(crate) enum PeerChange {
    HoldTime(u64),
    AddPath,
    Bfd,
    ImportWithout(Option<Prefix>),
    ExportWithout(Option<Prefix>),
    Prefers(Option<(Prefix, u32)>),
}

/// Draws a history for some nodes.
pub(crate) fn history(nodes: &[NodePlan], random: &mut Random) -> Vec<Event> {
    let count = 4 + random.index(28);
    let span = random.number(5_000..=90_000);
    let mut events: Vec<Event> =
        (0..count).map(|_| Event { at: random.milliseconds(0..=span), what: what(nodes, random) }).collect();
    events.sort_by_key(|event| event.at);
    events
}

/// Draws further events of kinds that were added later, so that seeds keep their histories.
pub(crate) fn additions(nodes: &[NodePlan], random: &mut Random) -> Vec<Event> {
    let addition = |random: &mut Random| {
        let node = random.index(nodes.len());
        let peer = random.pick(&nodes[node].peers).node;
        let what = match random.number(0..=2) {
            0 | 1 => What::Limit { node, peer, lasts: random.milliseconds(10..=25_000) },
            _ => What::Change { node, peer, change: PeerChange::Bfd },
        };
        Event { at: random.milliseconds(0..=60_000), what }
    };
    (0..random.index(4)).map(|_| addition(random)).collect()
}

fn what(nodes: &[NodePlan], random: &mut Random) -> What {
    let node = random.index(nodes.len());
    let peers = &nodes[node].peers;
    let peer = random.pick(peers).node;
    let lasts = random.milliseconds(10..=25_000);
    match random.number(0..=22) {
        0..=6 => What::Network { node, prefix: prefix(random.number(0..=PREFIXES - 1)) },
        7 | 8 => What::Partition { from: node, to: peer, both_ways: !random.once_in(3), lasts },
        9 | 10 => What::Reset { one: node, other: peer },
        11 | 12 => What::Stall { from: node, to: peer, lasts },
        13 => {
            let octets_a_second = random.number(20..=5_000);
            What::Slow { from: node, to: peer, octets_a_second, lasts }
        }
        14 => What::Crash { node, power: Power::On, lasts },
        15 => What::Crash { node, power: Power::Off, lasts },
        16 => What::Restart { node, lasts },
        17 => What::ClockJump { leap: random.milliseconds(100..=40_000) },
        18 => What::Separate { one: node, other: peer, both: random.once_in(2), lasts },
        19 => What::Freeze { node, lasts },
        20 | 21 => What::Change { node, peer, change: change(nodes, node, peer, random) },
        _ => What::Nonsense { node },
    }
}

fn change(nodes: &[NodePlan], node: NodeId, peer: NodeId, random: &mut Random) -> PeerChange {
    let some_prefix = prefix(random.number(0..=PREFIXES - 1));
    let sometimes = (!random.once_in(3)).then_some(some_prefix);
    // Only routes of leaves may be preferred: two nodes that prefer each other's routes have two stable states.
    let is_leaf = nodes[peer].peers.iter().all(|peer| !peer.is_client) && nodes[peer].asn == nodes[node].asn;
    let is_client = nodes[node].peer(peer).is_some_and(|peer| peer.is_client);
    match random.number(0..=4) {
        0 => PeerChange::HoldTime(*random.pick(&[0, 3, 9, 20])),
        1 if nodes[peer].asn == nodes[node].asn => PeerChange::AddPath,
        2 => PeerChange::ImportWithout(sometimes),
        3 if is_leaf && is_client => PeerChange::Prefers(sometimes.map(|prefix| (prefix, 150))),
        _ => PeerChange::ExportWithout(sometimes),
    }
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "at {:.3} s: ", self.at.as_secs_f64())?;
        match &self.what {
            What::Network { node, prefix } => write!(f, "n{node} begins or stops to originate {prefix}"),
            What::Partition { from, to, both_ways, lasts } => {
                let arrow = if *both_ways { "<-/->" } else { "-/->" };
                write!(f, "n{from} {arrow} n{to} for {lasts:?}")
            }
            What::Reset { one, other } => write!(f, "connections between n{one} and n{other} are reset"),
            What::Stall { from, to, lasts } => write!(f, "n{to} reads nothing from n{from} for {lasts:?}"),
            What::Slow { from, to, octets_a_second, lasts } => {
                write!(f, "n{from} -> n{to} at {octets_a_second} octets a second for {lasts:?}")
            }
            What::Crash { node, power: Power::On, lasts } => write!(f, "n{node} is killed for {lasts:?}"),
            What::Crash { node, power: Power::Off, lasts } => {
                write!(f, "n{node} is without power for {lasts:?}")
            }
            What::Restart { node, lasts } => write!(f, "n{node} is stopped for {lasts:?}"),
            What::Freeze { node, lasts } => write!(f, "n{node} is frozen for {lasts:?}"),
            What::ClockJump { leap } => write!(f, "the clocks jump by {leap:?}"),
            What::Separate { one, other, both: true, lasts } => {
                write!(f, "n{one} and n{other} are configured without each other for {lasts:?}")
            }
            What::Separate { one, other, both: false, lasts } => {
                write!(f, "n{one} is configured without n{other} for {lasts:?}")
            }
            What::Change { node, peer, change } => write!(f, "n{node} changes its peer n{peer}: {change:?}"),
            What::Nonsense { node } => write!(f, "n{node} reloads a file with errors"),
            What::Limit { node, peer, lasts } => {
                write!(f, "n{node} accepts no more than one prefix of n{peer} for {lasts:?}")
            }
        }
    }
}

impl What {
    /// The nodes concerned.
    pub(crate) fn nodes(&self) -> Vec<NodeId> {
        match *self {
            Self::Network { node, .. }
            | Self::Crash { node, .. }
            | Self::Restart { node, .. }
            | Self::Freeze { node, .. }
            | Self::Nonsense { node } => vec![node],
            Self::Partition { from, to, .. } | Self::Stall { from, to, .. } | Self::Slow { from, to, .. } => {
                vec![from, to]
            }
            Self::Reset { one, other } | Self::Separate { one, other, .. } => vec![one, other],
            Self::Change { node, peer, .. } | Self::Limit { node, peer, .. } => vec![node, peer],
            Self::ClockJump { .. } => Vec::new(),
        }
    }
}
