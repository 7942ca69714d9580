//! All sessions of the generator, driven by one epoll loop.

use std::io::{self, ErrorKind};
use std::net::SocketAddrV4;
use std::os::fd::OwnedFd;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use bytes::Bytes;
use rustix::buffer::spare_capacity;
use rustix::event::epoll::{self, CreateFlags, Event, EventData, EventFlags};
use rustix::time::Timespec;

use super::intake::Intake;
use super::peer_id::PeerId;
use super::session::{PeerSettings, Session, State};

/// The peers of the daemon, and the consumer of the UPDATEs that they receive.
pub(crate) struct Peers<I> {
    daemon: SocketAddrV4,
    epoll: OwnedFd,
    peers: Vec<Peer>,
    intake: I,
    /// The first peer whose session was lost after it was up.
    lost: Option<PeerId>,
    next_timeouts: Instant,
    events: Vec<Event>,
    scratch: Vec<u8>,
}

struct Peer {
    settings: PeerSettings,
    session: Option<Session>,
    /// Whether its session may still fail and be tried again.
    is_trying: bool,
}

impl Peer {
    fn is_shaking_hands(&self) -> bool {
        let state = self.session.as_ref().map(Session::state);
        matches!(state, Some(State::OpenSent | State::OpenConfirm))
    }
}

impl<I: Intake> Peers<I> {
    /// Starts without peers; all will connect to this address.
    ///
    /// # Errors
    ///
    /// No epoll instance can be created.
    pub(crate) fn new(daemon: SocketAddrV4, intake: I) -> Result<Self> {
        Ok(Self {
            daemon,
            epoll: epoll::create(CreateFlags::CLOEXEC).context("epoll_create")?,
            peers: Vec::new(),
            intake,
            lost: None,
            next_timeouts: Instant::now(),
            events: Vec::with_capacity(1024),
            scratch: vec![0; READ_OCTETS],
        })
    }

    /// Establishes sessions, a few at a time. Retries while the daemon is not listening or rejects a peer,
    /// unless `is_hopeless` returns true.
    ///
    /// # Errors
    ///
    /// A session is not up at the deadline, or another one is lost meanwhile.
    pub(crate) fn establish(
        &mut self,
        newcomers: &[PeerSettings],
        deadline: Instant,
        mut is_hopeless: impl FnMut() -> bool,
    ) -> Result<Vec<PeerId>> {
        let first = self.peers.len();
        for settings in newcomers {
            self.peers.push(Peer { settings: settings.clone(), session: None, is_trying: true });
        }
        let ids: Vec<PeerId> = (first..self.peers.len()).map(PeerId).collect();
        for together in ids.chunks(HANDSHAKES_AT_ONCE) {
            self.establish_together(together, deadline, &mut is_hopeless)?;
        }
        Ok(ids)
    }

    /// Re-establishes sessions of peers that have left; see [`establish`](Self::establish).
    ///
    /// # Errors
    ///
    /// A session is not up at the deadline, or another one is lost meanwhile.
    pub(crate) fn establish_again(
        &mut self,
        ids: &[PeerId],
        deadline: Instant,
        mut is_hopeless: impl FnMut() -> bool,
    ) -> Result<()> {
        ids.iter().for_each(|id| self.peers[id.0].is_trying = true);
        ids.chunks(HANDSHAKES_AT_ONCE)
            .try_for_each(|together| self.establish_together(together, deadline, &mut is_hopeless))
    }

    /// Queues messages on one peer's session.
    ///
    /// # Errors
    ///
    /// The peer has left.
    pub(crate) fn send(&mut self, id: PeerId, messages: Bytes) -> Result<()> {
        let session = self.peers[id.0].session.as_mut().context("the peer has left")?;
        let was_idle = !session.has_outbound();
        session.queue(messages);
        if was_idle {
            session.handle_writable(Instant::now());
        }
        if was_idle && session.has_outbound() {
            watch(&self.epoll, id, session).context("epoll_ctl")?;
        }
        Ok(())
    }

    /// Reads nothing from a peer's session any more; KEEPALIVEs are sent all the same.
    ///
    /// # Errors
    ///
    /// The peer has left.
    pub(crate) fn stop_reading(&mut self, id: PeerId) -> Result<()> {
        let session = self.peers[id.0].session.as_mut().context("the peer has left")?;
        session.set_reading(false);
        epoll::delete(&self.epoll, session.socket()).context("epoll_ctl")
    }

    /// Reads from a peer's session again.
    ///
    /// # Errors
    ///
    /// The peer has left.
    pub(crate) fn read_again(&mut self, id: PeerId) -> Result<()> {
        let session = self.peers[id.0].session.as_mut().context("the peer has left")?;
        session.set_reading(true);
        epoll::add(&self.epoll, session.socket(), data(id), interest(session)).context("epoll_ctl")
    }

    /// Whether a peer's session is over.
    pub(crate) fn is_closed(&self, id: PeerId) -> bool {
        let state = self.peers[id.0].session.as_ref().map(Session::state);
        matches!(state, None | Some(State::Closed(_)))
    }

    /// Closes a peer's TCP connection without a word.
    pub(crate) fn leave(&mut self, id: PeerId) {
        // Closing the socket removes it from the epoll instance.
        self.peers[id.0].session = None;
        if self.lost == Some(id) {
            self.lost = None;
        }
    }

    /// The consumer of UPDATEs.
    pub(crate) fn intake(&self) -> &I {
        &self.intake
    }

    /// The consumer of UPDATEs, for changes.
    pub(crate) fn intake_mut(&mut self) -> &mut I {
        &mut self.intake
    }

    /// Reads and writes until a condition holds, which is checked after each batch of events.
    ///
    /// # Errors
    ///
    /// A session is lost before that.
    pub(crate) fn run(
        &mut self,
        deadline: Instant,
        mut done: impl FnMut(&Self, Instant) -> bool,
    ) -> Result<Pause> {
        loop {
            let now = Instant::now();
            if done(self, now) {
                return Ok(Pause::Done);
            }
            if let Some(id) = self.lost {
                let Peer { settings, session, .. } = &self.peers[id.0];
                let state = session.as_ref().map(Session::state);
                bail!("the session of peer {} is lost: {state:?}", settings.name);
            }
            if now >= deadline {
                return Ok(Pause::Deadline);
            }
            self.handle_events(now, deadline.duration_since(now).min(LONGEST_WAIT))?;
        }
    }

    fn establish_together(
        &mut self,
        ids: &[PeerId],
        deadline: Instant,
        is_hopeless: &mut impl FnMut() -> bool,
    ) -> Result<()> {
        let mut failures = self.attempt(ids, deadline)?;
        while !failures.is_empty() {
            if Instant::now() >= deadline || is_hopeless() {
                let (id, why) = failures.swap_remove(0);
                bail!("peer {} has no session: {why}", self.peers[id.0].settings.name);
            }
            thread::sleep(RETRY_INTERVAL);
            let again: Vec<PeerId> = failures.into_iter().map(|(id, _)| id).collect();
            failures = self.attempt(&again, deadline)?;
        }
        Ok(())
    }

    /// One attempt for each; returns those that have to be repeated, and why.
    fn attempt(&mut self, ids: &[PeerId], deadline: Instant) -> Result<Vec<(PeerId, String)>> {
        let mut failures = Vec::new();
        for &id in ids {
            if let Err(why) = self.connect(id)? {
                failures.push((id, why));
            }
        }
        self.run(deadline, |peers, _| !ids.iter().any(|id| peers.peers[id.0].is_shaking_hands()))?;
        for &id in ids {
            let peer = &mut self.peers[id.0];
            let Some(session) = &peer.session else { continue };
            match session.state() {
                State::Established => peer.is_trying = false,
                State::Closed(why) => failures.push((id, why.clone())),
                state @ (State::OpenSent | State::OpenConfirm) => {
                    failures.push((id, format!("it is still in {state:?}")));
                }
            }
            if peer.is_trying {
                peer.session = None;
            }
        }
        Ok(failures)
    }

    /// Starts a session; the inner error is a reason to retry.
    fn connect(&mut self, id: PeerId) -> Result<Result<(), String>> {
        let peer = &mut self.peers[id.0];
        match Session::connect(&peer.settings, self.daemon, Instant::now()) {
            Ok(session) => {
                epoll::add(&self.epoll, session.socket(), data(id), interest(&session))
                    .context("epoll_ctl")?;
                peer.session = Some(session);
                Ok(Ok(()))
            }
            Err(error) if error.kind() == ErrorKind::ConnectionRefused => {
                Ok(Err(format!("{}: {error}", self.daemon)))
            }
            Err(error) => Err(error).with_context(|| format!("{} to {}", peer.settings.address, self.daemon)),
        }
    }

    fn handle_events(&mut self, now: Instant, wait: Duration) -> Result<()> {
        if now >= self.next_timeouts {
            self.next_timeouts = now + TIMEOUTS_INTERVAL;
            self.handle_timeouts(now)?;
        }
        let wait = Timespec::try_from(wait).context("a short wait")?;
        match epoll::wait(&self.epoll, spare_capacity(&mut self.events), Some(&wait)) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error).context("epoll_wait"),
        }
        for event in self.events.drain(..) {
            let id = PeerId(usize::try_from({ event.data }.u64()).context("a peer's number")?);
            let peer = &mut self.peers[id.0];
            let Some(session) = &mut peer.session else { continue };
            let (flags, had_outbound) = ({ event.flags }, session.has_outbound());
            if flags.intersects(EventFlags::IN | EventFlags::HUP | EventFlags::ERR) {
                session.handle_readable(id, &mut self.scratch, &mut self.intake);
            }
            if flags.contains(EventFlags::OUT) {
                session.handle_writable(now);
            }
            if session.has_outbound() != had_outbound {
                watch(&self.epoll, id, session).context("epoll_ctl")?;
            }
            if matches!(session.state(), State::Closed(_)) && !peer.is_trying {
                self.lost.get_or_insert(id);
            }
        }
        Ok(())
    }

    fn handle_timeouts(&mut self, now: Instant) -> Result<()> {
        for (index, peer) in self.peers.iter_mut().enumerate() {
            let Some(session) = &mut peer.session else { continue };
            session.handle_timeout(now);
            if !session.is_reading() {
                session.handle_writable(now);
                continue;
            }
            watch(&self.epoll, PeerId(index), session).context("epoll_ctl")?;
        }
        Ok(())
    }
}

/// Why [`Peers::run`] returned.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Pause {
    /// The condition holds.
    Done,
    /// It did not hold before the deadline.
    Deadline,
}

fn watch(epoll: &OwnedFd, id: PeerId, session: &Session) -> io::Result<()> {
    epoll::modify(epoll, session.socket(), data(id), interest(session))?;
    Ok(())
}

fn data(id: PeerId) -> EventData {
    EventData::new_u64(id.0 as u64)
}

fn interest(session: &Session) -> EventFlags {
    if session.has_outbound() { EventFlags::IN | EventFlags::OUT } else { EventFlags::IN }
}

const READ_OCTETS: usize = 256 * 1024;

/// At most the shortest queue of connections to accept among the daemons, because the kernel retries what
/// does not fit only after a second. BIRD's takes 8, OpenBGPD's 5.
const HANDSHAKES_AT_ONCE: usize = 5;

/// Interval between attempts to connect.
const RETRY_INTERVAL: Duration = Duration::from_millis(20);

/// Interval between checks whether KEEPALIVEs are due.
const TIMEOUTS_INTERVAL: Duration = Duration::from_secs(1);

/// Longest sleep of the loop when nothing happens.
const LONGEST_WAIT: Duration = Duration::from_millis(10);
