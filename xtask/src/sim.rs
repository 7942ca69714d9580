//! Simulations: many daemons in one thread under virtual time, with faults from seeds.

use std::ffi::OsString;

use anyhow::{Result, bail};

use crate::steps::{Steps, run_command};
use crate::workspace::Workspace;

/// Runs the simulation with these arguments.
pub(crate) fn run(workspace: &Workspace, arguments: &[OsString]) -> Result<()> {
    run_command(workspace.cargo().args(["run", "--quiet", "-p", "margay-sim", "--"]).args(arguments))
}

/// Checks that released programs have none of the simulation's features.
///
/// # Errors
///
/// One has.
pub(crate) fn check_release(workspace: &Workspace) -> Result<()> {
    let tree = ["tree", "-p", "margay", "-p", "margay-cli", "--edges", "normal,features", "--prefix", "none"];
    let output = workspace.cargo().args(tree).output()?;
    let text = String::from_utf8(output.stdout)?;
    if !output.status.success() || !text.contains("margay-rib") {
        bail!("cargo tree says {text}{}", String::from_utf8_lossy(&output.stderr));
    }
    for feature in ["simulation", "test-util"] {
        if text.contains(&format!("feature \"{feature}\"")) {
            bail!("a release has the feature {feature}, which is for tests");
        }
    }
    Ok(())
}

/// The seeds that every change has to pass. Assertions and overflow checks are on.
pub(crate) fn add_seeds(workspace: &Workspace, steps: &mut Steps) {
    steps.run("simulation", || run(workspace, &["--seeds", "1000"].map(Into::into)));
}
