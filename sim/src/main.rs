//! Runs seeds and reports those that fail.
#![expect(clippy::print_stdout, reason = "a chore talks to the person who started it")]

use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use clap::Parser;
use margay_sim::{BLOCKS, Case, Keep, Topology, cold_start, shrink};

/// Simulates whole networks of margayd, with faults from seeds.
#[derive(Debug, Parser)]
struct Arguments {
    /// How many seeds to run
    #[arg(long, default_value_t = 1000)]
    seeds: u64,
    /// The first seed
    #[arg(long, default_value_t = 0)]
    first: u64,
    /// Only this kind of network
    #[arg(long)]
    topology: Option<Topology>,
    /// Run seeds for so long instead of a number of them
    #[arg(long)]
    hours: Option<f64>,
    /// Run this one case, and print all that happens in it
    #[arg(long, value_name = "CASE", conflicts_with_all = ["seeds", "first", "topology", "hours"])]
    case: Option<Case>,
    /// With a case: write what went over the network to a file, for Wireshark
    #[arg(long, requires = "case")]
    pcap: Option<std::path::PathBuf>,
    /// Start this many nodes and two reflectors at once instead, and print what it takes
    #[arg(long, value_name = "NODES", conflicts_with_all = ["case", "seeds", "topology", "hours"])]
    cold_start: Option<usize>,
    /// How many threads to use
    #[arg(long, default_value_t = 2)]
    threads: u64,
    /// Tell of a failure as it is, without looking for a smaller one
    #[arg(long)]
    no_shrink: bool,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match (&arguments.case, arguments.cold_start) {
        (Some(case), _) => run_case(case, arguments.pcap.as_deref()),
        (None, Some(nodes)) => run_cold_start(nodes, arguments.first),
        (None, None) => run_seeds(&arguments),
    }
}

fn run_cold_start(nodes: usize, seed: u64) -> ExitCode {
    let started = Instant::now();
    match cold_start(nodes, seed) {
        Ok(start) => {
            println!(
                "{} nodes of {BLOCKS} blocks and two reflectors: {} messages, {} of them UPDATEs, {} octets, {:.1} virtual \
                 seconds, no route advertised more than {} times on a connection; took {:.1} s",
                start.nodes,
                start.messages,
                start.updates,
                start.octets,
                start.virtual_time.as_secs_f64(),
                start.most_advertisements,
                started.elapsed().as_secs_f64()
            );
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run_case(case: &Case, pcap: Option<&std::path::Path>) -> ExitCode {
    let outcome = case.run(Keep { lines: true, capture: pcap.is_some() });
    for line in &outcome.lines {
        println!("{line}");
    }
    if let (Some(file), Some(capture)) = (pcap, &outcome.capture)
        && let Err(error) = std::fs::write(file, capture)
    {
        eprintln!("error: {}: {error}", file.display());
        return ExitCode::FAILURE;
    }
    for fault in &outcome.faults {
        println!("FAULT {fault}");
    }
    println!(
        "{case}: {} messages, {} octets, {:.0} virtual seconds, checksum {:016x}",
        outcome.messages,
        outcome.octets,
        outcome.virtual_time.as_secs_f64(),
        outcome.checksum
    );
    if outcome.faults.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// What all runs together were.
#[derive(Default)]
struct Sum {
    runs: u64,
    messages: u64,
    octets: u64,
    virtual_time: Duration,
    failed: Vec<(Case, Vec<String>)>,
}

fn run_seeds(arguments: &Arguments) -> ExitCode {
    let started = Instant::now();
    let next = AtomicU64::new(0);
    let sum = Mutex::new(Sum::default());
    let deadline = arguments.hours.map(|hours| started + Duration::from_secs_f64(hours * 3600.0));
    std::thread::scope(|scope| {
        for _ in 0..arguments.threads.max(1) {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    let is_over = match deadline {
                        Some(deadline) => Instant::now() >= deadline,
                        None => number >= arguments.seeds,
                    };
                    if is_over {
                        break;
                    }
                    let case = nth_case(arguments, number);
                    let outcome = case.run(Keep::default());
                    let Ok(mut sum) = sum.lock() else { break };
                    sum.runs += 1;
                    sum.messages += outcome.messages;
                    sum.octets += outcome.octets;
                    sum.virtual_time += outcome.virtual_time;
                    if !outcome.faults.is_empty() {
                        println!("FAILED {case}: {}", outcome.faults.join("\n    "));
                        sum.failed.push((case, outcome.faults));
                    }
                }
            });
        }
    });
    let Ok(sum) = sum.into_inner() else { return ExitCode::FAILURE };
    println!(
        "{} seeds, {} failed: {} messages, {} octets, {:.1} virtual hours in {:.1} s",
        sum.runs,
        sum.failed.len(),
        sum.messages,
        sum.octets,
        sum.virtual_time.as_secs_f64() / 3600.0,
        started.elapsed().as_secs_f64()
    );
    let Some((case, _)) = sum.failed.first() else { return ExitCode::SUCCESS };
    if !arguments.no_shrink {
        println!("looking for a smaller case that fails as {case} does");
        let smallest = shrink(case, fails, |smaller| println!("  {smaller}"));
        println!("cargo xtask sim --case '{smallest}'");
        return run_case(&smallest, None);
    }
    ExitCode::FAILURE
}

fn fails(case: &Case) -> bool {
    !case.run(Keep::default()).faults.is_empty()
}

fn nth_case(arguments: &Arguments, number: u64) -> Case {
    let seed = arguments.first + number;
    let kinds = Topology::ALL;
    let turn = usize::try_from(seed % kinds.len() as u64).unwrap_or(0);
    Case::new(arguments.topology.unwrap_or(kinds[turn]), seed)
}
