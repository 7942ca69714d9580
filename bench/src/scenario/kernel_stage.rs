//! A stage in a network namespace of its own, where the daemon installs routes in the kernel.

use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use bgp_codec::{Asn, BgpIdentifier, IpPrefix as _, Ipv4Prefix, NextHop};

use super::Turn;
use super::stage::{End, Stage, Start, free_address};
use crate::kernel::{ForwardingTable, InstalledRoute, NetworkNamespace, ip};
use crate::measurement::Measurement;
use crate::peer::{Pause, PeerId, PeerSettings, Peers, Recorder};
use crate::subject::{Protection, Topology};

/// One daemon, its peers, and the kernel table that it keeps.
pub(super) struct KernelStage<'a> {
    stage: Stage<'a, Recorder>,
    table: ForwardingTable,
    /// Left when the daemon has ended.
    _namespace: NetworkNamespace,
}

/// An interface of the daemon's node, and an unused gateway address on its subnet.
#[derive(Clone, Copy, Debug)]
pub(super) struct Uplink {
    pub(super) interface: &'static str,
    /// The interface at the other end of the link.
    pub(super) far: &'static str,
    own: Ipv4Addr,
    pub(super) gateway: Ipv4Addr,
}

impl<'a> KernelStage<'a> {
    /// Starts the daemon in a new namespace with these uplinks and waits for its peers.
    ///
    /// # Errors
    ///
    /// Without root, the daemon cannot be started, or a session does not come up.
    pub(super) fn new(
        turn: &'a Turn<'a>,
        uplinks: &[Uplink],
        feeds: &[PeerSettings],
    ) -> Result<(Self, Vec<PeerId>)> {
        let namespace = NetworkNamespace::enter()?;
        lay_out(uplinks)?;
        let own = std::iter::once(SPEAKER).chain(feeds.iter().map(|feed| feed.address));
        ip(&own.map(|address| format!("addr add {address}/32 dev lo\n")).collect::<String>())?;
        let topology = Topology {
            asn: DAEMON_ASN,
            router_id: BgpIdentifier::try_from(SPEAKER).context("the router id")?,
            listen: free_address(SPEAKER)?,
            peers: feeds.to_vec(),
            cluster: None,
            interfaces: uplinks.iter().map(|uplink| uplink.interface).collect(),
            refusals: Vec::new(),
            protection: Protection::default(),
            terms: None,
            relayed: Vec::new(),
        };
        let stage = Stage::new(turn, &topology, Recorder::default())?;
        let mut stage = Self { stage, table: ForwardingTable::open()?, _namespace: namespace };
        let peers = stage.perform(|stage| {
            let peers = stage.stage.establish(feeds)?;
            stage.stage.rest()?;
            Ok(peers)
        })?;
        Ok((stage, peers))
    }

    /// Runs `work` on the stage; an error includes the end of the daemon's log.
    ///
    /// # Errors
    ///
    /// Those of `work`.
    pub(super) fn perform<T>(&mut self, work: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        let outcome = work(self);
        self.stage.perform(|_| outcome)
    }

    pub(super) fn peers(&mut self) -> &mut Peers<Recorder> {
        self.stage.peers_mut()
    }

    pub(super) fn table(&mut self) -> &mut ForwardingTable {
        &mut self.table
    }

    pub(super) fn stage(&mut self) -> &mut Stage<'a, Recorder> {
        &mut self.stage
    }

    /// Measures the time from `start` until the table holds exactly these sorted routes. Meanwhile single
    /// prefixes are polled to see when the whole table is worth reading.
    ///
    /// # Errors
    ///
    /// A session is lost, or the kernel does not answer.
    pub(super) fn measure_table(
        &mut self,
        phase: &'static str,
        expected: &[InstalledRoute],
        samples: &[Ipv4Prefix],
        start: impl FnOnce(&mut Self) -> Result<()>,
    ) -> Result<Measurement> {
        let are_there = !expected.is_empty();
        let started = self.stage.start()?;
        start(self).with_context(|| phase)?;
        let mut seen = 0;
        loop {
            let pause = self.wait(&started, |table| {
                while let Some(&sample) = samples.get(seen)
                    && table.has(sample)? == are_there
                {
                    seen += 1;
                }
                Ok(seen == samples.len())
            })?;
            let at = Instant::now();
            let mut installed = self.table.installed()?;
            installed.sort_unstable();
            let is_exact = installed == expected;
            if is_exact || pause == Pause::Deadline {
                let incomplete = (!is_exact).then(|| difference(&installed, expected));
                let end = End { at, longest_silence: Duration::ZERO, incomplete };
                return self.stage.measurement(phase, &started, end);
            }
        }
    }

    /// Measures the time from `start` until packets to these addresses are neither sent to this gateway nor
    /// dropped.
    ///
    /// # Errors
    ///
    /// A session is lost, or the kernel does not answer.
    pub(super) fn measure_repair(
        &mut self,
        phase: &'static str,
        lost: Ipv4Addr,
        addresses: &[Ipv4Addr],
        start: impl FnOnce(&mut Self) -> Result<()>,
    ) -> Result<Measurement> {
        let started = self.stage.start()?;
        start(self).with_context(|| phase)?;
        let mut repaired = 0;
        let pause = self.wait(&started, |table| {
            while let Some(&address) = addresses.get(repaired)
                && table.gateway_to(address)?.is_some_and(|gateway| gateway != lost)
            {
                repaired += 1;
            }
            Ok(repaired == addresses.len())
        })?;
        let at = Instant::now();
        let incomplete = (pause == Pause::Deadline).then(|| {
            format!("{} of {} samples still go to {lost}", addresses.len() - repaired, addresses.len())
        });
        let end = End { at, longest_silence: Duration::ZERO, incomplete };
        self.stage.measurement(phase, &started, end)
    }

    /// Lets time pass, calling `work` again and again.
    ///
    /// # Errors
    ///
    /// A session is lost, or those of `work`.
    pub(super) fn pass(
        &mut self,
        duration: Duration,
        mut work: impl FnMut(Instant) -> Result<()>,
    ) -> Result<()> {
        let mut failure = None;
        self.stage.peers_mut().run(Instant::now() + duration, |_, now| {
            failure = work(now).err();
            failure.is_some()
        })?;
        failure.map_or(Ok(()), Err)
    }

    /// Runs the peers until a condition on the table holds.
    fn wait(
        &mut self,
        started: &Start,
        mut is_over: impl FnMut(&mut ForwardingTable) -> Result<bool>,
    ) -> Result<Pause> {
        let deadline = started.at + self.stage.turn().timeout;
        let (table, peers) = (&mut self.table, self.stage.peers_mut());
        let mut next_look = started.at;
        let mut failure = None;
        let pause = peers.run(deadline, |_, now| {
            if now < next_look {
                return false;
            }
            next_look = now + LOOK_INTERVAL;
            is_over(table).unwrap_or_else(|error| {
                failure = Some(error);
                true
            })
        })?;
        failure.map_or(Ok(pause), Err)
    }
}

/// Creates the uplinks in the present namespace.
///
/// # Errors
///
/// Not root.
pub(super) fn lay_out(uplinks: &[Uplink]) -> Result<()> {
    let commands: String = uplinks
        .iter()
        .map(|Uplink { interface, far, own, .. }| {
            format!(
                "link add {interface} type veth peer name {far}\naddr add {own}/24 dev {interface}\n\
                 link set {far} up\nlink set {interface} up\n"
            )
        })
        .collect();
    ip(&commands)
}

/// Prefixes from all over a table and its end, whose presence is visible: no longer prefix covers them.
pub(super) fn samples(prefixes: &[Ipv4Prefix]) -> Vec<Ipv4Prefix> {
    let longest = prefixes.iter().map(|prefix| prefix.length()).max().unwrap_or_default();
    let visible: Vec<Ipv4Prefix> =
        prefixes.iter().copied().filter(|prefix| prefix.length() == longest).collect();
    let spread = visible.iter().step_by((visible.len() / SPREAD_SAMPLES).max(1));
    let last = visible.iter().skip(visible.len().saturating_sub(LAST_SAMPLES));
    spread.chain(last).copied().collect()
}

/// These prefixes with these gateways, sorted.
pub(super) fn routes(prefixes: &[Ipv4Prefix], gateways: &[Ipv4Addr]) -> Vec<InstalledRoute> {
    let route = |&prefix| InstalledRoute { prefix, gateways: gateways.to_vec() };
    let mut routes: Vec<InstalledRoute> = prefixes.iter().map(route).collect();
    routes.sort_unstable();
    routes
}

fn difference(installed: &[InstalledRoute], expected: &[InstalledRoute]) -> String {
    let missing = expected.iter().filter(|route| installed.binary_search(route).is_err());
    let extra = installed.iter().filter(|route| expected.binary_search(route).is_err());
    format!(
        "{} routes of {}; missing {:?}...; extra {:?}...",
        installed.len(),
        expected.len(),
        missing.take(SHOWN_DIFFERENCES).collect::<Vec<_>>(),
        extra.take(SHOWN_DIFFERENCES).collect::<Vec<_>>()
    )
}

impl Uplink {
    /// The next hop of the routes that lead over it.
    pub(super) fn next_hop(self) -> NextHop {
        NextHop::Ipv4(self.gateway)
    }
}

pub(super) const UPLINKS: [Uplink; 2] = [
    Uplink {
        interface: "one",
        far: "far1",
        own: Ipv4Addr::new(198, 51, 100, 2),
        gateway: Ipv4Addr::new(198, 51, 100, 1),
    },
    Uplink {
        interface: "two",
        far: "far2",
        own: Ipv4Addr::new(203, 0, 113, 2),
        gateway: Ipv4Addr::new(203, 0, 113, 1),
    },
];

const DAEMON_ASN: Asn = Asn(65000);
/// Sessions use addresses like this one: FRR does not forward for a peer whose session is over 127.0.0.0/8.
const SPEAKER: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);

/// Interval between reads of the table, which cost the daemon time.
const LOOK_INTERVAL: Duration = Duration::from_millis(1);

const SPREAD_SAMPLES: usize = 500;
const LAST_SAMPLES: usize = 500;
const SHOWN_DIFFERENCES: usize = 2;
