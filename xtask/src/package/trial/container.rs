//! A Debian system in a folder that runs as a container with its own systemd and network.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use anyhow::{Context as _, Result, bail};
use margay_lab::packages::as_root;

use super::try_out::{text_of, within_patience};

/// A running system; it ends with its owner.
pub(super) struct Container {
    nspawn: Child,
    /// The process that is the first one inside.
    leader: u32,
}

impl Container {
    /// Boots the system, and waits until systemd has started everything.
    pub(super) fn boot(root: &Path) -> Result<Self> {
        let mut command = as_root("systemd-nspawn")?;
        command.args(["--quiet", "--boot", "--register=no", "--keep-unit", "--private-network"]);
        command.args(["--console=pipe", "--directory"]).arg(root);
        let nspawn = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        let mut container = Self { nspawn: nspawn.context("systemd-nspawn")?, leader: 0 };
        within_patience("first process", || {
            container.leader = first_child(container.nspawn.id())?;
            // Degraded is as good: it says that some unit of Debian's failed.
            match text_of(&mut container.inside(&["systemctl", "is-system-running"])) {
                Err(error) if !format!("{error:#}").contains("degraded") => Err(error),
                _ => Ok(()),
            }
        })?;
        Ok(container)
    }

    /// Runs a command inside; the result is what it prints.
    pub(super) fn run(&self, words: &[&str]) -> Result<String> {
        text_of(&mut self.inside(words))
    }

    /// Runs a command inside that must not succeed.
    pub(super) fn expect_failure(&self, words: &[&str]) -> Result<()> {
        match self.run(words) {
            Err(_) => Ok(()),
            Ok(text) => bail!("{words:?} succeeded: {text}"),
        }
    }

    fn inside(&self, words: &[&str]) -> Command {
        let mut command = Command::new("nsenter");
        command.args(["--all", "--target", &self.leader.to_string(), "--"]).args(words);
        command
            .env_clear()
            .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
            .env("DEBIAN_FRONTEND", "noninteractive");
        command
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        if self.leader != 0 {
            // All processes inside end with the first one.
            drop(Command::new("kill").args(["-KILL", &self.leader.to_string()]).status());
        } else {
            drop(self.nspawn.kill());
        }
        drop(self.nspawn.wait());
    }
}

fn first_child(process: u32) -> Result<u32> {
    let children = fs::read_to_string(format!("/proc/{process}/task/{process}/children"))?;
    let first = children.split_whitespace().next().context("systemd-nspawn has not started anything")?;
    Ok(first.parse()?)
}
