//! The sockets on which peers connect to us, and the way of each connection to its peer.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::sleep;
use tracing::{debug, warn};

use crate::peer::{MAX_HOP_LIMIT, PeerIntake, TcpPassword, set_password};

/// Listens on some addresses, and hands what is accepted to the peer whose address it comes from.
///
/// Dropping it closes the sockets; connections that were handed in stay.
#[derive(Debug)]
pub struct Listener {
    sockets: Vec<Arc<TcpListener>>,
    peers: watch::Sender<HashMap<IpAddr, PeerIntake>>,
    refused: Arc<AtomicU64>,
    /// Ends the tasks when it is dropped.
    _tasks: JoinSet<()>,
}

impl Listener {
    /// Listens on all `addresses`. To be called within a tokio runtime.
    ///
    /// # Errors
    ///
    /// One of them cannot be used; the error says which and why.
    pub fn bind(addresses: &[SocketAddr]) -> io::Result<Self> {
        let sockets = addresses.iter().map(|address| listen(*address).map(Arc::new));
        let sockets: Vec<Arc<TcpListener>> = sockets.collect::<io::Result<_>>()?;
        let (peers, _) = watch::channel(HashMap::new());
        let refused = Arc::new(AtomicU64::new(0));
        let mut tasks = JoinSet::new();
        for socket in &sockets {
            tasks.spawn(accept_all(Arc::clone(socket), peers.subscribe(), Arc::clone(&refused)));
        }
        Ok(Self { sockets, peers, refused, _tasks: tasks })
    }

    /// The addresses that are listened on, with the ports that the system chose where it was to choose.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn local_addresses(&self) -> io::Result<Vec<SocketAddr>> {
        self.sockets.iter().map(|socket| socket.local_addr()).collect()
    }

    /// From now on hands connections from `address` to `intake`; with a password, only signed ones arrive.
    ///
    /// # Errors
    ///
    /// The system cannot check signatures for this peer. Its connections are then not taken.
    pub fn add_peer(
        &self,
        address: IpAddr,
        password: Option<&TcpPassword>,
        intake: PeerIntake,
    ) -> io::Result<()> {
        self.set_password(address, password)?;
        self.peers.send_modify(|peers| {
            peers.insert(address.to_canonical(), intake);
        });
        Ok(())
    }

    /// From now on refuses connections from `address`.
    ///
    /// # Errors
    ///
    /// The system keeps the password; connections are refused all the same.
    pub fn remove_peer(&self, address: IpAddr) -> io::Result<()> {
        self.peers.send_modify(|peers| {
            peers.remove(&address.to_canonical());
        });
        self.set_password(address, None)
    }

    /// How many connections came from an address that is no peer's, or at a time when the peer took none.
    pub fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }

    fn set_password(&self, address: IpAddr, password: Option<&TcpPassword>) -> io::Result<()> {
        for socket in &self.sockets {
            if socket.local_addr()?.is_ipv4() == address.is_ipv4() {
                match set_password(&**socket, address, password) {
                    // Without the option in the kernel there is no signature to be removed either.
                    Err(error) if password.is_none() => debug!(%address, "no TCP password removed: {error}"),
                    result => result?,
                }
            }
        }
        Ok(())
    }
}

fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    open(address)
        .map_err(|error| io::Error::new(error.kind(), format!("cannot listen on {address}: {error}")))
}

fn open(address: SocketAddr) -> io::Result<TcpListener> {
    let socket =
        Socket::new(Domain::for_address(address), Type::STREAM.nonblocking().cloexec(), Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    // What is accepted gets the hop limit of its peer. The handshake is over by then, and a peer that takes packets
    // from the same link only (RFC 5082) must have taken it.
    if address.is_ipv4() {
        socket.set_ttl_v4(MAX_HOP_LIMIT)?;
    } else {
        socket.set_only_v6(true)?;
        socket.set_unicast_hops_v6(MAX_HOP_LIMIT)?;
    }
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    TcpListener::from_std(socket.into())
}

async fn accept_all(
    socket: Arc<TcpListener>,
    peers: watch::Receiver<HashMap<IpAddr, PeerIntake>>,
    refused: Arc<AtomicU64>,
) {
    loop {
        match socket.accept().await {
            Ok((stream, source)) => {
                if let Err(reason) = hand_in(&peers, source, stream) {
                    refused.fetch_add(1, Ordering::Relaxed);
                    debug!(%source, "connection refused: {reason}");
                }
            }
            Err(error) => {
                // Mostly there are too many open files, and the connection stays at the head of the queue.
                warn!("cannot accept a connection: {error}");
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

fn hand_in(
    peers: &watch::Receiver<HashMap<IpAddr, PeerIntake>>,
    source: SocketAddr,
    stream: TcpStream,
) -> Result<(), String> {
    let peers = peers.borrow();
    let intake = peers.get(&source.ip().to_canonical()).ok_or("no peer has this address")?;
    intake.hand_in(stream).map_err(|error| error.to_string())
}

/// How many connections may wait to be accepted: the peers of a large reflector, all at once.
const BACKLOG: i32 = 4096;

/// How long not to try after an error.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
