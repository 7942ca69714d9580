//! Benchmarks: the load generator in release mode.

use std::ffi::OsString;

use anyhow::Result;

use crate::steps::run_command;
use crate::workspace::Workspace;

pub(crate) fn run(workspace: &Workspace, arguments: &[OsString]) -> Result<()> {
    run_command(workspace.cargo().args(["build", "--release", "-p", "margay", "-p", "margay-cli"]))?;
    let run = ["run", "--release", "--quiet", "-p", "margay-bench", "--"];
    run_command(workspace.cargo().args(run).args(arguments))
}
