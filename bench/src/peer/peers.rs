//! All sessions of the generator, driven by one epoll loop.

use std::collections::BTreeMap;
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

use super::received::Received;
use super::session::{PeerSettings, Session, State};

/// The peers that are connected to the daemon.
pub(crate) struct Peers {
    daemon: SocketAddrV4,
    epoll: OwnedFd,
    sessions: BTreeMap<PeerId, Session>,
    next_id: u64,
    next_timeouts: Instant,
    events: Vec<Event>,
    scratch: Vec<u8>,
}

/// One of [`Peers`].
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) struct PeerId(u64);

impl Peers {
    /// Nobody yet; all will dial this address.
    ///
    /// # Errors
    ///
    /// The system has no epoll instance to spare.
    pub(crate) fn new(daemon: SocketAddrV4) -> Result<Self> {
        Ok(Self {
            daemon,
            epoll: epoll::create(CreateFlags::CLOEXEC).context("epoll_create")?,
            sessions: BTreeMap::new(),
            next_id: 0,
            next_timeouts: Instant::now(),
            events: Vec::with_capacity(1024),
            scratch: vec![0; READ_OCTETS],
        })
    }

    /// Brings a session up; tries again when the daemon does not listen yet or turns the peer away.
    ///
    /// # Errors
    ///
    /// It is not up at the deadline, or another session is lost meanwhile.
    pub(crate) fn establish(&mut self, settings: PeerSettings, deadline: Instant) -> Result<PeerId> {
        let mut last_failure = "no attempt was made".to_owned();
        while Instant::now() < deadline {
            match self.attempt(settings, deadline)? {
                Ok(id) => return Ok(id),
                Err(failure) => last_failure = failure,
            }
            thread::sleep(RETRY_INTERVAL);
        }
        bail!("peer {} has no session: {last_failure}", settings.name)
    }

    /// Queues messages to one peer's session.
    pub(crate) fn send(&mut self, id: PeerId, messages: Bytes) -> Result<()> {
        let session = self.sessions.get_mut(&id).context("the peer has left")?;
        session.queue(messages);
        watch(&self.epoll, id, session).context("epoll_ctl")
    }

    /// Closes a peer's TCP connection without a word.
    pub(crate) fn leave(&mut self, id: PeerId) {
        // Closing the socket takes it out of the epoll instance.
        self.sessions.remove(&id);
    }

    /// What a peer has received.
    ///
    /// # Panics
    ///
    /// The peer has left.
    pub(crate) fn received(&self, id: PeerId) -> &Received {
        self.sessions[&id].received()
    }

    /// Reads and writes until a condition holds, which is looked at after each batch of events.
    ///
    /// # Errors
    ///
    /// A session is lost before that, or the deadline passes.
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
            if let Some((session, why)) = self.lost() {
                bail!("the session of peer {} is lost: {why}", session.settings().name);
            }
            if now >= deadline {
                return Ok(Pause::Deadline);
            }
            self.handle_events(now)?;
        }
    }

    /// One try; the inner error is a reason to try again.
    fn attempt(&mut self, settings: PeerSettings, deadline: Instant) -> Result<Result<PeerId, String>> {
        let session = match Session::connect(settings, self.daemon, Instant::now()) {
            Ok(session) => session,
            Err(error) if error.kind() == ErrorKind::ConnectionRefused => {
                return Ok(Err(format!("{}: {error}", self.daemon)));
            }
            Err(error) => {
                return Err(error).with_context(|| format!("{} to {}", settings.address, self.daemon));
            }
        };
        let id = self.add(session)?;
        self.run(deadline, |peers, _| {
            matches!(peers.sessions[&id].state(), State::Established | State::Closed(_))
        })?;
        match self.sessions[&id].state() {
            State::Established => Ok(Ok(id)),
            State::Closed(why) => {
                let why = why.clone();
                self.leave(id);
                Ok(Err(why))
            }
            state @ (State::OpenSent | State::OpenConfirm) => {
                bail!("the session of peer {} is still in {state:?}", settings.name)
            }
        }
    }

    fn add(&mut self, session: Session) -> Result<PeerId> {
        let id = PeerId(self.next_id);
        self.next_id += 1;
        epoll::add(&self.epoll, session.socket(), EventData::new_u64(id.0), interest(&session))
            .context("epoll_ctl")?;
        self.sessions.insert(id, session);
        Ok(id)
    }

    fn lost(&self) -> Option<(&Session, &str)> {
        self.sessions.values().find_map(|session| match session.state() {
            State::Closed(why) => Some((session, why.as_str())),
            State::OpenSent | State::OpenConfirm | State::Established => None,
        })
    }

    fn handle_events(&mut self, now: Instant) -> Result<()> {
        if now >= self.next_timeouts {
            self.next_timeouts = now + TIMEOUTS_INTERVAL;
            for (&id, session) in &mut self.sessions {
                session.handle_timeout(now);
                watch(&self.epoll, id, session).context("epoll_ctl")?;
            }
        }
        match epoll::wait(&self.epoll, spare_capacity(&mut self.events), Some(&WAIT)) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error).context("epoll_wait"),
        }
        for event in self.events.drain(..) {
            let id = PeerId({ event.data }.u64());
            let Some(session) = self.sessions.get_mut(&id) else { continue };
            let (flags, had_outbound, now) = ({ event.flags }, session.has_outbound(), Instant::now());
            if flags.intersects(EventFlags::IN | EventFlags::HUP | EventFlags::ERR) {
                session.handle_readable(&mut self.scratch);
            }
            if flags.contains(EventFlags::OUT) {
                session.handle_writable(now);
            }
            if session.has_outbound() != had_outbound {
                watch(&self.epoll, id, session).context("epoll_ctl")?;
            }
        }
        Ok(())
    }
}

/// Why [`Peers::run`] came back.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Pause {
    /// The condition holds.
    Done,
    /// It did not hold in time.
    Deadline,
}

fn watch(epoll: &OwnedFd, id: PeerId, session: &Session) -> io::Result<()> {
    epoll::modify(epoll, session.socket(), EventData::new_u64(id.0), interest(session))?;
    Ok(())
}

fn interest(session: &Session) -> EventFlags {
    if session.has_outbound() { EventFlags::IN | EventFlags::OUT } else { EventFlags::IN }
}

const READ_OCTETS: usize = 256 * 1024;

/// Between two attempts to connect.
const RETRY_INTERVAL: Duration = Duration::from_millis(20);

/// How often KEEPALIVEs are thought of.
const TIMEOUTS_INTERVAL: Duration = Duration::from_secs(1);

/// How long the loop sleeps at most when nothing happens.
const WAIT: Timespec = Timespec { tv_sec: 0, tv_nsec: 10_000_000 };
