//! A socket on which connections arrive.

use std::io;
use std::net::{IpAddr, SocketAddr};
#[cfg(feature = "simulation")]
use std::sync::Arc;

use bgp_codec::Prefix;
use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::TcpListener;

#[cfg(feature = "simulation")]
use super::super::SimulatedListener;
use super::connect::MAX_HOP_LIMIT;
use super::md5::{TcpPassword, set_password, set_range_password};
use super::stream::Stream;

/// See the [module](self).
#[derive(Debug)]
pub(crate) enum ListeningSocket {
    Tcp(TcpListener),
    #[cfg(feature = "simulation")]
    Simulated(Arc<dyn SimulatedListener>),
}

impl ListeningSocket {
    /// Listens on an address of this machine.
    ///
    /// # Errors
    ///
    /// It cannot be used; the error says which and why.
    pub(in crate::machine) fn open(address: SocketAddr) -> io::Result<Self> {
        open(address)
            .map(Self::Tcp)
            .map_err(|error| io::Error::new(error.kind(), format!("cannot listen on {address}: {error}")))
    }

    /// The listening address.
    ///
    /// # Errors
    ///
    /// An error of the system.
    pub(crate) fn local_address(&self) -> io::Result<SocketAddr> {
        match self {
            Self::Tcp(socket) => socket.local_addr(),
            #[cfg(feature = "simulation")]
            Self::Simulated(socket) => Ok(socket.local_address()),
        }
    }

    /// The next connection, with its source address.
    ///
    /// # Errors
    ///
    /// An error of the system.
    pub(crate) async fn accept(&self) -> io::Result<(Stream, SocketAddr)> {
        match self {
            Self::Tcp(socket) => socket.accept().await.map(|(stream, source)| (Stream::Tcp(stream), source)),
            #[cfg(feature = "simulation")]
            Self::Simulated(socket) => {
                let (stream, source) = std::future::poll_fn(|context| socket.poll_accept(context)).await;
                Ok((Stream::Simulated(stream), source))
            }
        }
    }

    /// Accepts only signed connections from `address` from now on; with `None`, any. A simulated network does
    /// not sign.
    ///
    /// # Errors
    ///
    /// An error of the system.
    pub(crate) fn set_password(&self, address: IpAddr, password: Option<&TcpPassword>) -> io::Result<()> {
        match self {
            Self::Tcp(socket) => set_password(socket, address, password),
            #[cfg(feature = "simulation")]
            Self::Simulated(_) => Ok(()),
        }
    }

    /// The same for all addresses of a range.
    ///
    /// # Errors
    ///
    /// An error of the system.
    pub(crate) fn set_range_password(&self, range: Prefix, password: Option<&TcpPassword>) -> io::Result<()> {
        match self {
            Self::Tcp(socket) => set_range_password(socket, range, password),
            #[cfg(feature = "simulation")]
            Self::Simulated(_) => Ok(()),
        }
    }
}

fn open(address: SocketAddr) -> io::Result<TcpListener> {
    let socket =
        Socket::new(Domain::for_address(address), Type::STREAM.nonblocking().cloexec(), Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    // Accepted connections get the hop limit of their peer later. The handshake is over by then, and a peer
    // that accepts packets from the same link only (RFC 5082) must have accepted it.
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

/// Connections that may wait to be accepted: all peers of a large reflector at once.
const BACKLOG: i32 = 4096;
