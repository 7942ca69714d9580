//! Runs cells, several at a time.

use std::collections::{BTreeMap, VecDeque};
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow};

use super::cell::{Cell, Outcome};
use super::explanations::explanation;
use crate::daemon::Kind;
use crate::scenarios::Scenario;
use crate::stage::Stage;

/// How cells are run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Runner<'a> {
    pub(crate) subject: Kind,
    /// The images of the subject and of all peers.
    pub(crate) images: &'a BTreeMap<Kind, String>,
    /// Longest time of a cell.
    pub(crate) patience: Duration,
    /// Folder for the configurations and logs of cells that fail.
    pub(crate) logs: &'a Path,
}

impl Runner<'_> {
    /// Runs every scenario with every peer, `jobs` at a time.
    ///
    /// # Errors
    ///
    /// The folder cannot be made.
    pub(crate) fn run(
        self,
        peers: &[Kind],
        scenarios: &[&'static Scenario],
        jobs: usize,
    ) -> Result<Vec<Cell>> {
        fs::create_dir_all(self.logs)?;
        let pairs = scenarios.iter().flat_map(|scenario| peers.iter().map(|peer| (*scenario, *peer)));
        let queue: Mutex<VecDeque<(usize, (&'static Scenario, Kind))>> =
            Mutex::new(pairs.enumerate().collect());
        let cells = Mutex::new(Vec::new());
        thread::scope(|scope| {
            for _ in 0..jobs {
                scope.spawn(|| {
                    loop {
                        let next = queue.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
                        let Some((number, (scenario, peer))) = next else { return };
                        let cell = self.one(peer, scenario);
                        announce(&cell);
                        cells.lock().unwrap_or_else(PoisonError::into_inner).push((number, cell));
                    }
                });
            }
        });
        let mut cells = cells.into_inner().unwrap_or_else(PoisonError::into_inner);
        cells.sort_by_key(|(number, _)| *number);
        Ok(cells.into_iter().map(|(_, cell)| cell).collect())
    }

    fn one(self, peer: Kind, scenario: &'static Scenario) -> Cell {
        let subject = self.subject;
        let started = Instant::now();
        let outcome = match scenario.not_applicable(subject, peer) {
            Some(reason) => Outcome::NotApplicable(reason),
            None => {
                let known = explanation(subject, peer, &scenario.name());
                let time = if known.is_some() { TIME_OF_KNOWN_FAILURES } else { self.patience };
                match (self.attempt(peer, scenario, time), known) {
                    (Ok(()), None) => Outcome::Passed,
                    (Ok(()), Some(_)) => Outcome::PassedUnexpectedly,
                    (Err(error), explanation) => Outcome::Failed { error: format!("{error:#}"), explanation },
                }
            }
        };
        Cell { scenario, peer, outcome, took: started.elapsed() }
    }

    fn attempt(self, peer: Kind, scenario: &Scenario, time: Duration) -> Result<()> {
        let mut stage = Stage::new(self.subject, peer, self.images, time)?;
        let ended = catch_unwind(AssertUnwindSafe(|| (scenario.run)(&mut stage)));
        let result = ended.unwrap_or_else(|_| Err(anyhow!("the scenario panicked")));
        if let Err(error) = &result {
            let name = format!("{}-{}-{}.log", scenario.name(), title(self.subject), title(peer));
            fs::write(self.logs.join(name), format!("{error:#}\n{}", stage.report()))?;
        }
        result
    }
}

fn title(kind: Kind) -> String {
    kind.adapter().title().to_lowercase()
}

fn announce(cell: &Cell) {
    let what = match &cell.outcome {
        Outcome::Passed => "pass".to_owned(),
        Outcome::NotApplicable(reason) => format!("does not apply: {reason}"),
        Outcome::Failed { error, explanation: None } => format!("FAIL: {error}"),
        Outcome::Failed { explanation: Some(why), .. } => format!("fails, as known: {why}"),
        Outcome::PassedUnexpectedly => "PASSES, but is listed as failing".to_owned(),
    };
    let (name, peer, seconds) = (cell.scenario.name(), cell.peer.adapter().title(), cell.took.as_secs_f64());
    eprintln!("{name:<32} {peer:<9} {seconds:>5.1} s  {what}");
}

/// Longest time of a cell that is known to fail, mostly by waiting in vain.
const TIME_OF_KNOWN_FAILURES: Duration = Duration::from_secs(30);
