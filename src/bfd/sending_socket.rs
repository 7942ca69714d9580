//! The socket that a session's packets are sent from.

use std::io;
use std::net::{IpAddr, SocketAddr, SocketAddrV6};

use margay_bfd::SessionKey;
use nix::sys::socket::{setsockopt, sockopt};
use socket2::{Domain, Protocol, Socket, Type};

/// Source ports of BFD (RFC 5881 §4).
const FIRST_SOURCE_PORT: u16 = 49_152;

/// TTL and hop limit of every packet, so that a single-hop receiver can tell that it was not forwarded (RFC 5881 §5).
const TTL: u32 = 255;

/// Class selector 6, as usual for routing protocols.
const TRAFFIC_CLASS: i32 = 0xc0;

/// A socket with a source port of its own, which it keeps for the life of the session (RFC 5881 §4).
#[derive(Debug)]
pub(super) struct SendingSocket {
    socket: Socket,
}

impl SendingSocket {
    /// A socket from `local` to the remote system. The search for a free source port begins at one that `seed` chooses.
    ///
    /// # Errors
    ///
    /// The local address does not exist, or the system has no port left.
    pub(super) fn open(key: SessionKey, local: IpAddr, seed: u64) -> io::Result<Self> {
        let domain = if local.is_ipv6() { Domain::IPV6 } else { Domain::IPV4 };
        let socket = Socket::new(domain, Type::DGRAM.nonblocking().cloexec(), Some(Protocol::UDP))?;
        if local.is_ipv6() {
            socket.set_unicast_hops_v6(TTL)?;
            setsockopt(&socket, sockopt::Ipv6TClass, &TRAFFIC_CLASS)?;
        } else {
            socket.set_ttl_v4(TTL)?;
            setsockopt(&socket, sockopt::Ipv4Tos, &TRAFFIC_CLASS)?;
        }
        let count = u64::from(u16::MAX - FIRST_SOURCE_PORT) + 1;
        let mut result = Err(io::Error::from(io::ErrorKind::AddrInUse));
        for attempt in 0..count {
            let offset = u16::try_from((seed.wrapping_add(attempt)) % count).unwrap_or(0);
            result = socket.bind(&with_scope(local, FIRST_SOURCE_PORT + offset, key.interface).into());
            if !result.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::AddrInUse) {
                break;
            }
        }
        result?;
        socket.connect(&with_scope(key.remote, key.hops.port(), key.interface).into())?;
        Ok(Self { socket })
    }

    /// Sends a packet. One that the system does not accept is lost as on any link, and left to the remote
    /// system's detection time.
    ///
    /// # Errors
    ///
    /// What the system says, for the log.
    pub(super) fn send(&self, packet: &[u8]) -> io::Result<()> {
        self.socket.send(packet).map(|_| ())
    }
}

fn with_scope(address: IpAddr, port: u16, interface: Option<u32>) -> SocketAddr {
    match address {
        IpAddr::V4(_) => SocketAddr::new(address, port),
        IpAddr::V6(address) => SocketAddrV6::new(address, port, 0, interface.unwrap_or(0)).into(),
    }
}
