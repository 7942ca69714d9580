//! Attacks of a peer on margay and BIRD in containers, and what they cost.

use anyhow::Result;
use margay_lab::packages::{self, DEBOOTSTRAP, NETWORK, PODMAN, RUNC};

use crate::package::{self, Profile};
use crate::steps::run_command;
use crate::workspace::Workspace;

/// Makes margay's image, and writes the table.
///
/// # Errors
///
/// A step fails, or a daemon does not withstand an attack.
pub(crate) fn run(workspace: &Workspace, profile: Profile) -> Result<()> {
    packages::install_missing(&[NETWORK, &[PODMAN, RUNC, DEBOOTSTRAP]].concat())?;
    package::load_image(workspace, profile)?;
    run_command(workspace.cargo().args(["build", "--quiet", "-p", "margay-interop"]))?;
    let harness = workspace.target_directory()?.join("debug/margay-interop");
    let mut run = packages::as_root(harness)?;
    run_command(run.current_dir(&workspace.root).args(["hostile", "--page", PAGE]))
}

const PAGE: &str = "docs/hostile.md";
