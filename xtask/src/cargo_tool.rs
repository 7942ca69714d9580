//! Programs of the registry that cargo runs as its own commands.

use anyhow::Result;

use crate::steps::run_command;
use crate::workspace::Workspace;

/// Installs `cargo-NAME` if it is missing.
///
/// # Errors
///
/// The installation fails.
pub(crate) fn install(workspace: &Workspace, name: &str) -> Result<()> {
    let is_there = workspace.cargo().args([name, "--version"]).output()?.status.success();
    if is_there {
        return Ok(());
    }
    run_command(workspace.cargo().args(["install", "--locked", &format!("cargo-{name}")]))
}
