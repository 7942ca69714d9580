//! The kernel's table: an external peer's full table goes into it, and out again when the peer drops.

use std::borrow::Cow;
use std::net::Ipv4Addr;
use std::process;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use bgp_codec::{Asn, Ipv4Prefix};
use bytes::Bytes;

use super::kernel_stage::{KernelStage, UPLINKS, lay_out, routes, samples};
use super::{Scenario, Turn};
use crate::kernel::{Blaster, ForwardingTable, InstalledRoute, NetworkNamespace};
use crate::measurement::Measurement;
use crate::peer::PeerSettings;
use crate::process_usage::ProcessUsage;
use crate::subject::Subject;
use crate::workload::{AttributeSets, RouteTable, SeededRandom, end_of_rib};

/// How large the table is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct KernelOptions {
    pub(crate) prefixes: usize,
    pub(crate) attribute_sets: usize,
    pub(crate) seed: u64,
}

/// The scenario with the feed's UPDATEs ready.
pub(crate) struct Kernel {
    announcement: Bytes,
    /// In the order in which they are announced.
    prefixes: Vec<Ipv4Prefix>,
    samples: Vec<Ipv4Prefix>,
    expected: Vec<InstalledRoute>,
}

impl Kernel {
    /// Makes the table, its UPDATEs and what the kernel must hold.
    pub(crate) fn prepare(options: KernelOptions) -> Self {
        let mut random = SeededRandom::new(options.seed);
        let table = RouteTable::generate(options.prefixes, options.attribute_sets, &mut random);
        let sets = AttributeSets::generate(options.attribute_sets, FEED.asn, &mut random);
        let prefixes: Vec<Ipv4Prefix> = table.groups().iter().flatten().copied().collect();
        Self {
            announcement: table.encode(sets.as_slice(), UPLINKS[0].next_hop()),
            samples: samples(&prefixes),
            expected: routes(&prefixes, &[UPLINKS[0].gateway]),
            prefixes,
        }
    }
}

impl Scenario for Kernel {
    fn admits(&self, subject: &dyn Subject) -> bool {
        subject.keeps_kernel() || subject.is_relay()
    }

    fn play(&self, turn: &Turn<'_>) -> Result<Vec<Measurement>> {
        if turn.subject.is_relay() {
            return self.blast(turn);
        }
        let (mut stage, feeds) = KernelStage::new(turn, &UPLINKS[..1], &[FEED])?;
        let feed = *feeds.first().context("the feed came")?;
        stage.perform(|stage| {
            let installed = stage.measure_table("install", &self.expected, &self.samples, |stage| {
                stage.peers().send(feed, self.announcement.clone())?;
                stage.peers().send(feed, end_of_rib())
            })?;
            if installed.incomplete.is_some() {
                return Ok(vec![installed]);
            }
            let removed = stage.measure_table("removal", &[], &self.samples, |stage| {
                stage.peers().leave(feed);
                Ok(())
            })?;
            Ok(vec![installed, removed])
        })
    }
}

impl Kernel {
    /// Without any daemon: what the kernel needs.
    fn blast(&self, turn: &Turn<'_>) -> Result<Vec<Measurement>> {
        let _namespace = NetworkNamespace::enter()?;
        lay_out(&UPLINKS[..1])?;
        let mut table = ForwardingTable::open()?;
        let interface = table.interface_to(UPLINKS[0].gateway)?.context("the uplink is attached")?;
        let blaster = Blaster::new(UPLINKS[0].gateway, interface)?;
        let installed = measure(turn, "install", || blaster.install(&self.prefixes))?;
        let mut held = table.installed()?;
        held.sort_unstable();
        ensure!(held == self.expected, "the kernel did not take all routes");
        let removed = measure(turn, "removal", || blaster.remove(&self.prefixes))?;
        ensure!(table.installed()?.is_empty(), "routes are left");
        Ok(vec![installed, removed])
    }
}

/// What this program itself needs for some work.
fn measure(turn: &Turn<'_>, phase: &'static str, work: impl FnOnce() -> Result<()>) -> Result<Measurement> {
    let usage = || ProcessUsage::of_one(process::id());
    let (before, start) = (usage()?, Instant::now());
    work()?;
    let wall = start.elapsed();
    Ok(Measurement {
        scenario: turn.scenario,
        daemon: turn.name.to_owned(),
        phase,
        wall_seconds: wall.as_secs_f64(),
        incomplete: None,
        longest_silence_seconds: Duration::ZERO.as_secs_f64(),
        cpu_seconds: usage()?.cpu.saturating_sub(before.cpu).as_secs_f64(),
        generator_cpu_seconds: 0.0,
        peak_rss_mib: 0.0,
        memory_each: None,
        latency: None,
        longest_turn: None,
        told_each: None,
    })
}

const FEED: PeerSettings =
    PeerSettings { name: Cow::Borrowed("feed"), address: Ipv4Addr::new(192, 0, 2, 11), asn: Asn(65001) };
