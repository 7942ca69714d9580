//! The image in Podman, without root and with two capabilities.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail, ensure};
use margay_lab::packages::{PODMAN, RUNC, install_missing};

use super::try_out::{CONFIGURATION, configure, text_of, within_patience};
use crate::package::image::NAME;
use crate::package::output::folder;
use crate::steps::{Steps, run_command};
use crate::workspace::Workspace;

/// Loads the image into Podman, and runs it without root and with two capabilities.
pub(in crate::package) fn of_image(workspace: &Workspace, archive: &Path) -> Result<()> {
    install_missing(&[PODMAN, RUNC])?;
    let mut steps = Steps::new();
    let folder = folder(workspace)?.join("trial");
    let place = folder.join(CONFIGURATION);
    fs::create_dir_all(place.parent().context("no folder")?)?;
    configure(&folder, "10.65.1.0/26")?;
    steps.run("the image loads", || load(archive));
    let volume = format!("{}:/etc/margay:ro", place.parent().context("no folder")?.display());
    let isolation = ["--network", "none", "--cap-drop", "all", "--read-only"];
    // Podman asks for more than a machine may allow.
    let limits = ["--ulimit", "nofile=4096:4096", "--ulimit", "nproc=4096:4096"];
    let capabilities = ["--cap-add", "net_admin", "--cap-add", "net_bind_service"];
    let run = ["run", "--detach", "--rm", "--name", TRIAL];
    let mut start = podman();
    start.args(run).args(isolation).args(limits).args(capabilities).args(["--volume", &volume, NAME]);
    steps.command("it starts", start.stdout(Stdio::null()));
    steps.run("the daemon answers, and keeps routes without root", || {
        within_patience("an answer", || {
            text_of(podman().args(["exec", TRIAL, "margay", "healthz", "--live"]))
        })?;
        let process = text_of(podman().args(["inspect", "--format", "{{.State.Pid}}", TRIAL]))?;
        let status = fs::read_to_string(format!("/proc/{process}/status"))?;
        ensure!(status.contains("\nUid:\t179\t179\t179\t179\n"), "{status}");
        within_patience("the route", || {
            let routes = text_of(Command::new("nsenter").args(["-t", &process, "-n", "ip", "route"]))?;
            if routes.contains("blackhole 10.65.1.0/26") { Ok(()) } else { bail!("{routes}") }
        })
    });
    steps.command("it ends", Command::new("podman").args(["rm", "--force", TRIAL]).stdout(Stdio::null()));
    steps.finish("trial of the image")
}

/// Loads the image into Podman.
///
/// # Errors
///
/// Podman fails.
pub(in crate::package) fn load(archive: &Path) -> Result<()> {
    run_command(podman().args(["load", "--quiet", "--input"]).arg(archive).stdout(Stdio::null()))
}

/// The name of the container while the image is tried.
const TRIAL: &str = "margay-trial";

/// Podman with the runtime and the manager of control groups that work with every arrangement of them.
fn podman() -> Command {
    let mut command = Command::new("podman");
    command.args(["--runtime", "runc", "--cgroup-manager", "cgroupfs"]);
    command
}
