//! The daemons under test, a file for each: how it is configured, started and asked for its version.

mod bird;
mod gobgp;
mod margay;
mod running_daemon;

use std::ffi::OsString;
use std::net::SocketAddrV4;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use bgp_codec::{Asn, BgpIdentifier};
use clap::ValueEnum;

pub(crate) use running_daemon::RunningDaemon;

use crate::peer::PeerSettings;

/// A daemon that can be measured.
pub(crate) trait Subject {
    /// Its name in tables.
    fn name(&self) -> &'static str;

    /// What to run.
    fn program(&self) -> PathBuf;

    /// What to do when the program is not there.
    fn install_hint(&self) -> &'static str;

    /// The text of its configuration; files of its own go into `folder`.
    fn render(&self, topology: &Topology, folder: &Path) -> String;

    /// The arguments that make it read a configuration and stay in the foreground.
    fn arguments(&self, configuration: &Path, folder: &Path) -> Vec<OsString>;

    /// What it says of its version: the last word of the first line.
    ///
    /// # Errors
    ///
    /// When the program is missing or says nothing.
    fn version(&self) -> Result<String> {
        let program = self.program();
        let answer = Command::new(&program)
            .arg("--version")
            .output()
            .with_context(|| format!("{}: {}", program.display(), self.install_hint()))?;
        ensure!(answer.status.success(), "{} --version ended with {}", program.display(), answer.status);
        let said = [answer.stdout, answer.stderr].concat();
        let said = String::from_utf8_lossy(&said);
        let word = said.lines().next().and_then(|line| line.split_whitespace().next_back());
        Ok(word.with_context(|| format!("{} --version says nothing", program.display()))?.to_owned())
    }
}

/// What every daemon is configured for: one speaker that waits for external peers, with neither filters nor a kernel.
pub(crate) struct Topology {
    pub(crate) asn: Asn,
    pub(crate) router_id: BgpIdentifier,
    pub(crate) listen: SocketAddrV4,
    pub(crate) peers: Vec<PeerSettings>,
}

/// The daemons by the names they have on the command line.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum SubjectName {
    /// This project's
    Margay,
    /// BIRD 2, of the package bird2
    Bird,
    /// GoBGP, of the package gobgpd
    Gobgp,
}

impl SubjectName {
    /// The daemon of this name.
    ///
    /// # Errors
    ///
    /// `margayd` is not given and cannot be looked for.
    pub(crate) fn subject(self, margayd: Option<&Path>) -> Result<Box<dyn Subject>> {
        Ok(match self {
            Self::Margay => Box::new(margay::Margay::new(margayd)?),
            Self::Bird => Box::new(bird::Bird),
            Self::Gobgp => Box::new(gobgp::Gobgp),
        })
    }
}
