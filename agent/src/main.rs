//! `margay-agent`: gives a node's workloads their addresses and interfaces, and keeps the node's routes and tunnels.

mod arguments;
mod attachments;
mod cni_server;
mod detection;
mod endpoint_files;
mod heartbeat;
mod kernel_thread;
mod node_plan;
mod objects;
mod run;
mod startup;
mod stored_object;
mod uplinks;
mod wall_clock;

use std::process::ExitCode;

use clap::Parser as _;
use tracing_subscriber::EnvFilter;

use arguments::Arguments;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::try_new(&arguments.log).unwrap_or_else(|_| EnvFilter::new("info")))
        .with_writer(std::io::stderr)
        .init();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let outcome =
        runtime.map_err(anyhow::Error::from).and_then(|runtime| runtime.block_on(run::run(arguments)));
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error:#}");
            ExitCode::FAILURE
        }
    }
}
