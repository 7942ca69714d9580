//! Opening a TCP connection to a peer, and setting the options of one that the peer opened.

use std::io;
use std::net::{IpAddr, SocketAddr, SocketAddrV6};
use std::num::NonZeroU8;
use std::os::fd::AsFd;
use std::time::Duration;

use margay_forwarding::LinkName;
use rustix::net::netdevice::{index_to_name, name_to_index};
use socket2::{Domain, Protocol, SockRef, Socket, TcpKeepalive, Type};
use tokio::net::{TcpSocket, TcpStream};

use super::md5::{TcpPassword, set_password};
use super::socket_option::set_socket_option;

/// How a peer is reached over TCP.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Transport {
    /// The peer's address, and the port to connect to.
    pub peer: SocketAddr,
    /// The link of a link-local address; `None` for others.
    pub link: Option<LinkName>,
    /// Own address; `None` leaves the choice to the system.
    pub source: Option<IpAddr>,
    /// Permitted distance of the peer.
    pub distance: Distance,
    /// Password that signs the segments; `None` for unsigned ones.
    pub password: Option<TcpPassword>,
}

/// Permitted distance of a peer.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Distance {
    /// Anywhere: an internal peer.
    Any,
    /// Own packets reach this many hops: 1 for an external peer on the same link.
    Hops(NonZeroU8),
    /// Only packets from at most this many hops away are accepted (RFC 5082).
    Secured(NonZeroU8),
}

/// Connects over the system's TCP. The caller limits the time, by dropping the future.
///
/// # Errors
///
/// An error of the system.
pub(crate) async fn dial(transport: &Transport) -> io::Result<TcpStream> {
    let socket = Socket::new(
        Domain::for_address(transport.peer),
        Type::STREAM.nonblocking().cloexec(),
        Some(Protocol::TCP),
    )?;
    if let Some(password) = &transport.password {
        set_password(&socket, transport.peer.ip(), Some(password))?;
    }
    if let Some(source) = transport.source {
        socket.bind(&SocketAddr::new(source, 0).into())?;
    }
    prepare(&socket, transport)?;
    let peer = on_link(&socket, transport)?;
    TcpSocket::from_std_stream(socket.into()).connect(peer).await
}

/// The peer's address with the present index of its link.
///
/// # Errors
///
/// There is no such link now.
fn on_link(socket: impl AsFd, transport: &Transport) -> io::Result<SocketAddr> {
    match (transport.link, transport.peer) {
        (Some(link), SocketAddr::V6(peer)) => {
            let index = name_to_index(socket, link.as_str())
                .map_err(|error| io::Error::new(error.kind(), format!("interface {link}: {error}")))?;
            Ok(SocketAddrV6::new(*peer.ip(), peer.port(), 0, index).into())
        }
        (Some(_) | None, peer) => Ok(peer),
    }
}

/// The name of the link with an index; `None` if there is none now.
pub(super) fn link_name(socket: impl AsFd, index: u32) -> Option<LinkName> {
    index_to_name(socket, index).ok()?.parse().ok()
}

/// Sets the options of all connections.
///
/// # Errors
///
/// An error of the system.
pub(crate) fn prepare(socket: impl AsFd, transport: &Transport) -> io::Result<()> {
    let options = SockRef::from(&socket);
    options.set_tcp_nodelay(true)?;
    // With hold time zero, nothing else detects a peer that disappears without closing.
    options.set_tcp_keepalive(
        &TcpKeepalive::new().with_time(PROBE_AFTER).with_interval(PROBE_INTERVAL).with_retries(PROBES),
    )?;
    let is_ipv4 = transport.peer.is_ipv4();
    if is_ipv4 {
        options.set_tos_v4(INTERNETWORK_CONTROL)?;
    } else {
        options.set_tclass_v6(INTERNETWORK_CONTROL)?;
    }
    let (sent, least) = transport.distance.hop_limits();
    if is_ipv4 {
        options.set_ttl_v4(sent)?;
    } else {
        options.set_unicast_hops_v6(sent)?;
    }
    match least {
        Some(least) if is_ipv4 => set_socket_option(&socket, libc::IPPROTO_IP, libc::IP_MINTTL, &least),
        Some(least) => set_socket_option(&socket, libc::IPPROTO_IPV6, libc::IPV6_MINHOPCOUNT, &least),
        None => Ok(()),
    }
}

impl Distance {
    /// The hop limit of sent packets, and the minimum of received ones.
    fn hop_limits(self) -> (u32, Option<libc::c_int>) {
        match self {
            Self::Any => (ANY_DISTANCE, None),
            Self::Hops(hops) => (hops.get().into(), None),
            Self::Secured(hops) => (MAX_HOP_LIMIT, Some(256 - libc::c_int::from(hops.get()))),
        }
    }
}

/// Silence of a connection after which TCP probes the peer.
const PROBE_AFTER: Duration = Duration::from_secs(60);

/// Interval between probes.
const PROBE_INTERVAL: Duration = Duration::from_secs(10);

/// Number of probes after which the connection counts as lost.
const PROBES: u32 = 6;

/// The highest hop limit.
pub(crate) const MAX_HOP_LIMIT: u32 = 255;

/// Linux's default. Never 1: an internal peer may be several hops away.
const ANY_DISTANCE: u32 = 64;

/// DSCP CS6: routing protocols (RFC 4594 §3.2).
const INTERNETWORK_CONTROL: u32 = 0xc0;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hop_limits_follow_the_distance() {
        let hops = |count| NonZeroU8::new(count).unwrap();
        for (distance, expected) in [
            (Distance::Any, (64, None)),
            (Distance::Hops(hops(1)), (1, None)),
            (Distance::Hops(hops(7)), (7, None)),
            (Distance::Secured(hops(1)), (255, Some(255))),
            (Distance::Secured(hops(3)), (255, Some(253))),
            (Distance::Secured(hops(255)), (255, Some(1))),
        ] {
            assert_eq!(distance.hop_limits(), expected, "{distance:?}");
        }
    }
}
