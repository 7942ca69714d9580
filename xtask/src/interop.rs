//! margay and other daemons in containers: what they need, margay's own image, and the harness itself.

use std::ffi::OsString;

use anyhow::Result;
use margay_lab::packages::{self, DEBOOTSTRAP, NETWORK, PODMAN, RUNC};

use crate::package::{self, Profile};
use crate::steps::run_command;
use crate::workspace::Workspace;

/// Installs what the harness needs, makes margay's image, and runs the harness with these arguments. A run of all cells
/// writes the page.
pub(crate) fn run(workspace: &Workspace, profile: Profile, arguments: &[OsString]) -> Result<()> {
    packages::install_missing(&[NETWORK, &[PODMAN, RUNC, DEBOOTSTRAP]].concat())?;
    package::load_image(workspace, profile)?;
    run_command(workspace.cargo().args(["build", "--quiet", "-p", "margay-interop"]))?;
    let harness = workspace.target_directory()?.join("debug/margay-interop");
    let mut run = packages::as_root(harness)?;
    run.current_dir(&workspace.root).args(["--page", PAGE]).args(arguments);
    run_command(&mut run)
}

const PAGE: &str = "docs/interop.md";
