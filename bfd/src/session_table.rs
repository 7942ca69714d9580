//! All sessions of this system, and which of them a datagram belongs to.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::net::IpAddr;

use margay_timestamp::Timestamp;

use crate::{
    ControlPacket, Discard, Discriminator, EncodedPacket, Event, Session, SessionOptions, SessionStatus,
};

/// The TTL or hop limit of a single-hop packet: anything less has been forwarded (RFC 5881 §5).
const SINGLE_HOP_TTL: u8 = 255;

/// Whether both systems share a link.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Hops {
    /// One link: UDP port 3784, TTL 255 (RFC 5881).
    Single,
    /// Any number of routers between: UDP port 4784 (RFC 5883).
    Multiple,
}

impl Hops {
    /// The UDP port that packets are sent to.
    pub const fn port(self) -> u16 {
        match self {
            Self::Single => 3784,
            Self::Multiple => 4784,
        }
    }
}

/// What tells the sessions of this system apart.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct SessionKey {
    /// The address of the remote system.
    pub remote: IpAddr,
    /// The index of the interface, for link-local addresses; `None` for others.
    pub interface: Option<u32>,
    /// Whether the remote system is on a shared link.
    pub hops: Hops,
}

/// Where a received datagram came from.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Arrival {
    /// The source address.
    pub remote: IpAddr,
    /// The index of the interface that received it.
    pub interface: u32,
    /// The TTL or hop limit it arrived with.
    pub ttl: u8,
    /// By the port that received it.
    pub hops: Hops,
}

/// A packet to send.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Datagram {
    /// The session it belongs to.
    pub key: SessionKey,
    /// The packet.
    pub packet: EncodedPacket,
}

/// Why a received datagram is dropped.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Rejection {
    /// It has been forwarded by a router, and single-hop packets must not be (RFC 5881 §5).
    TtlTooLow(u8),
    /// No session with this remote system, or none with this discriminator.
    NoSession,
    /// Its session discards it.
    Discarded(Discard),
}

/// All sessions, by discriminator and by remote system, with the earliest deadline.
#[derive(Debug)]
pub struct SessionTable {
    sessions: HashMap<Discriminator, Entry>,
    keys: HashMap<SessionKey, Discriminator>,
    /// Each session that waits for something, by when.
    deadlines: BTreeSet<(Timestamp, Discriminator)>,
    datagrams: VecDeque<Datagram>,
    events: VecDeque<(SessionKey, Event)>,
    next_discriminator: Discriminator,
}

#[derive(Debug)]
struct Entry {
    key: SessionKey,
    session: Session,
    /// Its place among the deadlines.
    deadline: Option<Timestamp>,
}

impl SessionTable {
    /// A table without sessions. The first one gets the discriminator `first`, which is random, so that a restarted system
    /// is not taken for the former one.
    pub fn new(first: Discriminator) -> Self {
        Self {
            sessions: HashMap::new(),
            keys: HashMap::new(),
            deadlines: BTreeSet::new(),
            datagrams: VecDeque::new(),
            events: VecDeque::new(),
            next_discriminator: first,
        }
    }

    /// Adds a session, or gives new options to the one with this key. `seed` is random (see [`Session::new`]).
    pub fn insert(&mut self, now: Timestamp, key: SessionKey, options: SessionOptions, seed: u64) {
        if let Some(discriminator) = self.keys.get(&key).copied() {
            self.with(now, discriminator, |session| session.set_options(now, options));
            return;
        }
        let discriminator = self.free_discriminator();
        let sequence = u32::try_from(seed >> 32).unwrap_or_default();
        let session = Session::new(now, discriminator, options, seed, sequence);
        self.keys.insert(key, discriminator);
        self.sessions.insert(discriminator, Entry { key, session, deadline: None });
        self.with(now, discriminator, |_| ());
    }

    /// Removes a session, without an event. The remote system sees it by its detection time.
    pub fn remove(&mut self, key: &SessionKey) {
        let entry = self.keys.remove(key).and_then(|discriminator| self.sessions.remove(&discriminator));
        if let Some(Entry { session, deadline: Some(deadline), .. }) = entry {
            self.deadlines.remove(&(deadline, session.discriminator()));
        }
    }

    /// Disables or enables a session: see [`Session::disable`].
    pub fn set_enabled(&mut self, now: Timestamp, key: &SessionKey, is_enabled: bool) {
        if let Some(discriminator) = self.keys.get(key).copied() {
            self.with(now, discriminator, |session| {
                if is_enabled { session.enable(now) } else { session.disable(now) }
            });
        }
    }

    /// Takes a received datagram.
    ///
    /// # Errors
    ///
    /// It is dropped, and nothing follows from it.
    pub fn handle_datagram(
        &mut self,
        now: Timestamp,
        arrival: Arrival,
        octets: &[u8],
    ) -> Result<(), Rejection> {
        if arrival.hops == Hops::Single && arrival.ttl != SINGLE_HOP_TTL {
            return Err(Rejection::TtlTooLow(arrival.ttl));
        }
        let (packet, _) =
            ControlPacket::decode(octets).map_err(|error| Rejection::Discarded(Discard::Malformed(error)))?;
        let discriminator = self.find(&arrival, packet.your_discriminator).ok_or(Rejection::NoSession)?;
        self.with(now, discriminator, |session| session.handle_packet(now, octets))
            .unwrap_or(Ok(()))
            .map_err(Rejection::Discarded)
    }

    /// Takes the passing of time.
    pub fn handle_timeout(&mut self, now: Timestamp) {
        while let Some((deadline, discriminator)) = self.deadlines.first().copied()
            && deadline <= now
        {
            self.with(now, discriminator, |session| session.handle_timeout(now));
        }
    }

    /// When [`handle_timeout`](Self::handle_timeout) is to be called next.
    pub fn next_timeout(&self) -> Option<Timestamp> {
        self.deadlines.first().map(|(deadline, _)| *deadline)
    }

    /// The next packet to send.
    pub fn poll_datagram(&mut self) -> Option<Datagram> {
        self.datagrams.pop_front()
    }

    /// The next change of a session's state.
    pub fn poll_event(&mut self) -> Option<(SessionKey, Event)> {
        self.events.pop_front()
    }

    /// Each session with its status, in no order.
    pub fn statuses(&self) -> impl Iterator<Item = (SessionKey, SessionStatus)> {
        self.sessions.values().map(|entry| (entry.key, entry.session.status()))
    }

    /// The status of one session.
    pub fn status(&self, key: &SessionKey) -> Option<SessionStatus> {
        let entry = self.sessions.get(self.keys.get(key)?)?;
        Some(entry.session.status())
    }

    /// The session of a datagram: by the discriminator it names (RFC 5880 §6.8.6), which must be one with its source, or by
    /// its source.
    fn find(&self, arrival: &Arrival, your: Option<Discriminator>) -> Option<Discriminator> {
        let unscoped = SessionKey { remote: arrival.remote, interface: None, hops: arrival.hops };
        let scoped = SessionKey { interface: Some(arrival.interface), ..unscoped };
        let found = self.keys.get(&scoped).or_else(|| self.keys.get(&unscoped)).copied()?;
        your.is_none_or(|your| your == found).then_some(found)
    }

    /// Lets a session take an input, and collects what follows from it.
    fn with<T>(
        &mut self,
        now: Timestamp,
        discriminator: Discriminator,
        input: impl FnOnce(&mut Session) -> T,
    ) -> Option<T> {
        let entry = self.sessions.get_mut(&discriminator)?;
        let answer = input(&mut entry.session);
        while let Some(packet) = entry.session.poll_transmit(now) {
            self.datagrams.push_back(Datagram { key: entry.key, packet });
        }
        while let Some(event) = entry.session.poll_event() {
            self.events.push_back((entry.key, event));
        }
        let deadline = entry.session.next_timeout();
        if deadline != entry.deadline {
            if let Some(former) = std::mem::replace(&mut entry.deadline, deadline) {
                self.deadlines.remove(&(former, discriminator));
            }
            self.deadlines.extend(deadline.map(|deadline| (deadline, discriminator)));
        }
        Some(answer)
    }

    fn free_discriminator(&mut self) -> Discriminator {
        while self.sessions.contains_key(&self.next_discriminator) {
            self.next_discriminator = self.next_discriminator.next();
        }
        let free = self.next_discriminator;
        self.next_discriminator = free.next();
        free
    }
}
