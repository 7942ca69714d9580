//! The rules of `deny.toml`: licences, sources, duplicates and advisories, by cargo-deny.

use anyhow::Result;

use crate::cargo_tool;
use crate::steps::run_command;
use crate::workspace::Workspace;

/// Checks the dependencies of all crates.
///
/// # Errors
///
/// A dependency breaks a rule, or the database of advisories cannot be reached and there is no copy of it.
pub(crate) fn check(workspace: &Workspace) -> Result<()> {
    cargo_tool::install(workspace, "deny")?;
    run_command(deny(workspace).args(["check", "licenses", "bans", "sources"]))?;
    if deny(workspace).args(["fetch", "db"]).status()?.success() {
        return run_command(deny(workspace).args(["check", "advisories"]));
    }
    // A copy of an earlier day is better than none.
    run_command(deny(workspace).args(["--offline", "check", "advisories"]))
}

fn deny(workspace: &Workspace) -> std::process::Command {
    let mut command = workspace.cargo();
    command.args(["deny", "--workspace"]);
    command
}
