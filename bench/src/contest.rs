//! Runs the daemons in turns through the scenarios.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Result;

use crate::file_limit;
use crate::measurement::Measurement;
use crate::scenario::{ScenarioName, Sizes, Turn};
use crate::subject::{Subject, SubjectName};

/// The daemons, the conditions, and the measurements so far.
pub(crate) struct Contest {
    contestants: Vec<Contestant>,
    /// Number of turns of each daemon.
    pub(crate) rounds: usize,
    /// Time limit of a phase.
    pub(crate) timeout: Duration,
    /// A daemon whose turn takes longer gets no other turn at that scenario.
    pub(crate) patience: Duration,
    measurements: Vec<Measurement>,
    some_failed: bool,
}

struct Contestant {
    name: String,
    subject: Box<dyn Subject>,
}

/// Whether every daemon behaved correctly.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Outcome {
    AllExact,
    SomeFailed,
}

impl Contest {
    /// Asks the daemons for their versions.
    ///
    /// # Errors
    ///
    /// A program is missing.
    pub(crate) fn new(daemons: &[SubjectName], margayd: Option<&Path>) -> Result<Self> {
        let contestant = |name: &SubjectName| {
            let subject = name.subject(margayd)?;
            let name = format!("{} {}", subject.name(), subject.version()?);
            Ok(Contestant { name, subject })
        };
        Ok(Self {
            contestants: daemons.iter().map(contestant).collect::<Result<_>>()?,
            rounds: 1,
            timeout: Duration::from_secs(60),
            patience: Duration::from_secs(20),
            measurements: Vec::new(),
            some_failed: false,
        })
    }

    /// Runs all rounds of a scenario, and prints the result of each turn on standard error.
    ///
    /// # Errors
    ///
    /// This machine does not allow that many peers. Misbehaviour of a daemon is not an error here.
    pub(crate) fn hold(&mut self, name: ScenarioName, sizes: Sizes) -> Result<()> {
        file_limit::raise(name.peers() + SPARE_FILES)?;
        eprintln!("{}: {}", name.word(), name.says(sizes));
        let scenario = name.prepare(sizes);
        let mut sits_out: Vec<bool> =
            self.contestants.iter().map(|contestant| !scenario.admits(&*contestant.subject)).collect();
        for round in 1..=self.rounds {
            for (contestant, sits_out) in self.contestants.iter().zip(&mut sits_out) {
                if *sits_out {
                    continue;
                }
                let turn = Turn {
                    scenario: name.word(),
                    name: &contestant.name,
                    subject: &*contestant.subject,
                    timeout: self.timeout,
                };
                let started = Instant::now();
                let played = scenario.play(&turn);
                let took = started.elapsed();
                let who = format!("  round {round} of {}, {}", self.rounds, contestant.name);
                match &played {
                    Ok(measured) => eprintln!("{who}: {:.1} s{}", took.as_secs_f64(), failures(measured)),
                    Err(error) => eprintln!("{who}: error: {error:#}"),
                }
                let exact = played.as_ref().is_ok_and(|measured| failures(measured).is_empty());
                self.some_failed |= !exact;
                *sits_out = !exact || took > self.patience;
                self.measurements.extend(played.unwrap_or_default());
            }
        }
        Ok(())
    }

    pub(crate) fn measurements(&self) -> &[Measurement] {
        &self.measurements
    }

    pub(crate) fn outcome(&self) -> Outcome {
        if self.some_failed { Outcome::SomeFailed } else { Outcome::AllExact }
    }
}

fn failures(measured: &[Measurement]) -> String {
    let incomplete = measured.iter().filter_map(|measurement| {
        let why = measurement.incomplete.as_ref()?;
        Some(format!("; {} not complete after {:.0} s: {why}", measurement.phase, measurement.wall_seconds))
    });
    incomplete.collect()
}

/// Open files in addition to one socket for each peer.
const SPARE_FILES: usize = 100;
