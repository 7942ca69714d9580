//! Load generator and benchmarks: plays BGP peers to margay and to other daemons, checks what comes back exactly, and
//! prints what it cost.

mod adj_rib_in;
mod expectation;
mod measurement;
mod peer;
mod process_usage;
mod report;
mod scenario;
mod subject;
mod workload;

use std::io::{self, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use clap::{Parser, ValueEnum};

use crate::measurement::Measurement;
use crate::scenario::{Full, FullOptions};
use crate::subject::{Subject, SubjectName};

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(Outcome::AllExact) => ExitCode::SUCCESS,
        Ok(Outcome::SomeFailed) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Benchmarks of BGP daemons on the loopback interface.
#[derive(Parser)]
#[command(name = "cargo xtask bench", bin_name = "cargo xtask bench")]
struct Arguments {
    /// What happens to each daemon
    #[arg(default_value = "full")]
    scenario: ScenarioName,
    /// The daemons, in the order in which they take turns
    #[arg(long = "daemon", value_delimiter = ',', default_value = "margay,bird")]
    daemons: Vec<SubjectName>,
    /// How often each daemon has its turn
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// How many prefixes the table has
    #[arg(long, default_value_t = 1_000_000, value_parser = clap::value_parser!(u32).range(1..=4_000_000))]
    prefixes: u32,
    /// How many different attribute sets they share
    #[arg(long, default_value_t = 150_000, value_parser = clap::value_parser!(u32).range(1..))]
    attribute_sets: u32,
    /// Another seed is another table of the same kind
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// How many seconds a phase may take
    #[arg(long, default_value_t = 300)]
    timeout: u64,
    /// The daemon of this project, if not the one that was built beside this program
    #[arg(long)]
    margayd: Option<PathBuf>,
    /// Print each measurement as JSON instead of the table
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, ValueEnum)]
enum ScenarioName {
    /// One peer announces a full table, another receives it, a third comes late; it changes and it goes
    Full,
}

/// Whether every daemon did what it must.
enum Outcome {
    AllExact,
    SomeFailed,
}

fn run(arguments: &Arguments) -> Result<Outcome> {
    ensure!(arguments.attribute_sets <= arguments.prefixes, "each attribute set needs a prefix of its own");
    let mut contestants = contestants(arguments)?;
    let scenario = match arguments.scenario {
        ScenarioName::Full => Full::prepare(FullOptions {
            prefixes: arguments.prefixes as usize,
            attribute_sets: arguments.attribute_sets as usize,
            seed: arguments.seed,
            timeout: Duration::from_secs(arguments.timeout),
        }),
    };
    let mut measurements = Vec::new();
    for round in 1..=arguments.rounds {
        for contestant in contestants.iter_mut().filter(|contestant| !contestant.has_failed) {
            eprintln!("round {round} of {}: {}", arguments.rounds, contestant.name);
            match scenario.play(&contestant.name, &*contestant.subject) {
                Ok(of_round) => measurements.extend(of_round),
                Err(error) => {
                    eprintln!("error: {error:#}");
                    contestant.has_failed = true;
                }
            }
        }
    }
    print(arguments, &measurements)?;
    let some_failed = contestants.iter().any(|contestant| contestant.has_failed);
    Ok(if some_failed { Outcome::SomeFailed } else { Outcome::AllExact })
}

/// A daemon that takes its turns until it fails.
struct Contestant {
    name: String,
    subject: Box<dyn Subject>,
    has_failed: bool,
}

fn contestants(arguments: &Arguments) -> Result<Vec<Contestant>> {
    let contestant = |name: &SubjectName| {
        let subject = name.subject(arguments.margayd.as_deref())?;
        let name = format!("{} {}", subject.name(), subject.version()?);
        Ok(Contestant { name, subject, has_failed: false })
    };
    arguments.daemons.iter().map(contestant).collect()
}

fn print(arguments: &Arguments, measurements: &[Measurement]) -> Result<()> {
    let mut out = io::stdout().lock();
    if arguments.json {
        serde_json::to_writer_pretty(&mut out, measurements).context("standard output")?;
        return writeln!(out).context("standard output");
    }
    let Arguments { prefixes, attribute_sets, rounds, .. } = arguments;
    let head = format!("{prefixes} prefixes, {attribute_sets} attribute sets, medians of {rounds} rounds\n");
    let note = "silent s: the longest time in wall s in which nothing came; CPU s to within a clock tick\n";
    write!(out, "{head}{note}\n{}", report::render(measurements, "BIRD")).context("standard output")
}
