//! The daemons under test, a file for each: how it is configured, started and asked for its version.

mod bird;
mod frr;
mod gobgp;
mod margay;
mod openbgpd;
mod relay;
mod running_daemon;

use std::ffi::OsString;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use bgp_codec::{Asn, BgpIdentifier, ClusterId, Ipv4Prefix};
use clap::ValueEnum;

pub(crate) use running_daemon::RunningDaemon;

use crate::measurement::LongestTurn;
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
    fn arguments(&self, topology: &Topology, configuration: &Path, folder: &Path) -> Vec<OsString>;

    /// What must be done once before it can run.
    ///
    /// # Errors
    ///
    /// When that fails.
    fn prepare(&self) -> Result<()> {
        Ok(())
    }

    /// Whether it can keep the kernel's forwarding table.
    fn keeps_kernel(&self) -> bool {
        false
    }

    /// How long it heard nobody at the longest since this was asked last; `None` when it does not tell.
    ///
    /// # Errors
    ///
    /// It does not answer.
    fn take_longest_turn(&self, _folder: &Path) -> Result<Option<LongestTurn>> {
        Ok(None)
    }

    /// How it is made to read its configuration again; `None` where filters are not rendered.
    fn reload_command(&self, _folder: &Path) -> Option<Command> {
        None
    }

    /// The programs that must run before it can, in order.
    fn helpers(&self, _topology: &Topology, _folder: &Path) -> Vec<Helper> {
        Vec::new()
    }

    /// Whether it is no daemon, but passes on unchanged what it gets.
    fn is_relay(&self) -> bool {
        false
    }

    /// What makes the program tell its version.
    fn version_argument(&self) -> &'static str {
        "--version"
    }

    /// What it says of its version: the last word of the first line.
    ///
    /// # Errors
    ///
    /// When the program is missing or says nothing.
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

/// A program that runs beside a daemon.
pub(crate) struct Helper {
    pub(crate) program: PathBuf,
    pub(crate) arguments: Vec<OsString>,
    /// Is there when the helper is ready.
    pub(crate) socket: PathBuf,
}

/// What every daemon is configured for: one speaker that waits for peers.
#[derive(Clone)]
pub(crate) struct Topology {
    pub(crate) asn: Asn,
    pub(crate) router_id: BgpIdentifier,
    pub(crate) listen: SocketAddrV4,
    pub(crate) peers: Vec<PeerSettings>,
    /// The cluster whose clients the peers of the own AS are.
    pub(crate) cluster: Option<ClusterId>,
    /// Where the next hops are of the routes that it shall put into the kernel's table; without any, it has no kernel.
    pub(crate) interfaces: Vec<&'static str>,
    /// The peers whose routes go to the others when there is no daemon but a bare relay.
    pub(crate) relayed: Vec<Ipv4Addr>,
    pub(crate) refusals: Vec<Refusal>,
}

/// A filter: routes inside a prefix are not taken from a peer, or not advertised to it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Refusal {
    pub(crate) peer: Ipv4Addr,
    pub(crate) direction: Direction,
    pub(crate) within: Ipv4Prefix,
}

/// On which side of the daemon a filter is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Direction {
    Import,
    Export,
}

impl Topology {
    fn cluster_address(&self) -> Option<Ipv4Addr> {
        self.cluster.map(|cluster| Ipv4Addr::from_bits(cluster.0))
    }

    fn has_kernel(&self) -> bool {
        !self.interfaces.is_empty()
    }

    /// The peers' AS numbers, each once.
    fn peer_asns(&self) -> Vec<Asn> {
        let mut asns: Vec<Asn> = self.peers.iter().map(|peer| peer.asn).collect();
        asns.sort_unstable();
        asns.dedup();
        asns
    }
}

/// The daemons by the names they have on the command line.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum SubjectName {
    /// This project's
    Margay,
    /// BIRD 2, of the package bird2
    Bird,
    /// FRR as it is shipped, of the package frr
    Frr,
    /// FRR without delays
    FrrTuned,
    /// OpenBGPD, of the package openbgpd
    Openbgpd,
    /// GoBGP, of the package gobgpd
    Gobgp,
    /// No daemon but the simplest program that copies octets from peer to peer, or from memory to the kernel: what no
    /// daemon can undercut
    Floor,
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
            Self::Frr => Box::new(frr::Frr::AsShipped),
            Self::FrrTuned => Box::new(frr::Frr::Tuned),
            Self::Openbgpd => Box::new(openbgpd::OpenBgpd),
            Self::Gobgp => Box::new(gobgp::Gobgp),
            Self::Floor => Box::new(relay::Relay),
        })
    }
}
