//! The sessions that are watched: what the thread decides, without its sockets and its clock.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::net::IpAddr;
use std::time::Duration;

use margay_bfd::{Arrival, Datagram, Discriminator, Event, Rejection, SessionKey, SessionTable};
use margay_timestamp::Timestamp;
use tokio::sync::watch;
use tracing::{info, warn};

use super::{BfdRequest, BfdSession, BfdStatus, PathState, WatchNumber};
use crate::reply::reply;

/// How long a session goes on after it ceased to be watched. A BGP session that comes back at once finds it as it was; and the
/// remote system learns of the end of the BGP session, and why, before it learns that the BFD session was disabled: some take
/// that for a failure of the path.
const LINGER: Duration = Duration::from_millis(500);

/// How long a session that is not watched any more informs the remote system that it is disabled (RFC 5880 §6.8.16): packets
/// go out at once and every second.
const FAREWELL: Duration = Duration::from_secs(3);

/// The sessions that are watched, and those that have just ceased to be.
#[derive(Debug)]
pub struct WatchedSessions {
    table: SessionTable,
    watched: HashMap<SessionKey, Watched>,
    /// The sessions that are not watched any more, by when they are disabled or removed.
    leaving: BTreeMap<(Timestamp, WatchNumber), SessionKey>,
    removed: VecDeque<SessionKey>,
    seed: u64,
}

/// A session's user, and what is shown of it.
#[derive(Debug)]
struct Watched {
    /// Which watch asked for it.
    number: WatchNumber,
    local: IpAddr,
    /// When the session last came up or went down.
    since: Timestamp,
    state: watch::Sender<PathState>,
    stage: Stage,
}

/// How far a session is from its end.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Stage {
    /// It is watched.
    Watched,
    /// It is not watched any more, goes on, and is disabled next.
    Lingering,
    /// It is disabled, and is removed next.
    Disabled,
}

impl WatchedSessions {
    /// No sessions. `seed` is random.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        let first = u32::try_from(seed & 0xffff_ffff).ok().and_then(Discriminator::new);
        Self {
            table: SessionTable::new(first.unwrap_or(Discriminator::FIRST)),
            watched: HashMap::new(),
            leaving: BTreeMap::new(),
            removed: VecDeque::new(),
            seed,
        }
    }

    /// Handles a request.
    pub fn handle_request(&mut self, now: Timestamp, request: BfdRequest) {
        match request {
            BfdRequest::Start { number, session, states } => self.start(now, number, session, states),
            BfdRequest::Change { number, key, options } => {
                if self.watched_by(number, &key).is_some() {
                    let seed = self.next_random();
                    self.table.insert(now, key, options, seed);
                }
            }
            BfdRequest::Stop { number, key } => {
                if let Some(watched) = self.watched_by(number, &key) {
                    watched.stage = Stage::Lingering;
                    self.leaving.insert((now + LINGER, number), key);
                }
            }
            BfdRequest::Statuses(answer) => reply(answer, self.statuses(now)),
            BfdRequest::Settle(answer) => {
                self.settle(now);
                reply(answer, ());
            }
        }
        self.report(now);
    }

    /// Handles a received datagram.
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
        let handled = self.table.handle_datagram(now, arrival, octets);
        self.report(now);
        handled
    }

    /// Handles the passing of time. What was received is to be handed in before.
    pub fn handle_timeout(&mut self, now: Timestamp) {
        self.table.handle_timeout(now);
        while let Some(first) = self.leaving.first_entry().filter(|first| first.key().0 <= now) {
            let ((_, number), key) = first.remove_entry();
            self.advance(now, number, key);
        }
        self.report(now);
    }

    /// When [`handle_timeout`](Self::handle_timeout) is to be called next.
    #[must_use]
    pub fn next_timeout(&self) -> Option<Timestamp> {
        let leaves = self.leaving.first_key_value().map(|((at, _), _)| *at);
        [self.table.next_timeout(), leaves].into_iter().flatten().min()
    }

    /// The next packet to send, and the address to send it from.
    pub fn poll_datagram(&mut self) -> Option<(IpAddr, Datagram)> {
        loop {
            let datagram = self.table.poll_datagram()?;
            if let Some(watched) = self.watched.get(&datagram.key) {
                return Some((watched.local, datagram));
            }
        }
    }

    /// The next session that is gone, or has begun anew.
    pub fn poll_removed(&mut self) -> Option<SessionKey> {
        self.removed.pop_front()
    }

    /// Removes a session that cannot send. Its watch reports nothing any more.
    pub fn remove(&mut self, key: SessionKey) {
        self.table.remove(&key);
        if self.watched.remove(&key).is_some() {
            self.removed.push_back(key);
        }
    }

    /// Disables every session that is not watched any more, without waiting for its time.
    pub fn settle(&mut self, now: Timestamp) {
        for ((at, number), key) in std::mem::take(&mut self.leaving) {
            match self.watched_by(number, &key).map(|watched| watched.stage) {
                Some(Stage::Lingering) => self.advance(now, number, key),
                Some(Stage::Disabled | Stage::Watched) | None => {
                    self.leaving.insert((at, number), key);
                }
            }
        }
    }

    /// A session that is not watched any more comes one step nearer to its end, unless another watch has taken it over.
    fn advance(&mut self, now: Timestamp, number: WatchNumber, key: SessionKey) {
        let Some(watched) = self.watched_by(number, &key) else { return };
        match watched.stage {
            Stage::Watched => {}
            Stage::Lingering => {
                watched.stage = Stage::Disabled;
                self.table.set_enabled(now, &key, false);
                self.leaving.insert((now + FAREWELL, number), key);
            }
            Stage::Disabled => self.remove(key),
        }
    }

    /// A session that still goes on is taken over as it is; one that is disabled begins anew.
    fn start(
        &mut self,
        now: Timestamp,
        number: WatchNumber,
        session: BfdSession,
        state: watch::Sender<PathState>,
    ) {
        let BfdSession { key, local, options } = session;
        match self.watched.get_mut(&key) {
            Some(running) if running.local == local && running.stage != Stage::Disabled => {
                state.send_modify(|state| state.is_up = running.state.borrow().is_up);
                (running.number, running.state, running.stage) = (number, state, Stage::Watched);
            }
            Some(_) | None => {
                self.remove(key);
                let watched = Watched { number, local, since: now, state, stage: Stage::Watched };
                self.watched.insert(key, watched);
            }
        }
        let seed = self.next_random();
        self.table.insert(now, key, options, seed);
    }

    /// Passes changes of state on to the watches.
    fn report(&mut self, now: Timestamp) {
        while let Some((key, event)) = self.table.poll_event() {
            let Some(watched) = self.watched.get_mut(&key) else { continue };
            watched.since = now;
            match event {
                Event::Up => info!(remote = %key.remote, "BFD session is up"),
                Event::Down(reason) if reason.is_path_failure() => {
                    warn!(remote = %key.remote, %reason, "BFD session is down");
                }
                Event::Down(reason) => info!(remote = %key.remote, %reason, "BFD session is down"),
            }
            watched.state.send_modify(|state| state.apply(event));
        }
    }

    fn statuses(&self, now: Timestamp) -> Vec<BfdStatus> {
        let statuses = self.table.statuses().filter_map(|(key, session)| {
            let watched = self.watched.get(&key)?;
            let (path, since) = (*watched.state.borrow(), now - watched.since);
            let is_leaving = watched.stage != Stage::Watched;
            Some(BfdStatus { key, local: watched.local, path, session, since, is_leaving })
        });
        statuses.collect()
    }

    fn watched_by(&mut self, number: WatchNumber, key: &SessionKey) -> Option<&mut Watched> {
        self.watched.get_mut(key).filter(|watched| watched.number == number)
    }

    /// The next of a row of numbers (a linear congruential generator, its upper bits folded into the lower ones).
    fn next_random(&mut self) -> u64 {
        self.seed = self.seed.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(0x1405_7b7e_f767_814f);
        self.seed ^ (self.seed >> 29)
    }
}

impl PathState {
    fn apply(&mut self, event: Event) {
        match event {
            Event::Up => self.is_up = true,
            Event::Down(reason) if reason.is_path_failure() => {
                *self = Self { is_up: false, losses: self.losses + 1, reason: Some(reason) };
            }
            Event::Down(_) => self.is_up = false,
        }
    }
}

#[cfg(test)]
mod tests {
    use margay_bfd::{Hops, Intervals, SessionOptions};

    use super::*;

    const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 9, 0, 1));
    const THERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 9, 0, 2));

    /// Two systems and the packets between them, a millisecond at a time.
    struct Systems {
        both: [WatchedSessions; 2],
        now: Timestamp,
    }

    impl Systems {
        fn new() -> Self {
            Self { both: [7, 8].map(WatchedSessions::new), now: Timestamp::default() }
        }

        /// The first system, or the second, watches its session with the other.
        fn watch(&mut self, system: usize, number: u64) -> watch::Receiver<PathState> {
            let (states, receiver) = watch::channel(PathState::default());
            let [local, remote] = if system == 0 { [HERE, THERE] } else { [THERE, HERE] };
            let interval = Duration::from_millis(50);
            let intervals = Intervals::new(interval, interval, 3).unwrap();
            let options = SessionOptions { intervals, authentication: None };
            let session = BfdSession { key: key(remote), local, options };
            let start = BfdRequest::Start { number: WatchNumber(number), session, states };
            self.both[system].handle_request(self.now, start);
            receiver
        }

        fn stop(&mut self, system: usize, number: u64) {
            let key = key(if system == 0 { THERE } else { HERE });
            let stop = BfdRequest::Stop { number: WatchNumber(number), key };
            self.both[system].handle_request(self.now, stop);
        }

        fn pass(&mut self, milliseconds: u32) {
            for _ in 0..milliseconds {
                self.now = self.now + Duration::from_millis(1);
                for system in [0, 1] {
                    self.both[system].handle_timeout(self.now);
                    while let Some((from, datagram)) = self.both[system].poll_datagram() {
                        let arrival = Arrival { remote: from, interface: 1, ttl: 255, hops: Hops::Single };
                        let octets = datagram.packet.octets();
                        let handled = self.both[1 - system].handle_datagram(self.now, arrival, octets);
                        assert!(
                            matches!(handled, Ok(()) | Err(Rejection::NoSession)),
                            "only a packet of a former session is dropped: {handled:?}"
                        );
                    }
                }
            }
        }
    }

    fn key(remote: IpAddr) -> SessionKey {
        SessionKey { remote, interface: None, hops: Hops::Single }
    }

    #[test]
    fn a_session_that_is_watched_again_at_once_has_never_been_down() {
        let mut systems = Systems::new();
        let (first, other) = (systems.watch(0, 1), systems.watch(1, 1));
        systems.pass(3000);
        assert!(first.borrow().is_up && other.borrow().is_up);
        systems.stop(0, 1);
        systems.pass(100);
        let second = systems.watch(0, 2);
        assert!(second.borrow().is_up, "its state is known at once");
        systems.pass(5000);
        let up = PathState { is_up: true, ..PathState::default() };
        assert_eq!([*second.borrow(), *other.borrow()], [up, up]);
    }

    #[test]
    fn a_session_that_is_not_watched_any_more_is_disabled_and_then_removed() {
        let mut systems = Systems::new();
        let (_first, other) = (systems.watch(0, 1), systems.watch(1, 1));
        systems.pass(3000);
        systems.stop(0, 1);
        systems.pass(400);
        assert!(other.borrow().is_up, "the other system hears of the end by other means first");
        systems.pass(200);
        assert_eq!(*other.borrow(), PathState::default(), "down, and not failed");
        systems.pass(4000);
        assert_eq!(systems.both[0].poll_removed(), Some(key(THERE)));
        assert_eq!(systems.both[0].next_timeout(), None);
    }

    #[test]
    fn a_session_that_the_other_system_begins_anew_has_not_failed() {
        let mut systems = Systems::new();
        let (mut first, _other) = (systems.watch(0, 1), systems.watch(1, 1));
        systems.pass(3000);
        assert!(first.borrow_and_update().is_up);
        systems.both[1].remove(key(HERE));
        let other = systems.watch(1, 2);
        systems.pass(50);
        assert!(first.has_changed().unwrap(), "it was down");
        assert_eq!(first.borrow().losses, 0, "and has not failed");
        systems.pass(5000);
        assert!(first.borrow().is_up && other.borrow().is_up);
        systems.both[1].remove(key(HERE));
        systems.pass(200);
        assert_eq!(first.borrow().losses, 1, "silence is a failure");
    }

    #[test]
    fn a_late_stop_of_a_former_watch_does_not_end_the_present_one() {
        let mut systems = Systems::new();
        let (_first, _other) = (systems.watch(0, 1), systems.watch(1, 1));
        systems.pass(3000);
        let second = systems.watch(0, 2);
        systems.stop(0, 1);
        systems.pass(5000);
        assert!(second.borrow().is_up);
    }
}
