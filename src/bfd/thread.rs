//! The loop of the BFD thread.

use std::collections::HashMap;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::time::{Duration, Instant};

use margay_bfd::{Discriminator, Event, Hops, SessionKey, SessionTable};
use margay_timestamp::Timestamp;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use tokio::sync::{mpsc, watch};
use tracing::{debug, info, warn};

use super::receiving_socket::{DATAGRAM_OCTETS, ReceivingSocket};
use super::sending_socket::SendingSocket;
use super::{BfdRequest, BfdSession, PathState};
use crate::reply::reply;

/// Datagrams read from one socket before timers are looked at, so that a flood cannot stop them.
const DATAGRAMS_A_TURN: usize = 1024;

/// Everything that the thread owns.
pub(super) struct Thread {
    table: SessionTable,
    users: HashMap<SessionKey, User>,
    sockets: Vec<ReceivingSocket>,
    requests: mpsc::Receiver<BfdRequest>,
    bell: Arc<OwnedFd>,
    started: Instant,
    seed: u64,
    /// Datagrams dropped since the start.
    dropped: u64,
}

/// A session's socket, and the way to its user.
struct User {
    socket: SendingSocket,
    state: watch::Sender<PathState>,
    /// The last packet could not be sent, and that was logged.
    is_send_failing: bool,
}

impl Thread {
    /// Opens the sockets.
    ///
    /// # Errors
    ///
    /// A port is in use.
    pub(super) fn open(
        requests: mpsc::Receiver<BfdRequest>,
        bell: Arc<OwnedFd>,
        seed: u64,
    ) -> io::Result<Self> {
        let mut sockets = ReceivingSocket::open_all(Hops::Single)?;
        sockets.extend(ReceivingSocket::open_all(Hops::Multiple)?);
        let first = u32::try_from(seed & 0xffff_ffff).ok().and_then(Discriminator::new);
        Ok(Self {
            table: SessionTable::new(first.unwrap_or(Discriminator::FIRST)),
            users: HashMap::new(),
            sockets,
            requests,
            bell,
            started: Instant::now(),
            seed,
            dropped: 0,
        })
    }

    /// Runs until the last handle is gone.
    pub(super) fn run(mut self) {
        raise_priority();
        while !(self.requests.is_closed() && self.requests.is_empty()) {
            if let Err(error) = self.wait() {
                warn!(%error, "BFD cannot wait for packets");
                // An error that persists must not take the whole processor; it delays packets by 10 ms at most.
                std::thread::sleep(Duration::from_millis(10));
            }
            self.receive();
            while let Ok(request) = self.requests.try_recv() {
                self.handle_request(request);
            }
            self.table.handle_timeout(self.now());
            self.report();
            self.transmit();
        }
    }

    /// Waits for a packet, a request or the next deadline.
    fn wait(&self) -> io::Result<()> {
        let until = self.table.next_timeout().map(|deadline| deadline - self.now());
        let timeout = until.and_then(|until| Timespec::try_from(until).ok());
        let mut ready: Vec<PollFd<'_>> =
            self.sockets.iter().map(|socket| PollFd::new(socket, PollFlags::IN)).collect();
        ready.push(PollFd::from_borrowed_fd(self.bell.as_fd(), PollFlags::IN));
        match poll(&mut ready, timeout.as_ref()) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        match rustix::io::read(&*self.bell, &mut [0; 8]) {
            Ok(_) | Err(rustix::io::Errno::AGAIN) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    fn receive(&mut self) {
        let mut buffer = [0; DATAGRAM_OCTETS];
        let now = self.now();
        for socket in &self.sockets {
            for _ in 0..DATAGRAMS_A_TURN {
                let (arrival, length) = match socket.receive(&mut buffer) {
                    Ok(Some(received)) => received,
                    Ok(None) => break,
                    Err(error) => {
                        debug!(%error, "a BFD datagram cannot be read");
                        break;
                    }
                };
                let octets = buffer.get(..length).unwrap_or_default();
                if let Err(rejection) = self.table.handle_datagram(now, arrival, octets) {
                    self.dropped += 1;
                    debug!(remote = %arrival.remote, ?rejection, dropped = self.dropped, "dropped a BFD datagram");
                }
            }
        }
    }

    fn handle_request(&mut self, request: BfdRequest) {
        match request {
            BfdRequest::Start(session, answer) => {
                let started = self.start(session);
                reply(answer, started);
            }
            BfdRequest::Stop(key) => {
                self.table.remove(&key);
                self.users.remove(&key);
            }
            BfdRequest::Statuses(answer) => reply(answer, self.table.statuses().collect()),
        }
    }

    fn start(&mut self, session: BfdSession) -> io::Result<watch::Receiver<PathState>> {
        let BfdSession { key, local, options } = session;
        self.seed = self.seed.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(0x1405_7b7e_f767_814f);
        let seed = self.seed ^ (self.seed >> 29);
        let is_running = self.users.get(&key).is_some_and(|user| user.socket.local() == local);
        if !is_running {
            let socket = SendingSocket::open(key, local, seed)?;
            let state = watch::Sender::new(PathState::default());
            self.table.remove(&key);
            self.users.insert(key, User { socket, state, is_send_failing: false });
        }
        self.table.insert(self.now(), key, options, seed);
        let user = self.users.get(&key).ok_or_else(|| io::Error::other("the session is gone"))?;
        Ok(user.state.subscribe())
    }

    /// Passes changes of state on to the sessions' users.
    fn report(&mut self) {
        while let Some((key, event)) = self.table.poll_event() {
            let Some(user) = self.users.get(&key) else { continue };
            match event {
                Event::Up => info!(remote = %key.remote, "BFD session is up"),
                Event::Down(reason) => warn!(remote = %key.remote, %reason, "BFD session is down"),
            }
            user.state.send_modify(|state| state.apply(event));
        }
    }

    fn transmit(&mut self) {
        while let Some(datagram) = self.table.poll_datagram() {
            let Some(user) = self.users.get_mut(&datagram.key) else { continue };
            match user.socket.send(&datagram.packet) {
                Ok(()) => user.is_send_failing = false,
                // An error that the remote system returned for an earlier packet: nobody listens there yet.
                Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {}
                Err(error) if !user.is_send_failing => {
                    user.is_send_failing = true;
                    info!(remote = %datagram.key.remote, %error, "BFD packets cannot be sent");
                }
                Err(_) => {}
            }
        }
    }

    fn now(&self) -> Timestamp {
        Timestamp::at(self.started.elapsed())
    }
}

impl PathState {
    fn apply(&mut self, event: Event) {
        match event {
            Event::Up => self.is_up = true,
            Event::Down(reason) => {
                *self = Self { is_up: false, losses: self.losses + 1, reason: Some(reason) };
            }
        }
    }
}

/// Asks for the processor before ordinary threads: a packet takes microseconds and must not be late. Where the daemon may
/// not do so, ordinary priority has to suffice.
fn raise_priority() {
    const HIGHEST: i32 = -20;
    if let Err(error) = rustix::process::setpriority_process(None, HIGHEST) {
        debug!(%error, "the BFD thread keeps its ordinary priority");
    }
}
