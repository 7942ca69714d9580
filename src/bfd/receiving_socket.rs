//! The sockets on which BFD packets arrive: one for each family and number of hops.

use std::io::{self, IoSliceMut};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};

use margay_bfd::{Arrival, Hops, MAX_PACKET_OCTETS};
use nix::cmsg_space;
use nix::errno::Errno;
use nix::sys::socket::{ControlMessageOwned, MsgFlags, SockaddrStorage, recvmsg, setsockopt, sockopt};
use socket2::{Domain, Protocol, Socket, Type};

/// Octets that may wait while the thread has no processor: some thousand packets.
const RECEIVE_BUFFER_OCTETS: usize = 1 << 20;

/// Octets of a datagram that are read; a longer one is not a packet that this daemon fully understands.
pub(super) const DATAGRAM_OCTETS: usize = 4 * MAX_PACKET_OCTETS;

/// A socket bound to a port of BFD, on every address of its family.
#[derive(Debug)]
pub(super) struct ReceivingSocket {
    socket: Socket,
    hops: Hops,
}

impl ReceivingSocket {
    /// The sockets of both families for packets over this number of hops. A machine without IPv6 has only one.
    pub(super) fn open_all(hops: Hops) -> io::Result<Vec<Self>> {
        let mut sockets = vec![Self::open(Domain::IPV4, hops)?];
        match Self::open(Domain::IPV6, hops) {
            Ok(socket) => sockets.push(socket),
            Err(error) if error.raw_os_error() == Some(libc::EAFNOSUPPORT) => {}
            Err(error) => return Err(error),
        }
        Ok(sockets)
    }

    fn open(domain: Domain, hops: Hops) -> io::Result<Self> {
        let socket = Socket::new(domain, Type::DGRAM.nonblocking().cloexec(), Some(Protocol::UDP))?;
        let any: IpAddr = if domain == Domain::IPV6 {
            socket.set_only_v6(true)?;
            setsockopt(&socket, sockopt::Ipv6RecvHopLimit, &true)?;
            setsockopt(&socket, sockopt::Ipv6RecvPacketInfo, &true)?;
            Ipv6Addr::UNSPECIFIED.into()
        } else {
            setsockopt(&socket, sockopt::Ipv4RecvTtl, &true)?;
            setsockopt(&socket, sockopt::Ipv4PacketInfo, &true)?;
            Ipv4Addr::UNSPECIFIED.into()
        };
        socket.set_recv_buffer_size(RECEIVE_BUFFER_OCTETS)?;
        socket.bind(&SocketAddr::new(any, hops.port()).into())?;
        Ok(Self { socket, hops })
    }

    /// The next datagram; `None` if there is none.
    ///
    /// # Errors
    ///
    /// An error of the system.
    pub(super) fn receive(&self, buffer: &mut [u8; DATAGRAM_OCTETS]) -> io::Result<Option<(Arrival, usize)>> {
        let mut control = cmsg_space!(libc::in6_pktinfo, libc::c_int, libc::in_pktinfo);
        loop {
            let mut slices = [IoSliceMut::new(buffer.as_mut_slice())];
            let received = recvmsg::<SockaddrStorage>(
                self.socket.as_raw_fd(),
                &mut slices,
                Some(&mut control),
                MsgFlags::MSG_DONTWAIT,
            );
            let message = match received {
                Ok(message) => message,
                Err(Errno::EAGAIN) => return Ok(None),
                Err(Errno::EINTR) => continue,
                Err(error) => return Err(error.into()),
            };
            let Some(remote) = message.address.as_ref().and_then(address_of) else { continue };
            let mut arrival = Arrival { remote, interface: 0, ttl: 0, hops: self.hops };
            for part in message.cmsgs()? {
                match part {
                    ControlMessageOwned::Ipv4Ttl(ttl) | ControlMessageOwned::Ipv6HopLimit(ttl) => {
                        arrival.ttl = u8::try_from(ttl).unwrap_or(0);
                    }
                    ControlMessageOwned::Ipv4PacketInfo(info) => {
                        arrival.interface = u32::try_from(info.ipi_ifindex).unwrap_or(0);
                    }
                    ControlMessageOwned::Ipv6PacketInfo(info) => arrival.interface = info.ipi6_ifindex,
                    _ => {}
                }
            }
            return Ok(Some((arrival, message.bytes)));
        }
    }
}

impl AsFd for ReceivingSocket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

fn address_of(address: &SockaddrStorage) -> Option<IpAddr> {
    let v4 = address.as_sockaddr_in().map(|address| IpAddr::V4(address.ip()));
    v4.or_else(|| address.as_sockaddr_in6().map(|address| IpAddr::V6(address.ip())))
}
