//! The stage of a scenario: one daemon, the peers connected to it, and the clock.

use std::net::{Ipv4Addr, SocketAddrV4, TcpListener};
use std::process;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};

use super::Turn;
use crate::measurement::{Measurement, MemoryEach};
use crate::peer::{Intake, PeerId, PeerSettings, Peers};
use crate::process_usage::ProcessUsage;
use crate::subject::{RunningDaemon, Topology};

/// One daemon and its peers.
pub(super) struct Stage<'a, I> {
    turn: &'a Turn<'a>,
    daemon: RunningDaemon,
    peers: Peers<I>,
}

/// Start of a phase, with the usage up to then.
#[derive(Clone, Copy)]
pub(super) struct Start {
    pub(super) at: Instant,
    daemon: ProcessUsage,
    generator: ProcessUsage,
}

/// End of a phase.
pub(super) struct End {
    /// When the last receiver had the expected routes, or the time limit.
    pub(super) at: Instant,
    /// The longest time without any received octet.
    pub(super) longest_silence: Duration,
    /// What was wrong at the time limit.
    pub(super) incomplete: Option<String>,
}

impl End {
    /// Over now, with what was wrong.
    pub(super) fn now(incomplete: Option<String>) -> Self {
        Self { at: Instant::now(), longest_silence: Duration::ZERO, incomplete }
    }
}

impl<'a, I: Intake> Stage<'a, I> {
    /// Starts the daemon.
    ///
    /// # Errors
    ///
    /// The daemon cannot be started.
    pub(super) fn new(turn: &'a Turn<'a>, topology: &Topology, intake: I) -> Result<Self> {
        Ok(Self {
            turn,
            daemon: RunningDaemon::start(turn.subject, topology)?,
            peers: Peers::new(topology.listen, intake)?,
        })
    }

    /// Runs `work` on the stage; an error includes the end of the daemon's log.
    ///
    /// # Errors
    ///
    /// Those of `work`.
    pub(super) fn perform<T>(&mut self, work: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        let outcome = work(self);
        outcome.with_context(|| format!("{} failed; {}", self.turn.name, self.daemon.last_words()))
    }

    pub(super) fn turn(&self) -> &'a Turn<'a> {
        self.turn
    }

    pub(super) fn peers(&self) -> &Peers<I> {
        &self.peers
    }

    pub(super) fn peers_mut(&mut self) -> &mut Peers<I> {
        &mut self.peers
    }

    /// Connects peers.
    ///
    /// # Errors
    ///
    /// A session does not come up.
    pub(super) fn establish(&mut self, newcomers: &[PeerSettings]) -> Result<Vec<PeerId>> {
        let daemon = &mut self.daemon;
        self.peers.establish(newcomers, Instant::now() + SESSION_TIMEOUT, || daemon.has_ended())
    }

    /// Re-establishes sessions of peers that have left.
    ///
    /// # Errors
    ///
    /// A session does not come up.
    pub(super) fn establish_again(&mut self, ids: &[PeerId]) -> Result<()> {
        let daemon = &mut self.daemon;
        self.peers.establish_again(ids, Instant::now() + SESSION_TIMEOUT, || daemon.has_ended())
    }

    /// Kills the daemon and starts it again; the peers leave before.
    ///
    /// # Errors
    ///
    /// The daemon cannot be started.
    pub(super) fn restart(&mut self, topology: &Topology, ids: &[PeerId]) -> Result<()> {
        ids.iter().for_each(|&id| self.peers.leave(id));
        self.daemon.restart(self.turn.subject, topology)
    }

    /// Changes the daemon's configuration.
    ///
    /// # Errors
    ///
    /// The daemon refuses it.
    pub(super) fn reload(&self, topology: &Topology) -> Result<()> {
        self.daemon.reload(self.turn.subject, topology)
    }

    /// Waits until the daemon is idle.
    ///
    /// # Errors
    ///
    /// A session is lost.
    pub(super) fn rest(&mut self) -> Result<()> {
        self.peers.run(Instant::now() + QUIET, |_, _| false).map(drop)
    }

    /// Starts the clock of a phase.
    ///
    /// # Errors
    ///
    /// The daemon has ended, or does not answer.
    pub(super) fn start(&self) -> Result<Start> {
        self.daemon.take_longest_turn(self.turn.subject)?;
        let daemon = self.daemon.usage()?;
        Ok(Start { daemon, generator: ProcessUsage::of_one(process::id())?, at: Instant::now() })
    }

    /// What a phase came to.
    ///
    /// # Errors
    ///
    /// The daemon has ended, or does not answer.
    pub(super) fn measurement(&self, phase: &'static str, start: &Start, end: End) -> Result<Measurement> {
        let (daemon, generator) = (self.daemon.usage()?, ProcessUsage::of_one(process::id())?);
        let longest_turn = self.daemon.take_longest_turn(self.turn.subject)?;
        Ok(Measurement {
            scenario: self.turn.scenario,
            daemon: self.turn.name.to_owned(),
            phase,
            wall_seconds: end.at.saturating_duration_since(start.at).as_secs_f64(),
            incomplete: end.incomplete,
            longest_silence_seconds: end.longest_silence.as_secs_f64(),
            cpu_seconds: daemon.cpu.saturating_sub(start.daemon.cpu).as_secs_f64(),
            generator_cpu_seconds: generator.cpu.saturating_sub(start.generator.cpu).as_secs_f64(),
            peak_rss_mib: mebibytes(daemon.peak_rss_kib),
            memory_each: None,
            latency: None,
            longest_turn,
            sent_each: None,
        })
    }

    /// Octets that the daemon's resident memory has grown by since a phase started.
    ///
    /// # Errors
    ///
    /// The daemon has ended.
    pub(super) fn grown_octets(&self, since: &Start) -> Result<u64> {
        Ok(self.daemon.usage()?.rss_kib.saturating_sub(since.daemon.rss_kib) * 1024)
    }

    /// The daemon's reason for the end of a peer's last session.
    ///
    /// # Errors
    ///
    /// It does not answer.
    pub(super) fn why_session_ended(&self, peer: &str) -> Result<Option<String>> {
        self.daemon.why_session_ended(self.turn.subject, peer)
    }

    /// What the daemon's memory has grown by since a phase started, for each of `count` things.
    ///
    /// # Errors
    ///
    /// The daemon has ended.
    #[expect(clippy::cast_precision_loss, reason = "shown without decimals")]
    pub(super) fn memory_each(&self, unit: &'static str, count: usize, since: &Start) -> Result<MemoryEach> {
        let grown = self.daemon.usage()?.rss_kib.saturating_sub(since.daemon.rss_kib) * 1024;
        Ok(MemoryEach { unit, octets: grown as f64 / count as f64 })
    }
}

/// A free port of an address of this node.
///
/// # Errors
///
/// All ports are in use.
pub(super) fn free_address(address: Ipv4Addr) -> Result<SocketAddrV4> {
    let listener = TcpListener::bind((address, 0)).context("a free port")?;
    let port = listener.local_addr().context("a free port")?.port();
    Ok(SocketAddrV4::new(address, port))
}

#[expect(clippy::cast_precision_loss, reason = "shown with one decimal")]
fn mebibytes(kibibytes: u64) -> f64 {
    kibibytes as f64 / 1024.0
}

/// Silence after which a phase counts as over; not part of the measured time.
pub(super) const QUIET: Duration = Duration::from_millis(300);

const SESSION_TIMEOUT: Duration = Duration::from_secs(60);
