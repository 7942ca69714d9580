//! margay and other BGP daemons in containers: every scenario with every peer, as a matrix.
#![expect(clippy::print_stdout, reason = "the table is for the person who started it")]

mod daemon;
mod engine;
mod hostile;
mod matrix;
mod node;
mod probe;
mod scenarios;
mod soak;
mod stage;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Result, bail, ensure};
use clap::{Parser, Subcommand};

use crate::daemon::Kind;
use crate::hostile::HostileArguments;
use crate::scenarios::Scenario;
use crate::soak::SoakArguments;

/// Runs scenarios between BGP daemons in containers
#[derive(Parser)]
#[command(
    name = "cargo xtask interop",
    bin_name = "cargo xtask interop",
    args_conflicts_with_subcommands = true
)]
struct Arguments {
    #[command(subcommand)]
    other: Option<Other>,
    /// The daemon whose part margay has otherwise
    #[arg(long, value_enum, default_value = "margay")]
    subject: Kind,
    /// Only with these peers
    #[arg(long, value_enum)]
    peer: Vec<Kind>,
    /// Only these scenarios
    #[arg(long)]
    scenario: Vec<String>,
    /// Cells that run at a time
    #[arg(long, default_value_t = 3)]
    jobs: usize,
    /// Build the images again
    #[arg(long)]
    rebuild: bool,
    /// Seconds that a cell may take
    #[arg(long, default_value_t = 90)]
    patience: u64,
    /// Remove the images at the end, which otherwise stay for the next run
    #[arg(long)]
    remove_images: bool,
    /// Write the page here, from a run of everything
    #[arg(long, hide = true)]
    page: Option<PathBuf>,
    /// Folder for logs of failures
    #[arg(long, default_value = "target/interop")]
    logs: PathBuf,
}

/// What uses the same network and probes.
#[derive(Subcommand)]
enum Other {
    /// Run the daemon for a long time among peers that come and go, with one fault after the other
    Soak(SoakArguments),
    /// Attack daemons as a peer in several ways, and measure what that costs the others
    Hostile(HostileArguments),
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Result<()> {
    match &arguments.other {
        Some(Other::Soak(soak)) => soak::run(soak),
        Some(Other::Hostile(hostile)) => hostile::run(hostile),
        None => run_matrix(arguments),
    }
}

fn run_matrix(arguments: &Arguments) -> Result<()> {
    let peers = if arguments.peer.is_empty() { Kind::OTHERS.to_vec() } else { arguments.peer.clone() };
    let scenarios = chosen(&arguments.scenario)?;
    engine::remove_leftovers()?;
    let kinds: Vec<Kind> = peers.iter().copied().chain([arguments.subject]).collect();
    let folders: Vec<&str> = kinds.iter().filter_map(|kind| kind.adapter().image()).collect();
    engine::build_missing(&folders, arguments.rebuild)?;
    let images = daemon::images_of(&kinds)?;
    let patience = Duration::from_secs(arguments.patience);
    let runner =
        matrix::Runner { subject: arguments.subject, images: &images, patience, logs: &arguments.logs };
    let cells = runner.run(&peers, &scenarios, arguments.jobs)?;
    print!("{}", matrix::table(&cells));
    let is_whole = arguments.peer.is_empty() && arguments.scenario.is_empty();
    if let Some(page) = arguments.page.as_ref().filter(|_| is_whole) {
        matrix::write(page, arguments.subject, &cells, &versions(&images)?)?;
    }
    if arguments.remove_images {
        engine::remove_all()?;
    }
    let unexpected = cells.iter().filter(|cell| !cell.is_expected()).count();
    ensure!(
        unexpected == 0,
        "{unexpected} of {} cells are not as expected; logs are in {}",
        cells.len(),
        arguments.logs.display()
    );
    Ok(())
}

/// The scenarios with these names, or all.
fn chosen(names: &[String]) -> Result<Vec<&'static Scenario>> {
    let all = scenarios::ALL;
    if let Some(unknown) = names.iter().find(|name| all.iter().all(|scenario| scenario.name() != **name)) {
        let known: Vec<String> = all.iter().map(Scenario::name).collect();
        bail!("there is no scenario {unknown}; there are {}", known.join(", "));
    }
    Ok(all.iter().filter(|scenario| names.is_empty() || names.contains(&scenario.name())).collect())
}

fn versions(images: &daemon::Images) -> Result<matrix::Versions> {
    images
        .iter()
        .map(|(kind, image)| Ok((*kind, engine::version(image, kind.adapter().version_command())?)))
        .collect()
}
