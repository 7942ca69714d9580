//! One end of a connection, and its two halves.

use std::future::poll_fn;
use std::io::{self, IoSlice};
use std::net::{Shutdown, SocketAddr};
use std::pin::pin;
#[cfg(feature = "simulation")]
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::{Buf, Bytes, BytesMut};
use rustix::net::SendFlags;
use socket2::SockRef;
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};

#[cfg(feature = "simulation")]
use super::SimulatedStream;
use crate::peer::{Transport, prepare};

/// A connection that is open. Dropping both its halves closes it.
#[derive(Debug)]
pub enum Stream {
    /// Over the system's TCP.
    Tcp(TcpStream),
    /// Over a simulated network.
    #[cfg(feature = "simulation")]
    Simulated(Arc<dyn SimulatedStream>),
}

/// The half that is read from.
#[derive(Debug)]
pub(crate) enum ReadHalf {
    Tcp(OwnedReadHalf),
    #[cfg(feature = "simulation")]
    Simulated(Arc<dyn SimulatedStream>),
}

/// The half that is written to. Dropping it tells the other side that nothing follows.
#[derive(Debug)]
pub(crate) enum WriteHalf {
    Tcp(OwnedWriteHalf),
    #[cfg(feature = "simulation")]
    Simulated(SimulatedWriteHalf),
}

impl Stream {
    /// Makes a connection that the peer opened fit.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub(crate) fn prepare(&self, transport: &Transport) -> io::Result<()> {
        match self {
            Self::Tcp(stream) => prepare(stream, transport),
            #[cfg(feature = "simulation")]
            Self::Simulated(_) => Ok(()),
        }
    }

    /// Our end.
    pub(crate) fn local_address(&self) -> io::Result<SocketAddr> {
        match self {
            Self::Tcp(stream) => stream.local_addr(),
            #[cfg(feature = "simulation")]
            Self::Simulated(stream) => Ok(stream.local_address()),
        }
    }

    /// The peer's end.
    pub(crate) fn peer_address(&self) -> io::Result<SocketAddr> {
        match self {
            Self::Tcp(stream) => stream.peer_addr(),
            #[cfg(feature = "simulation")]
            Self::Simulated(stream) => Ok(stream.peer_address()),
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
    /// Reads what there is into the spare capacity of `buffer`; ready with 0 at the end of the stream.
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

    /// Reads what there is, without waiting; [`io::ErrorKind::WouldBlock`] when that is nothing.
    pub(crate) fn try_read(&mut self, buffer: &mut BytesMut) -> io::Result<usize> {
        match self {
            Self::Tcp(socket) => socket.try_read_buf(buffer),
            #[cfg(feature = "simulation")]
            Self::Simulated(stream) => stream.try_read(buffer),
        }
    }

    /// Reads and forgets what still comes, until the other side has closed.
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
    /// Is ready when octets may be taken. Dropping the future loses nothing.
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

    /// Sends what is taken at once, and answers how many octets.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::WouldBlock`] when it is none; others when the connection is broken.
    pub(crate) fn try_write(&self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        match self {
            Self::Tcp(socket) => socket.try_write_vectored(slices),
            #[cfg(feature = "simulation")]
            Self::Simulated(half) => half.0.try_write(slices),
        }
    }

    /// As [`try_write`](Self::try_write), with less ado: neither the runtime nor the C library has a part in it, so the runtime
    /// does not learn that a socket takes nothing. It does when [`try_write`](Self::try_write) is asked next.
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

    /// Tells the other side that nothing follows.
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
