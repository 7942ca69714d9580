//! The socket for what the kernel reports.

use std::io;

use netlink_packet_core::NetlinkBuffer;
use netlink_sys::{Socket, protocols::NETLINK_ROUTE};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use crate::request_socket::{DATAGRAM_OCTETS, messages, set_receive_buffer};

/// A socket that receives the messages of multicast groups.
pub struct Listener {
    socket: AsyncFd<Descriptor>,
    datagram: Vec<u8>,
}

/// A socket that tokio can watch.
struct Descriptor(Socket);

impl std::os::fd::AsRawFd for Descriptor {
    fn as_raw_fd(&self) -> std::os::fd::RawFd {
        self.0.as_raw_fd()
    }
}

/// Whether all messages since the last call were received.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Reception {
    /// They were.
    Whole,
    /// The socket's buffer was full and messages are lost.
    Overrun,
}

impl Listener {
    /// Joins groups of rtnetlink in the network namespace of this thread. Messages beyond `buffer_octets` that have not been read are
    /// lost.
    ///
    /// # Errors
    ///
    /// When the kernel permits no more sockets, or does not have a group.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime.
    pub fn open(groups: &[u32], buffer_octets: usize) -> io::Result<Self> {
        let mut socket = Socket::new(NETLINK_ROUTE)?;
        set_receive_buffer(&socket, buffer_octets);
        socket.set_non_blocking(true)?;
        socket.bind_auto()?;
        for group in groups {
            socket.add_membership(*group)?;
        }
        #[expect(unsafe_code, reason = "tokio has no safe way to register a descriptor it does not know")]
        // SAFETY: `Descriptor` owns its descriptor and closes it when it is dropped with the `AsyncFd`; nothing takes it out before.
        let socket = unsafe { AsyncFd::register_with_interest(Descriptor(socket), Interest::READABLE) }?;
        Ok(Self { socket, datagram: Vec::with_capacity(DATAGRAM_OCTETS) })
    }

    /// Waits until a message may have arrived. May be given up and called again.
    ///
    /// # Errors
    ///
    /// When the runtime is shutting down.
    pub async fn readable(&self) -> io::Result<()> {
        self.socket.readable().await.map(|mut guard| guard.clear_ready())
    }

    /// Calls `visit` for all messages that have arrived, without waiting.
    ///
    /// # Errors
    ///
    /// When the socket fails.
    pub fn drain(&mut self, mut visit: impl FnMut(&NetlinkBuffer<&[u8]>)) -> io::Result<Reception> {
        let mut reception = Reception::Whole;
        loop {
            self.datagram.clear();
            match self.socket.get_ref().0.recv(&mut self.datagram, 0) {
                Ok(_) => messages(&self.datagram).for_each(|message| visit(&message)),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(reception),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.raw_os_error() == Some(libc::ENOBUFS) => reception = Reception::Overrun,
                Err(error) => return Err(error),
            }
        }
    }
}

impl std::fmt::Debug for Listener {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Listener").finish_non_exhaustive()
    }
}
