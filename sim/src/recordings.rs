//! The recordings of a node's daemons, in memory, and the check that they lead to the same states.

use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context, Result, bail};
use margay::recording::{Ending, RecordingSink, Replay, TakesNoMore, replay};
use margay_rib::Audit;

/// One recording for each run of a daemon.
#[derive(Debug, Default)]
pub(crate) struct Recordings(Vec<Memory>);

#[derive(Clone, Debug, Default)]
struct Memory(Arc<Mutex<Vec<u8>>>);

impl Recordings {
    /// Starts the recording of the next run.
    pub(crate) fn begin(&mut self) -> Box<dyn RecordingSink> {
        let memory = Memory::default();
        self.0.push(memory.clone());
        Box::new(memory)
    }

    /// Checks that the present run's recording leads to a state with this text. Returns the audit of that
    /// state.
    pub(crate) fn check_present(&self, dump: &str) -> Result<Audit> {
        let present = self.0.last().context("nothing is recorded")?.replay()?;
        let replayed = present.rib.view().dump().to_string();
        if let Some((replayed, dump)) = replayed.lines().zip(dump.lines()).find(|(one, other)| one != other) {
            bail!("a replay has {replayed:?} where the daemon has {dump:?}");
        }
        if replayed.len() != dump.len() {
            bail!("a replay has {} octets of state, and the daemon {}", replayed.len(), dump.len());
        }
        Ok(Audit::of(&present.rib))
    }

    /// Checks that the recordings of all runs, which have ended, lead to their last states; then drops them.
    pub(crate) fn check_ended(&mut self) -> Result<()> {
        for (run, memory) in std::mem::take(&mut self.0).iter().enumerate() {
            let Replay { ending, inputs, .. } = memory.replay().with_context(|| format!("run {run}"))?;
            if ending != Ending::Same {
                bail!("run {run}: the recording of {inputs} inputs ends as {ending:?}");
            }
        }
        Ok(())
    }
}

impl Memory {
    fn replay(&self) -> Result<Replay> {
        let octets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(replay(octets.as_slice(), |_, _| true)?)
    }
}

impl RecordingSink for Memory {
    fn take(&mut self, octets: &[u8]) -> Result<(), TakesNoMore> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(octets);
        Ok(())
    }
}
