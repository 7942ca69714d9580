//! margayd: reads its configuration and runs the daemon in the foreground.

use std::io::IsTerminal;
use std::path::PathBuf;
use std::process::ExitCode;
use std::thread::available_parallelism;

use clap::Parser;
use margay::daemon::{self, read_config};
use margay::machine::Machine;
use margay::open_files;
use margay::recording::{RecordingFile, RecordingSink};
use tracing::{error, warn};
use tracing_subscriber::EnvFilter;

/// A BGP-4 routing daemon for Calico-style clusters.
///
/// Runs in the foreground and logs to standard error. SIGHUP reads the configuration again, SIGTERM stops in order.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    /// The configuration file.
    #[arg(long, value_name = "FILE", default_value = "/etc/margay/margay.toml")]
    config: PathBuf,
    /// Record what the routing tables are told, for `cargo xtask replay`: routes, peers and filters, no passwords.
    #[arg(long, value_name = "FILE")]
    record: Option<PathBuf>,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let config = match read_config(&Machine::Real, &arguments.config) {
        Ok(config) => config,
        Err(error) => {
            eprintln!("{error}");
            return ExitCode::FAILURE;
        }
    };
    let filter = EnvFilter::new(&config.global().log);
    let colours = std::io::stderr().is_terminal();
    tracing_subscriber::fmt().with_env_filter(filter).with_ansi(colours).with_writer(std::io::stderr).init();
    if let Err(error) = open_files::raise_limit() {
        warn!(%error, "the limit of open files stays as it is: it bounds the number of peers");
    }
    // The speaker may have one thread for itself for a while, also where there is one processor.
    let threads = available_parallelism().map_or(2, |processors| processors.get().max(2));
    let runtime =
        match tokio::runtime::Builder::new_multi_thread().worker_threads(threads).enable_all().build() {
            Ok(runtime) => runtime,
            Err(error) => {
                error!(%error, "cannot start");
                return ExitCode::FAILURE;
            }
        };
    let recording = match arguments.record.as_deref().map(RecordingFile::create).transpose() {
        Ok(recording) => recording.map(|file| Box::new(file) as Box<dyn RecordingSink>),
        Err(error) => {
            error!(%error, "cannot record");
            return ExitCode::FAILURE;
        }
    };
    match runtime.block_on(daemon::run(arguments.config, config, recording)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            error!("{error:#}");
            ExitCode::FAILURE
        }
    }
}
