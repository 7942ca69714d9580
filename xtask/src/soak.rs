//! The daemon for a long time among peers that come and go, while what surrounds it fails.

use std::ffi::OsString;

use anyhow::Result;
use margay_lab::packages::{self, NETWORK};

use crate::package::Profile;
use crate::steps::run_command;
use crate::workspace::Workspace;

/// Builds the daemon and runs the soak with these arguments.
///
/// # Errors
///
/// The build fails, or the soak has found something.
pub(crate) fn run(workspace: &Workspace, profile: Profile, arguments: &[OsString]) -> Result<()> {
    packages::install_missing(NETWORK)?;
    let mut build = workspace.cargo();
    build.args(["build", "--quiet", "-p", "margay", "-p", "margay-cli"]);
    let folder = match profile {
        Profile::Dev => "debug",
        Profile::Release => {
            build.arg("--release");
            "release"
        }
    };
    run_command(&mut build)?;
    run_command(workspace.cargo().args(["build", "--quiet", "-p", "margay-interop"]))?;
    let target = workspace.target_directory()?;
    let mut run = packages::as_root(target.join("debug/margay-interop"))?;
    run.current_dir(&workspace.root).args(["soak", "--margayd"]).arg(target.join(folder).join("margayd"));
    run_command(run.args(arguments))
}
