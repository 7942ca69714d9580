//! The checked-in gRPC stubs, generated from `.proto` files.

use anyhow::Result;

use crate::steps::run_command;
use crate::workspace::Workspace;

/// Generates the stubs, or only compares them.
pub(crate) fn run(workspace: &Workspace, check: bool) -> Result<()> {
    let mut command = workspace.cargo();
    command.args(["run", "--quiet", "-p", "margay-proto-gen", "--"]);
    if check {
        command.arg("--check");
    }
    run_command(&mut command)
}
