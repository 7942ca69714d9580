//! Load generator and benchmarks: plays BGP peers to margay and to other daemons, checks exactly what they
//! send, and prints the costs.

mod adj_rib_in;
mod contest;
mod expectation;
mod file_limit;
mod flaps;
mod kernel;
mod measurement;
mod peer;
mod process_usage;
mod reflected;
mod relay;
mod report;
mod scenario;
mod subject;
mod workload;

use std::io::{self, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use clap::Parser;

use crate::contest::{Contest, Outcome};
use crate::scenario::{ScenarioName, Sizes};
use crate::subject::SubjectName;

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
///
/// The daemons take turns at each scenario. What every peer receives is checked: each route with its next hop and all
/// attributes. A daemon that is not done in time, or sends anything else than it must, is named with what was wrong.
#[derive(Parser)]
#[command(name = "cargo xtask bench", bin_name = "cargo xtask bench")]
struct Arguments {
    /// What happens to each daemon; all scenarios when none is named
    scenarios: Vec<ScenarioName>,
    /// The daemons, in the order in which they take turns
    #[arg(
        long = "daemon",
        value_delimiter = ',',
        default_value = "margay,bird,frr-tuned,frr,openbgpd,gobgp,floor"
    )]
    daemons: Vec<SubjectName>,
    /// How often each daemon has its turn
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// How many prefixes the table of `full` has
    #[arg(long, default_value_t = 1_000_000, value_parser = clap::value_parser!(u32).range(1..=4_000_000))]
    prefixes: u32,
    /// How many different attribute sets they share
    #[arg(long, default_value_t = 150_000, value_parser = clap::value_parser!(u32).range(1..))]
    attribute_sets: u32,
    /// Another seed is another workload of the same kind
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// How many seconds a phase may take
    #[arg(long, default_value_t = 60)]
    timeout: u64,
    /// A daemon whose turn takes longer than this many seconds has no other turn at that scenario
    #[arg(long, default_value_t = 20)]
    patience: u64,
    /// How many seconds the reader of `stuck-reader` stands still
    #[arg(long, default_value_t = 300)]
    standstill: u64,
    /// The daemon of this project, if not the one that was built with this program
    #[arg(long)]
    margayd: Option<PathBuf>,
    /// The daemon that the others are compared with, by the start of its name in the table
    #[arg(long, default_value = "BIRD")]
    reference: String,
    /// Print each measurement as JSON instead of the tables
    #[arg(long)]
    json: bool,
    /// Be the bare relay of this configuration
    #[arg(long, hide = true)]
    relay: Option<PathBuf>,
}

fn run(arguments: &Arguments) -> Result<Outcome> {
    if let Some(configuration) = &arguments.relay {
        return relay::run(configuration).map(|()| Outcome::AllExact);
    }
    ensure!(arguments.attribute_sets <= arguments.prefixes, "each attribute set needs a prefix of its own");
    let scenarios =
        if arguments.scenarios.is_empty() { ScenarioName::all() } else { arguments.scenarios.clone() };
    let mut contest = Contest::new(&arguments.daemons, arguments.margayd.as_deref())?;
    contest.rounds = arguments.rounds;
    contest.timeout = Duration::from_secs(arguments.timeout);
    contest.patience = Duration::from_secs(arguments.patience);
    let sizes = Sizes {
        prefixes: arguments.prefixes as usize,
        attribute_sets: arguments.attribute_sets as usize,
        seed: arguments.seed,
        standstill: Duration::from_secs(arguments.standstill),
    };
    for scenario in scenarios {
        contest.hold(scenario, sizes)?;
    }
    print(arguments, &contest)?;
    Ok(contest.outcome())
}

fn print(arguments: &Arguments, contest: &Contest) -> Result<()> {
    let mut out = io::stdout().lock();
    if arguments.json {
        serde_json::to_writer_pretty(&mut out, contest.measurements()).context("standard output")?;
        return writeln!(out).context("standard output");
    }
    let tables = report::render(contest.measurements(), &arguments.reference);
    write!(out, "{tables}").context("standard output")
}
