//! Replays: the state that a recording of margayd leads to.

use std::ffi::OsString;

use anyhow::Result;

use crate::steps::run_command;
use crate::workspace::Workspace;

/// Runs the replay with these arguments, in release mode, because a recording may be long.
pub(crate) fn run(workspace: &Workspace, arguments: &[OsString]) -> Result<()> {
    let replay = ["run", "--quiet", "--release", "-p", "margay", "--example", "replay", "--"];
    run_command(workspace.cargo().args(replay).args(arguments))
}
