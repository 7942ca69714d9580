//! One end of a connection, and its two halves.

use std::future::poll_fn;
use std::io::{self, IoSlice};
use std::net::{IpAddr, Shutdown, SocketAddr};
use std::pin::pin;
#[cfg(feature = "simulation")]
use std::sync::Arc;
#[cfg(feature = "simulation")]
use std::task::Waker;
use std::task::{Context, Poll};

use bytes::{Buf, Bytes, BytesMut};
use margay_forwarding::LinkName;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::net::{RecvFlags, SendFlags};
use socket2::SockRef;
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tracing::debug;

#[cfg(feature = "simulation")]
use super::super::SimulatedStream;
use super::connect::{Transport, dial, link_name, prepare};
use super::md5::{TcpPassword, set_password};

/// An open connection. Dropping both halves closes it.
#[derive(Debug)]
pub enum Stream {
    /// Over the system's TCP.
    Tcp(TcpStream),
    /// Over a simulated network.
    #[cfg(feature = "simulation")]
    Simulated(Arc<dyn SimulatedStream>),
}

/// The reading half.
#[derive(Debug)]
pub(crate) enum ReadHalf {
    Tcp(OwnedReadHalf),
    #[cfg(feature = "simulation")]
    Simulated(Arc<dyn SimulatedStream>),
}

/// The writing half. Dropping it sends a FIN.
#[derive(Debug)]
pub(crate) enum WriteHalf {
    Tcp(OwnedWriteHalf),
    #[cfg(feature = "simulation")]
    Simulated(SimulatedWriteHalf),
}

impl Stream {
    /// Opens a connection over the system's TCP. The caller limits the time, by dropping the future.
    ///
    /// # Errors
    ///
    /// An error of the system.
    pub(in crate::machine) async fn dial(transport: &Transport) -> io::Result<Self> {
        dial(transport).await.map(Self::Tcp)
    }

    /// Sets the options of a connection that the peer opened.
    ///
    /// # Errors
    ///
    /// An error of the system.
    pub(crate) fn prepare(&self, transport: &Transport) -> io::Result<()> {
        match self {
            Self::Tcp(stream) => prepare(stream, transport),
            #[cfg(feature = "simulation")]
            Self::Simulated(_) => Ok(()),
        }
    }

    /// Own address.
    pub(crate) fn local_address(&self) -> io::Result<SocketAddr> {
        match self {
            Self::Tcp(stream) => stream.local_addr(),
            #[cfg(feature = "simulation")]
            Self::Simulated(stream) => Ok(stream.local_address()),
        }
    }

    /// The peer's address.
    pub(crate) fn peer_address(&self) -> io::Result<SocketAddr> {
        match self {
            Self::Tcp(stream) => stream.peer_addr(),
            #[cfg(feature = "simulation")]
            Self::Simulated(stream) => Ok(stream.peer_address()),
        }
    }

    /// The link of a connection between link-local addresses; `None` for others.
    pub(crate) fn link(&self) -> Option<LinkName> {
        match self {
            Self::Tcp(stream) => match stream.peer_addr().ok()? {
                SocketAddr::V6(peer) if peer.scope_id() != 0 => link_name(stream, peer.scope_id()),
                SocketAddr::V4(_) | SocketAddr::V6(_) => None,
            },
            #[cfg(feature = "simulation")]
            Self::Simulated(_) => None,
        }
    }

    /// Reads available octets into the spare capacity of `buffer`; 0 at the end of the stream. Dropping the
    /// future before it is ready loses nothing.
    ///
    /// # Errors
    ///
    /// The connection is broken.
    pub(crate) async fn read(&mut self, buffer: &mut BytesMut) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => stream.read_buf(buffer).await,
            #[cfg(feature = "simulation")]
            Self::Simulated(stream) => {
                buffer.reserve(1);
                poll_fn(|context| stream.poll_read(context, buffer)).await
            }
        }
    }

    /// Sends the last octets before the connection is closed, as far as they are accepted at once. The close
    /// does not wait for the other side, so octets that it still sends may cause a reset that overtakes them.
    pub(crate) fn send_last(&self, octets: &[u8]) {
        let sent = match self {
            Self::Tcp(stream) => stream.try_write(octets),
            #[cfg(feature = "simulation")]
            Self::Simulated(stream) => stream.try_write(&[IoSlice::new(octets)]),
        };
        if let Err(error) = sent {
            debug!(%error, "the reason for the end of a connection was not sent");
        }
    }

    /// Both halves.
    pub(crate) fn into_split(self) -> (ReadHalf, WriteHalf) {
        match self {
            Self::Tcp(stream) => {
                let (reader, writer) = stream.into_split();
                (ReadHalf::Tcp(reader), WriteHalf::Tcp(writer))
            }
            #[cfg(feature = "simulation")]
            Self::Simulated(stream) => {
                (ReadHalf::Simulated(Arc::clone(&stream)), WriteHalf::Simulated(SimulatedWriteHalf(stream)))
            }
        }
    }
}

impl ReadHalf {
    /// Reads available octets into the spare capacity of `buffer`; ready with 0 at the end of the stream.
    pub(crate) fn poll_read(
        &mut self,
        context: &mut Context<'_>,
        buffer: &mut BytesMut,
    ) -> Poll<io::Result<usize>> {
        match self {
            Self::Tcp(socket) => pin!(socket.read_buf(buffer)).poll(context),
            #[cfg(feature = "simulation")]
            Self::Simulated(stream) => stream.poll_read(context, buffer),
        }
    }

    /// Signs and checks the segments of the connection with another password from now on.
    ///
    /// # Errors
    ///
    /// The system refuses.
    pub(crate) fn set_password(&self, peer: IpAddr, password: &TcpPassword) -> io::Result<()> {
        match self {
            Self::Tcp(socket) => set_password(socket.as_ref(), peer, Some(password)),
            #[cfg(feature = "simulation")]
            Self::Simulated(_) => Ok(()),
        }
    }

    /// Reads up to `octets` available octets without waiting; [`io::ErrorKind::WouldBlock`] if there are
    /// none.
    ///
    /// It asks the socket and not the runtime, which may not have polled the socket since the process was
    /// suspended.
    pub(crate) fn try_read(&mut self, buffer: &mut BytesMut, octets: usize) -> io::Result<usize> {
        match self {
            Self::Tcp(socket) => {
                let before = buffer.len();
                buffer.resize(before + octets, 0);
                let read = rustix::net::recv(socket.as_ref(), &mut buffer[before..], RecvFlags::DONTWAIT);
                let received = read.as_ref().map_or(0, |&(received, _)| received);
                buffer.truncate(before + received);
                Ok(read.map(|_| received)?)
            }
            #[cfg(feature = "simulation")]
            Self::Simulated(stream) => stream.try_read(buffer),
        }
    }

    /// Reads and discards everything until the other side has closed.
    ///
    /// # Errors
    ///
    /// The connection is broken.
    pub(crate) async fn read_to_end(&mut self) -> io::Result<()> {
        let mut unwanted = BytesMut::with_capacity(16 * 1024);
        while poll_fn(|context| self.poll_read(context, &mut unwanted)).await? > 0 {
            unwanted.clear();
        }
        Ok(())
    }
}

impl WriteHalf {
    /// Ready when octets may be accepted. Dropping the future loses nothing.
    ///
    /// # Errors
    ///
    /// The connection is broken.
    pub(crate) async fn writable(&self) -> io::Result<()> {
        match self {
            Self::Tcp(socket) => socket.writable().await,
            #[cfg(feature = "simulation")]
            Self::Simulated(half) => poll_fn(|context| half.0.poll_writable(context)).await,
        }
    }

    /// Whether octets would be accepted now. Like [`ReadHalf::try_read`], it asks the socket.
    pub(crate) fn is_writable(&self) -> bool {
        match self {
            Self::Tcp(socket) => {
                let mut socket = [PollFd::new(socket.as_ref(), PollFlags::OUT)];
                let ready = poll(&mut socket, Some(&Timespec::default()));
                ready.is_ok_and(|ready| ready > 0)
            }
            #[cfg(feature = "simulation")]
            Self::Simulated(half) => half.0.poll_writable(&mut Context::from_waker(Waker::noop())).is_ready(),
        }
    }

    /// Sends as much as is accepted at once, and returns the number of octets.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::WouldBlock`] if nothing is; others if the connection is broken.
    pub(crate) fn try_write(&self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        match self {
            Self::Tcp(socket) => socket.try_write_vectored(slices),
            #[cfg(feature = "simulation")]
            Self::Simulated(half) => half.0.try_write(slices),
        }
    }

    /// As [`try_write`](Self::try_write), but bypasses the runtime and the C library: the runtime does not
    /// learn that a socket is full until the next [`try_write`](Self::try_write).
    ///
    /// # Errors
    ///
    /// As there.
    pub(crate) fn write_directly(&self, octets: &[u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(socket) => {
                let flags = SendFlags::DONTWAIT | SendFlags::NOSIGNAL;
                Ok(rustix::net::send(socket.as_ref(), octets, flags)?)
            }
            #[cfg(feature = "simulation")]
            Self::Simulated(half) => half.0.try_write(&[IoSlice::new(octets)]),
        }
    }

    /// Sends everything.
    ///
    /// # Errors
    ///
    /// The connection is broken.
    pub(crate) async fn write_all(&self, mut octets: Bytes) -> io::Result<()> {
        while octets.has_remaining() {
            self.writable().await?;
            match self.try_write(&[IoSlice::new(&octets)]) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(sent) => octets.advance(sent),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Sends a FIN.
    ///
    /// # Errors
    ///
    /// The connection is broken.
    pub(crate) fn shutdown(&self) -> io::Result<()> {
        match self {
            Self::Tcp(socket) => SockRef::from(socket.as_ref()).shutdown(Shutdown::Write),
            #[cfg(feature = "simulation")]
            Self::Simulated(half) => {
                half.0.shutdown_write();
                Ok(())
            }
        }
    }
}

/// Closes its direction when it is dropped, as the real one does.
#[cfg(feature = "simulation")]
#[derive(Debug)]
pub(crate) struct SimulatedWriteHalf(Arc<dyn SimulatedStream>);

#[cfg(feature = "simulation")]
impl Drop for SimulatedWriteHalf {
    fn drop(&mut self) {
        self.0.shutdown_write();
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;
    use std::net::TcpListener;

    use super::*;

    /// A connection that the runtime has not polled yet, and its other end.
    fn connection() -> (ReadHalf, WriteHalf, std::net::TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let peer = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (stream, _) = listener.accept().unwrap();
        stream.set_nonblocking(true).unwrap();
        let (reader, writer) = Stream::Tcp(TcpStream::from_std(stream).unwrap()).into_split();
        (reader, writer, peer)
    }

    /// After a suspension of the process, timers may be handled before the runtime has polled its sockets.
    #[tokio::test]
    async fn waiting_octets_are_read_before_the_runtime_has_polled() {
        let (mut reader, writer, mut peer) = connection();
        let mut buffer = BytesMut::from(&b"before "[..]);
        let error = reader.try_read(&mut buffer, 100).unwrap_err();
        assert_eq!((error.kind(), &buffer[..]), (io::ErrorKind::WouldBlock, &b"before "[..]));
        peer.write_all(b"waits").unwrap();
        assert_eq!(reader.try_read(&mut buffer, 3).unwrap(), 3);
        assert_eq!(reader.try_read(&mut buffer, 100).unwrap(), 2);
        assert_eq!(&buffer[..], b"before waits");
        assert!(writer.is_writable());
        peer.shutdown(Shutdown::Write).unwrap();
        assert_eq!(reader.try_read(&mut buffer, 100).unwrap(), 0, "the end of the stream");
    }

    #[tokio::test]
    async fn a_full_socket_takes_octets_again_when_the_peer_has_read() {
        let (_reader, writer, mut peer) = connection();
        while writer.write_directly(&[0; 1 << 16]).is_ok() {}
        assert!(!writer.is_writable());
        let mut octets = vec![0; 1 << 16];
        while !writer.is_writable() {
            io::Read::read(&mut peer, &mut octets).unwrap();
        }
    }
}
