//! Where a scenario is played: one daemon, the peers connected to it, and the check of what they receive.

use std::net::{Ipv4Addr, SocketAddrV4, TcpListener};
use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

use crate::adj_rib_in::AdjRibIn;
use crate::expectation::Expectation;
use crate::measurement::Measurement;
use crate::peer::{Pause, PeerId, PeerSettings, Peers};
use crate::subject::{RunningDaemon, Subject, Topology};
use crate::workload::end_of_rib;

/// One daemon and its peers.
pub(crate) struct Stage {
    name: String,
    daemon: RunningDaemon,
    peers: Peers,
    receivers: Vec<Receiver>,
    timeout: Duration,
}

/// A peer whose routes are checked.
struct Receiver {
    id: PeerId,
    name: &'static str,
    rib: AdjRibIn,
    /// How many routes it had been told of before the phase.
    routes_before: usize,
    /// The fewest that must come in the phase.
    outstanding: usize,
}

impl Stage {
    /// Starts the daemon; `name` is for tables.
    ///
    /// # Errors
    ///
    /// The daemon cannot be started.
    pub(crate) fn new(
        name: &str,
        subject: &dyn Subject,
        topology: &Topology,
        timeout: Duration,
    ) -> Result<Self> {
        Ok(Self {
            name: name.to_owned(),
            daemon: RunningDaemon::start(subject, topology)?,
            peers: Peers::new(topology.listen)?,
            receivers: Vec::new(),
            timeout,
        })
    }

    pub(crate) fn peers(&mut self) -> &mut Peers {
        &mut self.peers
    }

    /// Connects a peer that only sends.
    ///
    /// # Errors
    ///
    /// Its session does not come up.
    pub(crate) fn add_feed(&mut self, settings: PeerSettings) -> Result<PeerId> {
        self.peers.establish(settings, Instant::now() + SESSION_TIMEOUT)
    }

    /// Connects a peer that has no routes and must come to hold these.
    ///
    /// # Errors
    ///
    /// Its session does not come up.
    pub(crate) fn add_receiver(&mut self, settings: PeerSettings, expected: &Rc<Expectation>) -> Result<()> {
        let id = self.peers.establish(settings, Instant::now() + SESSION_TIMEOUT)?;
        self.peers.send(id, end_of_rib())?;
        let rib = AdjRibIn::new(Rc::clone(expected));
        let outstanding = rib.outstanding();
        self.receivers.push(Receiver { id, name: settings.name, rib, routes_before: 0, outstanding });
        Ok(())
    }

    /// Lets the daemon come to rest.
    ///
    /// # Errors
    ///
    /// A session is lost.
    pub(crate) fn rest(&mut self) -> Result<()> {
        self.peers.run(Instant::now() + QUIET, |_, _| false).map(drop)
    }

    /// Measures how long it takes from `start` until every receiver holds exactly the routes expected.
    ///
    /// # Errors
    ///
    /// A receiver does not come to hold them in time; the text says what differs. A session is lost.
    pub(crate) fn measure(
        &mut self,
        phase: &'static str,
        expected: &Rc<Expectation>,
        start: impl FnOnce(&mut Self) -> Result<()>,
    ) -> Result<Measurement> {
        for receiver in &mut self.receivers {
            receiver.expect(expected, &self.peers);
        }
        let before = self.daemon.usage()?;
        let started = Instant::now();
        start(self).with_context(|| phase)?;
        let (completed, last) = self.wait_for_receivers(started).with_context(|| phase)?;
        let after = self.daemon.usage()?;
        Ok(Measurement {
            daemon: self.name.clone(),
            phase,
            longest_silence_seconds: self
                .peers
                .received(last)
                .longest_silence(started, completed)
                .as_secs_f64(),
            wall_seconds: completed.duration_since(started).as_secs_f64(),
            cpu_seconds: after.cpu.saturating_sub(before.cpu).as_secs_f64(),
            peak_rss_mib: mebibytes(after.peak_rss_kib),
        })
    }

    /// What the daemon logged last.
    pub(crate) fn last_words(&mut self) -> String {
        self.daemon.last_words()
    }

    /// Returns when the last receiver had what it must have, and which it is.
    fn wait_for_receivers(&mut self, started: Instant) -> Result<(Instant, PeerId)> {
        let deadline = started + self.timeout;
        loop {
            let pause = self.wait_for_quiet(deadline)?;
            for receiver in &mut self.receivers {
                receiver.rib.replay(self.peers.received(receiver.id)).with_context(|| receiver.name)?;
            }
            let completed = |receiver: &Receiver| {
                let at = receiver.rib.completed(self.peers.received(receiver.id), started)?;
                Some((at, receiver.id))
            };
            if let Some(all) =
                self.receivers.iter().map(completed).collect::<Option<Vec<(Instant, PeerId)>>>()
            {
                return all.into_iter().max().context("nobody receives");
            }
            if pause == Pause::Deadline {
                bail!("not complete after {:.0?}\n{}", self.timeout, self.differences());
            }
        }
    }

    /// Runs until everybody has been told of as many routes as must come, and then for a while of nothing more.
    fn wait_for_quiet(&mut self, deadline: Instant) -> Result<Pause> {
        let checked: Vec<usize> = self.receivers.iter().map(|receiver| receiver.rib.replayed()).collect();
        let incomplete = |receiver: &Receiver| receiver.rib.outstanding() > 0;
        let open: Vec<bool> = self.receivers.iter().map(incomplete).collect();
        let receivers = &self.receivers;
        self.peers.run(deadline, |peers, now| {
            receivers.iter().zip(checked.iter().zip(&open)).all(|(receiver, (&checked, &open))| {
                let received = peers.received(receiver.id);
                let enough = received.routes() >= receiver.routes_before + receiver.outstanding;
                let news = !open || received.end() > checked;
                let quiet = received.last_update().is_none_or(|last| now.duration_since(last) >= QUIET);
                enough && news && quiet
            })
        })
    }

    fn differences(&self) -> String {
        let describe = |receiver: &Receiver| {
            let mut lines = vec![format!("{}: {}", receiver.name, receiver.rib.progress())];
            lines.extend(
                receiver.rib.differences(SHOWN_DIFFERENCES).into_iter().map(|line| format!("  {line}")),
            );
            lines.join("\n")
        };
        self.receivers.iter().map(describe).collect::<Vec<_>>().join("\n")
    }
}

impl Receiver {
    fn expect(&mut self, expected: &Rc<Expectation>, peers: &Peers) {
        self.rib.expect(Rc::clone(expected));
        self.outstanding = self.rib.outstanding();
        self.routes_before = peers.received(self.id).routes();
    }
}

/// An address of the loopback interface that nobody listens on.
///
/// # Errors
///
/// When all ports are taken.
pub(crate) fn free_address() -> Result<SocketAddrV4> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("a free port")?;
    let port = listener.local_addr().context("a free port")?.port();
    Ok(SocketAddrV4::new(Ipv4Addr::LOCALHOST, port))
}

#[expect(clippy::cast_precision_loss, reason = "shown with one decimal")]
fn mebibytes(kibibytes: u64) -> f64 {
    kibibytes as f64 / 1024.0
}

/// How long nothing comes before a phase counts as over; the time itself is not part of the measurement.
const QUIET: Duration = Duration::from_millis(300);

const SESSION_TIMEOUT: Duration = Duration::from_secs(15);

const SHOWN_DIFFERENCES: usize = 5;
