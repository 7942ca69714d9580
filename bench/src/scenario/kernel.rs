//! The kernel's table: an external peer's full table is installed, and removed when the peer leaves.

use std::process;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};

use super::kernel_stage::{UPLINKS, lay_out};
use super::uplink_table::UplinkTable;
use super::{Scenario, Turn};
use crate::kernel::{Blaster, ForwardingTable, NetworkNamespace};
use crate::measurement::Measurement;
use crate::process_usage::ProcessUsage;
use crate::subject::Subject;

/// How large the table is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct KernelOptions {
    pub(crate) prefixes: usize,
    pub(crate) attribute_sets: usize,
    pub(crate) seed: u64,
}

/// The scenario with the feed's UPDATEs ready.
pub(crate) struct Kernel(UplinkTable);

impl Kernel {
    /// Generates the table, its UPDATEs and the expected kernel routes.
    pub(crate) fn prepare(options: KernelOptions) -> Self {
        Self(UplinkTable::generate(options.prefixes, options.attribute_sets, options.seed))
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
        let (mut stage, feed) = self.0.stage(turn)?;
        stage.perform(|stage| {
            let installed = self.0.install(stage, feed)?;
            if installed.incomplete.is_some() {
                return Ok(vec![installed]);
            }
            let removed = stage.measure_table("removal", &[], &self.0.samples, |stage| {
                stage.peers().leave(feed);
                Ok(())
            })?;
            Ok(vec![installed, removed])
        })
    }
}

impl Kernel {
    /// Without any daemon: the time that the kernel needs.
    fn blast(&self, turn: &Turn<'_>) -> Result<Vec<Measurement>> {
        let _namespace = NetworkNamespace::enter()?;
        lay_out(&UPLINKS[..1])?;
        let mut table = ForwardingTable::open()?;
        let interface = table.interface_to(UPLINKS[0].gateway)?.context("the uplink is attached")?;
        let blaster = Blaster::new(UPLINKS[0].gateway, interface)?;
        let installed = measure(turn, "install", || blaster.install(&self.0.prefixes))?;
        let mut held = table.installed()?;
        held.sort_unstable();
        ensure!(held == self.0.expected, "the kernel did not take all routes");
        let removed = measure(turn, "removal", || blaster.remove(&self.0.prefixes))?;
        ensure!(table.installed()?.is_empty(), "routes remain");
        Ok(vec![installed, removed])
    }
}

/// Measures this program itself.
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
        sent_each: None,
    })
}
