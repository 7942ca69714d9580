//! The operator's command line: looks into the daemon, reloads it, checks its files, and manages the objects of the cluster.

mod arguments;
mod birdcl;
mod client;
mod clock;
mod configuration;
mod decode;
mod events;
mod filter_test;
mod healthz;
mod ipam;
mod json_path;
mod manual;
mod object_error;
mod objects;
mod routes;
mod run;
mod run_error;
mod table;
mod tech_support;
mod top;
mod view;
mod watch;

use std::io::{self, Write};
use std::process::ExitCode;

use clap::Parser;

use crate::arguments::Arguments;
use crate::run_error::RunError;

fn main() -> ExitCode {
    if birdcl::is_meant(std::env::args_os().next().as_deref()) {
        return birdcl::run();
    }
    let arguments = Arguments::parse();
    let mut out = io::BufWriter::new(io::stdout().lock());
    let outcome = run::run(&arguments, &mut out).and_then(|code| Ok(out.flush().map(|()| code)?));
    match outcome {
        Ok(code) => code,
        // The reader of the output, such as `head`, has closed it.
        Err(RunError::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("margay: {error}");
            ExitCode::FAILURE
        }
    }
}
