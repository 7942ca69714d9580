//! margayd: reads its configuration and runs the daemon in the foreground.

use std::fmt::Display;
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::thread::available_parallelism;

use anyhow::Context;
use clap::Parser;
use margay::daemon::{LoadedConfig, Strictness, read_config};
use margay::log::{self, LogControl};
use margay::machine::Machine;
use margay::open_files;
use margay::recording::{RecordingFile, RecordingSink};
use margay::run;
use margay_config::NamedFiles;
use tracing::{error, warn};

/// A BGP-4 routing daemon for Calico-style clusters.
///
/// Runs in the foreground and logs to standard error. SIGHUP reads the configuration again, SIGTERM stops in order.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    /// The configuration file.
    #[arg(long, value_name = "FILE", default_value = "/etc/margay/margay.toml")]
    config: PathBuf,
    /// Record the inputs of the routing tables for `cargo xtask replay`: routes, peers and filters, no
    /// passwords
    #[arg(long, value_name = "FILE")]
    record: Option<PathBuf>,
    /// Do not start where any object of the configuration has an error; otherwise such objects are left out.
    #[arg(long)]
    strict: bool,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let strictness = if arguments.strict { Strictness::Refuse } else { Strictness::LeaveOut };
    let loaded = match read_config(&Machine::Real, &arguments.config, NamedFiles::Unchecked, strictness) {
        Ok(loaded) => loaded,
        Err(error) => return fail(&error),
    };
    let (log, counts) = match log::start(&loaded.config.global().log, loaded.config.global().log_format) {
        Ok(started) => started,
        Err(error) => return fail(&format_args!("cannot log: {error}")),
    };
    let result = run(arguments, loaded, counts);
    if let Err(error) = &result {
        error!("{error:#}");
    }
    log.finish();
    if result.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Reports an error before the log exists.
fn fail(error: &dyn Display) -> ExitCode {
    // If standard error is closed, the status has to suffice; eprintln would panic.
    drop(writeln!(io::stderr(), "{error}"));
    ExitCode::FAILURE
}

fn run(arguments: Arguments, loaded: LoadedConfig, log: LogControl) -> anyhow::Result<()> {
    if let Err(error) = open_files::raise_limit() {
        warn!(%error, "the limit of open files stays as it is: it bounds the number of peers");
    }
    // The speaker may occupy one thread for a while, even with one processor.
    let threads = available_parallelism().map_or(2, |processors| processors.get().max(2));
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(threads)
        .enable_all()
        .build()
        .context("cannot start")?;
    let recording = arguments.record.as_deref().map(RecordingFile::create).transpose();
    let recording = recording.context("cannot record")?;
    let recording = recording.map(|file| Box::new(file) as Box<dyn RecordingSink>);
    let result = runtime.block_on(run::run(arguments.config, loaded, recording, log));
    // A thread that waits for a file system must not hold the end up.
    runtime.shutdown_background();
    result
}
