//! The loop of the BFD thread.

use std::collections::HashMap;
use std::io;
use std::net::IpAddr;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::time::{Duration, Instant};

use margay_bfd::{Hops, SessionKey};
use margay_timestamp::Timestamp;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use tokio::sync::mpsc;
use tracing::{debug, error, info, warn};

use super::BfdRequest;
use super::receiving_socket::{DATAGRAM_OCTETS, ReceivingSocket};
use super::sending_socket::SendingSocket;
use super::watched_sessions::WatchedSessions;
use crate::reply::reply;

/// Datagrams read from one socket before timers are handled, so that a flood cannot stop them.
const DATAGRAMS_A_TURN: usize = 1024;

/// The state of the thread.
pub(super) struct Thread {
    sessions: WatchedSessions,
    /// The sockets that packets are sent from.
    outlets: HashMap<SessionKey, Outlet>,
    sockets: Vec<ReceivingSocket>,
    requests: mpsc::UnboundedReceiver<BfdRequest>,
    bell: Arc<OwnedFd>,
    started: Instant,
    seed: u64,
    /// Datagrams dropped since the start.
    dropped: u64,
}

/// A session's socket.
struct Outlet {
    socket: SendingSocket,
    /// The last packet could not be sent, and that was logged.
    is_failing: bool,
}

impl Thread {
    /// Opens the sockets.
    ///
    /// # Errors
    ///
    /// A port is in use.
    pub(super) fn open(
        requests: mpsc::UnboundedReceiver<BfdRequest>,
        bell: Arc<OwnedFd>,
        seed: u64,
    ) -> io::Result<Self> {
        let mut sockets = ReceivingSocket::open_all(Hops::Single)?;
        sockets.extend(ReceivingSocket::open_all(Hops::Multiple)?);
        Ok(Self {
            sessions: WatchedSessions::new(seed),
            outlets: HashMap::new(),
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
            self.sessions.handle_timeout(self.now());
            self.transmit();
        }
    }

    /// Waits for a packet, a request or the next deadline.
    fn wait(&self) -> io::Result<()> {
        let until = self.sessions.next_timeout().map(|deadline| deadline - self.now());
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
                if let Err(rejection) = self.sessions.handle_datagram(now, arrival, octets) {
                    self.dropped += 1;
                    debug!(remote = %arrival.remote, ?rejection, dropped = self.dropped, "dropped a BFD datagram");
                }
            }
        }
    }

    fn handle_request(&mut self, request: BfdRequest) {
        match request {
            BfdRequest::Settle(answer) => {
                self.sessions.settle(self.now());
                self.transmit();
                reply(answer, ());
            }
            request => self.sessions.handle_request(self.now(), request),
        }
    }

    fn transmit(&mut self) {
        while let Some(key) = self.sessions.poll_removed() {
            self.outlets.remove(&key);
        }
        while let Some((local, datagram)) = self.sessions.poll_datagram() {
            let key = datagram.key;
            match self.outlet(key, local) {
                Ok(outlet) => outlet.send(key, datagram.packet.octets()),
                Err(error) => {
                    let remote = key.remote;
                    error!(%remote, %error, "BFD packets cannot be sent: the path is not monitored");
                    self.sessions.remove(key);
                }
            }
        }
    }

    /// The socket of a session, which is opened for its first packet.
    fn outlet(&mut self, key: SessionKey, local: IpAddr) -> io::Result<&mut Outlet> {
        if !self.outlets.contains_key(&key) {
            self.seed = self.seed.rotate_left(7).wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(1);
            let socket = SendingSocket::open(key, local, self.seed >> 32)?;
            self.outlets.insert(key, Outlet { socket, is_failing: false });
        }
        self.outlets.get_mut(&key).ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn now(&self) -> Timestamp {
        Timestamp::at(self.started.elapsed())
    }
}

impl Outlet {
    fn send(&mut self, key: SessionKey, octets: &[u8]) {
        match self.socket.send(octets) {
            Ok(()) => self.is_failing = false,
            // An error that the remote system returned for an earlier packet: nobody listens there yet.
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {}
            Err(error) if !self.is_failing => {
                self.is_failing = true;
                info!(remote = %key.remote, %error, "BFD packets cannot be sent");
            }
            Err(_) => {}
        }
    }
}

/// Requests a priority above ordinary threads: a packet takes microseconds and must not be late. Without the
/// permission, ordinary priority has to suffice.
fn raise_priority() {
    const HIGHEST: i32 = -20;
    if let Err(error) = rustix::process::setpriority_process(None, HIGHEST) {
        debug!(%error, "the BFD thread keeps its ordinary priority");
    }
}
