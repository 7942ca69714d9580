//! The rules of `deny.toml`: licences, sources, duplicates and advisories, by cargo-deny.

use anyhow::Result;

use crate::cargo_tool;
use crate::steps::run_command;
use crate::workspace::Workspace;

/// Whether the database of advisories has to be there.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Advisories {
    Required,
    /// Without a way to the database and without a former copy, their check is left out, and that is printed.
    IfReachable,
}

/// Checks the dependencies of all crates.
///
/// # Errors
///
/// A dependency breaks a rule, or the database is required and not there.
pub(crate) fn check(workspace: &Workspace, advisories: Advisories) -> Result<()> {
    cargo_tool::install(workspace, "deny")?;
    run_command(deny(workspace).args(["check", "licenses", "bans", "sources"]))?;
    let is_fetched = deny(workspace).args(["fetch", "db"]).status()?.success();
    if is_fetched {
        return run_command(deny(workspace).args(["check", "advisories"]));
    }
    // A copy of an earlier day is better than none.
    let with_copy = run_command(deny(workspace).args(["--offline", "check", "advisories"]));
    match with_copy {
        Err(_) if advisories == Advisories::IfReachable => {
            println!("advisories: NOT checked, as the database cannot be reached and there is no copy of it");
            Ok(())
        }
        outcome => outcome,
    }
}

fn deny(workspace: &Workspace) -> std::process::Command {
    let mut command = workspace.cargo();
    command.args(["deny", "--workspace"]);
    command
}
