//! The sockets on which peers connect, and the assignment of connections to peers.
//!
//! A connection from a range of dynamic peers is passed to the daemon with its OPEN.

use std::collections::BTreeSet;
use std::fmt::Display;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bgp_codec::Prefix;
use margay_config::PeerPlace;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::sleep;
use tracing::{debug, warn};

use crate::anteroom::Anteroom;
pub use crate::anteroom::Newcomer;
use crate::expected_peers::{ExpectedPeers, Owner};
use crate::machine::{ListeningSocket, Machine, Stream, TcpPassword};
use crate::peer::PeerIntake;

/// Listens on some addresses, and passes each accepted connection to the peer that it belongs to.
///
/// Dropping it closes the sockets; connections that were passed on stay open.
#[derive(Debug)]
pub struct Listener {
    sockets: Vec<Arc<ListeningSocket>>,
    expected: watch::Sender<Expected>,
    refused: Arc<AtomicU64>,
    /// The tasks, which end when this is dropped.
    _tasks: JoinSet<()>,
}

/// The addresses from which connections are accepted.
#[derive(Debug, Default)]
struct Expected {
    peers: ExpectedPeers<PeerIntake>,
    /// The ranges of dynamic peers.
    ranges: BTreeSet<Prefix>,
}

impl Listener {
    /// Listens on all `addresses`. To be called within a tokio runtime. Newcomers are received from the
    /// queue; while it is full, no connections are accepted.
    ///
    /// # Errors
    ///
    /// One of them cannot be used; the error says which and why.
    pub fn bind(machine: &Machine, addresses: &[SocketAddr]) -> io::Result<(Self, mpsc::Receiver<Newcomer>)> {
        let sockets = addresses.iter().map(|address| machine.listen(*address).map(Arc::new));
        let sockets: Vec<Arc<ListeningSocket>> = sockets.collect::<io::Result<_>>()?;
        let (expected, _) = watch::channel(Expected::default());
        let (newcomers, newcomer_receiver) = mpsc::channel(NEWCOMERS);
        let refused = Arc::new(AtomicU64::new(0));
        let mut tasks = JoinSet::new();
        for socket in &sockets {
            let acceptor = Acceptor {
                socket: Arc::clone(socket),
                expected: expected.subscribe(),
                newcomers: newcomers.clone(),
                anteroom: Anteroom::new(machine.clone()),
                refused: Arc::clone(&refused),
            };
            tasks.spawn(machine.task(acceptor.run()));
        }
        Ok((Self { sockets, expected, refused, _tasks: tasks }, newcomer_receiver))
    }

    /// The listening addresses, with the ports that the system chose, if any.
    ///
    /// # Errors
    ///
    /// An error of the system.
    pub fn local_addresses(&self) -> io::Result<Vec<SocketAddr>> {
        self.sockets.iter().map(|socket| socket.local_address()).collect()
    }

    /// Passes connections of the peer at `place` to `intake` from now on; with a password, only signed ones
    /// arrive from its address.
    ///
    /// # Errors
    ///
    /// The system cannot check signatures for this peer. Its connections are then not accepted.
    pub fn add_peer(
        &self,
        place: PeerPlace,
        password: Option<&TcpPassword>,
        intake: PeerIntake,
    ) -> io::Result<()> {
        self.set_password(place.address, password)?;
        self.add_newcomer(place, intake);
        Ok(())
    }

    /// Accepts connections from `address` with another password from now on.
    ///
    /// # Errors
    ///
    /// The system refuses; the former password may stay.
    pub fn change_password(&self, address: IpAddr, password: &TcpPassword) -> io::Result<()> {
        self.set_password(address, Some(password))
    }

    /// Passes connections of the peer at `place` to `intake` from now on. Its address is in a range and uses
    /// the range's password.
    pub fn add_newcomer(&self, place: PeerPlace, intake: PeerIntake) {
        self.expected.send_modify(|expected| expected.peers.insert(place, intake));
    }

    /// Accepts connections from `range` from now on; with a password, only signed ones arrive.
    ///
    /// # Errors
    ///
    /// The system cannot check signatures for this range. Connections from there are then not accepted.
    pub fn add_range(&self, range: Prefix, password: Option<&TcpPassword>) -> io::Result<()> {
        self.set_range_password(range, password)?;
        self.expected.send_modify(|expected| {
            expected.ranges.insert(range);
        });
        Ok(())
    }

    /// Refuses connections from `range` from now on, except for those of peers.
    ///
    /// # Errors
    ///
    /// The system keeps the password; connections are refused nevertheless.
    pub fn remove_range(&self, range: Prefix) -> io::Result<()> {
        self.expected.send_modify(|expected| {
            expected.ranges.remove(&range);
        });
        self.set_range_password(range, None)
    }

    /// Refuses connections of the peer at `place` from now on.
    ///
    /// # Errors
    ///
    /// The system keeps the password; connections are refused nevertheless.
    pub fn remove_peer(&self, place: PeerPlace) -> io::Result<()> {
        let mut is_address_in_use = false;
        self.expected.send_modify(|expected| is_address_in_use = expected.peers.remove(place));
        if is_address_in_use { Ok(()) } else { self.set_password(place.address, None) }
    }

    /// Number of connections from addresses without a peer, or while the peer accepted none.
    pub fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }

    fn set_password(&self, address: IpAddr, password: Option<&TcpPassword>) -> io::Result<()> {
        for socket in self.sockets_for(address)? {
            match socket.set_password(address, password) {
                // Without the option in the kernel, there is no signature to be removed either.
                Err(error) if password.is_none() => debug!(%address, "no TCP password removed: {error}"),
                result => result?,
            }
        }
        Ok(())
    }

    fn set_range_password(&self, range: Prefix, password: Option<&TcpPassword>) -> io::Result<()> {
        for socket in self.sockets_for(range.network())? {
            match socket.set_range_password(range, password) {
                Err(error) if password.is_none() => debug!(%range, "no TCP password removed: {error}"),
                result => result?,
            }
        }
        Ok(())
    }

    /// The sockets of the family of `address`.
    fn sockets_for(&self, address: IpAddr) -> io::Result<Vec<&ListeningSocket>> {
        let mut sockets = Vec::new();
        for socket in &self.sockets {
            if socket.local_address()?.is_ipv4() == address.is_ipv4() {
                sockets.push(&**socket);
            }
        }
        Ok(sockets)
    }
}

/// Accepts connections on one socket, and assigns them by their two addresses.
struct Acceptor {
    socket: Arc<ListeningSocket>,
    expected: watch::Receiver<Expected>,
    newcomers: mpsc::Sender<Newcomer>,
    anteroom: Anteroom,
    refused: Arc<AtomicU64>,
}

/// Destination of a connection.
enum Destination {
    Peer(PeerIntake),
    Newcomer,
    /// It is refused, for this reason.
    Nowhere(&'static str),
}

impl Acceptor {
    async fn run(mut self) {
        loop {
            tokio::select! {
                newcomer = self.anteroom.next() => self.pass_on(newcomer).await,
                accepted = self.socket.accept() => match accepted {
                    Ok((stream, source)) => self.hand_in(source.ip().to_canonical(), stream),
                    Err(error) => {
                        // Usually there are too many open files, and the connection stays at the head of the
                        // queue.
                        warn!("cannot accept a connection: {error}");
                        sleep(ACCEPT_PAUSE).await;
                    }
                },
            }
        }
    }

    /// Passes a newcomer to the daemon, or to the peer that another of its connections has become meanwhile.
    async fn pass_on(&self, newcomer: Newcomer) {
        let address = newcomer.address;
        match self.destination(address, &newcomer.arrival.stream) {
            Destination::Peer(intake) => self.note_refusal(address, intake.hand_in(newcomer.arrival)),
            Destination::Newcomer => {
                let sent = self.newcomers.send(newcomer).await;
                self.note_refusal(address, sent.map_err(|_| "the daemon is stopping"));
            }
            Destination::Nowhere(reason) => self.note_refusal(address, Err(reason)),
        }
    }

    fn hand_in(&mut self, address: IpAddr, stream: Stream) {
        match self.destination(address, &stream) {
            Destination::Peer(intake) => self.note_refusal(address, intake.hand_in(stream.into())),
            Destination::Newcomer => self.anteroom.admit(address, stream),
            Destination::Nowhere(reason) => self.note_refusal(address, Err(reason)),
        }
    }

    fn note_refusal<E: Display>(&self, address: IpAddr, result: Result<(), E>) {
        if let Err(reason) = result {
            self.refused.fetch_add(1, Ordering::Relaxed);
            debug!(%address, "connection refused: {reason}");
        }
    }

    fn destination(&self, address: IpAddr, stream: &Stream) -> Destination {
        let Ok(own) = stream.local_address() else {
            return Destination::Nowhere("it has been closed already");
        };
        let expected = self.expected.borrow();
        match expected.peers.owner(address, stream.link(), own.ip().to_canonical()) {
            Owner::Peer(intake) => return Destination::Peer(intake.clone()),
            Owner::Unclear => return Destination::Nowhere("it may be of several peers with this address"),
            Owner::Nobody => {}
        }
        let host = Prefix::host(address);
        let is_welcome = expected.ranges.iter().any(|range| range.contains(host));
        if is_welcome { Destination::Newcomer } else { Destination::Nowhere("no peer has this address") }
    }
}

/// Newcomers that may wait for the daemon. While there are that many, no more are accepted.
const NEWCOMERS: usize = 256;

/// Pause after an error.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
