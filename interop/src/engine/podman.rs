//! The command line of Podman.

use std::process::Command;

use anyhow::{Context as _, Result, bail};

/// Podman with the runtime and the manager of control groups that work with every arrangement of them.
pub(super) fn podman() -> Command {
    let mut command = Command::new("podman");
    command.args(["--runtime", "runc", "--cgroup-manager", "cgroupfs"]);
    command
}

/// Runs a command and returns what it prints, without the last line break.
///
/// # Errors
///
/// It cannot be started, or its status is not zero; the error contains its output.
pub(super) fn text(command: &mut Command) -> Result<String> {
    let output = command.output().with_context(|| format!("{command:?}"))?;
    let printed = String::from_utf8_lossy(&output.stdout).trim_end().to_owned();
    if !output.status.success() {
        let errors = String::from_utf8_lossy(&output.stderr);
        bail!("{command:?} ended with {}: {printed} {}", output.status, errors.trim());
    }
    Ok(printed)
}
