//! A daemon that can be measured, and the programs that it needs.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};

use super::topology::Topology;
use crate::measurement::LongestTurn;

/// A daemon that can be measured.
pub(crate) trait Subject {
    /// Its name in tables.
    fn name(&self) -> &'static str;

    /// Its program.
    fn program(&self) -> PathBuf;

    /// How to install the program if it is missing.
    fn install_hint(&self) -> &'static str;

    /// The text of its configuration; files of its own go into `folder`.
    fn render(&self, topology: &Topology, folder: &Path) -> String;

    /// The arguments that make it read a configuration and stay in the foreground.
    fn arguments(&self, topology: &Topology, configuration: &Path, folder: &Path) -> Vec<OsString>;

    /// One-time preparations.
    ///
    /// # Errors
    ///
    /// They fail.
    fn prepare(&self) -> Result<()> {
        Ok(())
    }

    /// Whether it can keep the kernel's forwarding table.
    fn keeps_kernel(&self) -> bool {
        false
    }

    /// Its longest turn since the last call; `None` if it does not report that.
    ///
    /// # Errors
    ///
    /// It does not answer.
    fn take_longest_turn(&self, _folder: &Path) -> Result<Option<LongestTurn>> {
        Ok(None)
    }

    /// Why the last session of a peer ended; `None` when it does not tell.
    ///
    /// # Errors
    ///
    /// It does not answer.
    fn why_session_ended(&self, _folder: &Path, _peer: &str) -> Result<Option<String>> {
        Ok(None)
    }

    /// How it is made to read its configuration again; `None` where filters are not rendered.
    fn reload_command(&self, _folder: &Path) -> Option<Command> {
        None
    }

    /// Whether it applies changed import filters to routes that it has received already, without asking for them again.
    fn filters_received_routes_again(&self) -> bool {
        false
    }

    /// The programs that must run before it can, in order.
    fn helpers(&self, _topology: &Topology, _folder: &Path) -> Vec<Helper> {
        Vec::new()
    }

    /// Whether it is not a daemon, but passes octets on unchanged.
    fn is_relay(&self) -> bool {
        false
    }

    /// The argument that makes the program print its version.
    fn version_argument(&self) -> &'static str {
        "--version"
    }

    /// Its version: the last word of the first line that it prints.
    ///
    /// # Errors
    ///
    /// The program is missing or prints nothing.
    fn version(&self) -> Result<String> {
        let program = self.program();
        let answer = Command::new(&program)
            .arg(self.version_argument())
            .output()
            .with_context(|| format!("{}: {}", program.display(), self.install_hint()))?;
        let asked = format!("{} {}", program.display(), self.version_argument());
        ensure!(answer.status.success(), "{asked} ended with {}", answer.status);
        let said = [answer.stdout, answer.stderr].concat();
        let said = String::from_utf8_lossy(&said);
        let word = said.lines().next().and_then(|line| line.split_whitespace().next_back());
        Ok(word.with_context(|| format!("{asked} says nothing"))?.to_owned())
    }
}

/// A program that a daemon depends on.
pub(crate) struct Helper {
    pub(crate) program: PathBuf,
    pub(crate) arguments: Vec<OsString>,
    /// Exists when the helper is ready.
    pub(crate) socket: PathBuf,
}
