//! Churn of pods: interfaces with a host route each are created and removed while the kernel holds an
//! unrelated table.

use std::time::{Duration, Instant};

use anyhow::Result;

use super::kernel_stage::KernelStage;
use super::stage::End;
use super::uplink_table::UplinkTable;
use super::{Scenario, Turn};
use crate::kernel::ip;
use crate::measurement::Measurement;
use crate::subject::Subject;

/// Sizes and rates.
#[derive(Clone, Copy, Debug)]
pub(crate) struct KernelChurnOptions {
    pub(crate) prefixes: usize,
    pub(crate) attribute_sets: usize,
    pub(crate) pods: usize,
    /// Interval at which a pod is replaced by another.
    pub(crate) interval: Duration,
    pub(crate) duration: Duration,
    pub(crate) seed: u64,
}

/// The scenario with the feed's UPDATEs ready.
pub(crate) struct KernelChurn {
    options: KernelChurnOptions,
    table: UplinkTable,
}

impl KernelChurn {
    /// Makes the table.
    pub(crate) fn prepare(options: KernelChurnOptions) -> Self {
        let table = UplinkTable::generate(options.prefixes, options.attribute_sets, options.seed);
        Self { options, table }
    }
}

impl Scenario for KernelChurn {
    fn admits(&self, subject: &dyn Subject) -> bool {
        subject.keeps_kernel()
    }

    fn play(&self, turn: &Turn<'_>) -> Result<Vec<Measurement>> {
        let (mut stage, feed) = self.table.stage(turn)?;
        stage.perform(|stage| {
            let installed = self.table.install(stage, feed)?;
            if installed.incomplete.is_some() {
                return Ok(vec![installed]);
            }
            ip(&(0..self.options.pods).map(coming).collect::<String>())?;
            stage.pass(SETTLING, |_| Ok(()))?;
            let at_rest = self.watch(stage, "pods at rest", |_| Ok(()))?;
            let replace = |turn: usize| {
                let pod = turn % self.options.pods;
                ip(&(leaving(pod) + &coming(pod)))
            };
            let churning = self.watch(stage, "pods come, go", replace)?;
            let exact =
                stage.measure_table("then, exact", &self.table.expected, &self.table.samples, |_| Ok(()))?;
            Ok(vec![installed, at_rest, churning, exact])
        })
    }
}

impl KernelChurn {
    /// Usage of the daemon while something is repeated; the memory is its growth for each repetition.
    fn watch(
        &self,
        stage: &mut KernelStage<'_>,
        phase: &'static str,
        mut tick: impl FnMut(usize) -> Result<()>,
    ) -> Result<Measurement> {
        let start = stage.stage().start()?;
        let (mut turn, mut next) = (0, start.at);
        stage.pass(self.options.duration, |now| {
            if now >= next {
                next += self.options.interval;
                tick(turn)?;
                turn += 1;
            }
            Ok(())
        })?;
        let end = End { at: Instant::now(), longest_silence: Duration::ZERO, incomplete: None };
        let mut measurement = stage.stage().measurement(phase, &start, end)?;
        measurement.memory_each = Some(stage.stage().memory_each("pod", turn, &start)?);
        Ok(measurement)
    }
}

/// A pod as created by a node's agent: a veth pair, and a host route over it.
fn coming(pod: usize) -> String {
    format!(
        "link add cali{pod} type veth peer name pod{pod}\nlink set pod{pod} up\nlink set cali{pod} up\n\
         route add 10.65.{}.{}/32 dev cali{pod} scope link\n",
        pod / 250,
        pod % 250
    )
}

fn leaving(pod: usize) -> String {
    format!("link del cali{pod}\n")
}

/// The daemon's work for the initial pods is not measured.
const SETTLING: Duration = Duration::from_secs(3);
