//! A soak: the real daemon for minutes or hours among peers that come and go, while everything around it fails in turn.

mod addresses;
mod bad_link;
mod checkpoint;
mod crowd;
mod fault;
mod memory;
mod page;
mod prefixes;
mod small_disk;
mod steady;
mod world;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use clap::Args;

use self::checkpoint::Checkpoint;
use self::crowd::Crowd;
use self::fault::Fault;
use self::world::World;

/// What a soak is to be.
#[derive(Args)]
pub(crate) struct SoakArguments {
    /// How many minutes it takes
    #[arg(long, default_value_t = 10, conflicts_with = "hours")]
    minutes: u64,
    /// How many hours it takes
    #[arg(long)]
    hours: Option<u64>,
    /// Peers that come and go
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u16).range(1..=1000))]
    peers: u16,
    /// Another seed is another order of events
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// The daemon; its client is beside it
    #[arg(long)]
    margayd: PathBuf,
    /// Write the report here
    #[arg(long)]
    page: Option<PathBuf>,
}

/// Runs a soak, and prints its report.
///
/// # Errors
///
/// A session was lost without cause, a table was wrong, memory grows, or the daemon has ended.
pub(crate) fn run(arguments: &SoakArguments) -> Result<()> {
    let duration = Duration::from_secs(60 * arguments.hours.map_or(arguments.minutes, |hours| 60 * hours));
    let started = Instant::now();
    let mut world = World::new(&arguments.margayd)?;
    let mut crowd = Crowd::new(arguments.peers, arguments.seed);
    let mut checkpoints = Vec::new();
    let mut faults = Fault::ALL.into_iter().cycle();
    let mut counts = [0_u32; Fault::ALL.len()];
    while started.elapsed() < duration {
        let round = Instant::now();
        let Some(fault) = faults.next() else { break };
        fault.begin(&mut world)?;
        crowd.act_for(FAULT_TIME, &world)?;
        fault.end(&mut world)?;
        counts[fault as usize] += 1;
        crowd.act_for(CALM_TIME, &world)?;
        let checkpoint = Checkpoint::take(&mut world, &mut crowd, started)?;
        println!("{fault:?} in {:.0} s: {checkpoint}", round.elapsed().as_secs_f64());
        checkpoints.push(checkpoint);
    }
    let build = arguments.margayd.parent().and_then(Path::file_name).unwrap_or_default().to_string_lossy();
    let report = page::report(&build, arguments.peers, started.elapsed(), &counts, &crowd, &checkpoints);
    println!("\n{report}");
    if let Some(page) = &arguments.page {
        page::write(page, &report)?;
    }
    verdict(started.elapsed(), &checkpoints, &crowd)
}

/// What must hold at the end.
fn verdict(took: Duration, checkpoints: &[Checkpoint], crowd: &Crowd) -> Result<()> {
    let wrong: usize = checkpoints.iter().map(|checkpoint| checkpoint.wrong).sum();
    ensure!(wrong == 0, "{wrong} routes were wrong at the checkpoints");
    ensure!(crowd.lost == 0, "{} sessions were lost without cause", crowd.lost);
    let lost: usize = checkpoints.iter().map(|checkpoint| checkpoint.steady_lost).sum();
    ensure!(lost == 0, "{lost} sessions of peers that stay were lost");
    // In a shorter one, a table of the daemon that grows once looks like growth.
    if let Some(slope) = memory::slope_kib_per_hour(checkpoints).filter(|_| took >= MEMORY_COUNTS_AFTER) {
        ensure!(slope < memory::LIMIT_KIB_PER_HOUR, "memory grows by {slope:.0} KiB an hour");
    }
    Ok(())
}

/// A soak that is shorter does not fail because of its slope of memory.
const MEMORY_COUNTS_AFTER: Duration = Duration::from_secs(40 * 60);
/// How long a fault lasts.
const FAULT_TIME: Duration = Duration::from_secs(8);
/// How long peers come and go after it.
const CALM_TIME: Duration = Duration::from_secs(4);
