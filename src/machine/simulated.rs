//! What a simulation has to implement to run daemons.

use std::fmt::Debug;
use std::io::{self, IoSlice};
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::BytesMut;
use tokio::sync::{mpsc, watch};

use super::{AddressBook, QueueSizes};
use crate::bfd::BfdHandle;
use crate::kernel::{KernelEvent, KernelHandle, KernelOptions};

/// A value that a simulation provides later.
pub type Promise<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// A simulated [`Machine`](super::Machine). All of it lives in one thread, under a clock that is stopped.
pub trait SimulatedMachine: Debug + Send + Sync {
    /// Opens a connection, from an address of its own choice where none is given.
    fn connect(
        &self,
        source: Option<IpAddr>,
        peer: SocketAddr,
    ) -> Promise<io::Result<Arc<dyn SimulatedStream>>>;

    /// Listens on an address.
    ///
    /// # Errors
    ///
    /// It cannot be used.
    fn listen(&self, address: SocketAddr) -> io::Result<Arc<dyn SimulatedListener>>;

    /// The machine's addresses, as they are now and from now on.
    fn addresses(&self) -> watch::Receiver<Arc<AddressBook>>;

    /// The content of a file.
    ///
    /// # Errors
    ///
    /// There is none of the name.
    fn read_file(&self, file: &Path) -> io::Result<Vec<u8>>;

    /// Is ready while the machine runs. When it stands still, the caller is woken when it goes on.
    fn poll_running(&self, context: &mut Context<'_>) -> Poll<()>;

    /// The next number of a seeded row.
    fn random(&self) -> u64;

    /// Starts a model of the kernel's table.
    fn start_kernel(&self, options: KernelOptions, events: mpsc::Sender<KernelEvent>) -> KernelHandle;

    /// Starts a model of the BFD thread.
    fn start_bfd(&self) -> BfdHandle;

    /// How much the speaker gets done in the slice that it begins now, and how long that takes.
    fn slice_cost(&self) -> SliceCost;

    /// How much memory may be spent on what waits.
    fn queue_sizes(&self) -> QueueSizes;
}

/// How a slice of the speaker's work goes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct SliceCost {
    /// The number of steps after which the slice is over; a step is an input handled or a peer served.
    pub steps: usize,
    /// How long a step takes.
    pub step_time: Duration,
    /// How much background work is done at a time.
    pub work_entries: usize,
}

/// One end of a simulated connection. It is closed when it is dropped.
pub trait SimulatedStream: Debug + Send + Sync {
    /// Our end.
    fn local_address(&self) -> SocketAddr;

    /// The other end.
    fn peer_address(&self) -> SocketAddr;

    /// Reads what has arrived into the spare capacity of `buffer`; ready with 0 at the end of the stream.
    fn poll_read(&self, context: &mut Context<'_>, buffer: &mut BytesMut) -> Poll<io::Result<usize>>;

    /// The same without waiting.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::WouldBlock`] when nothing has arrived; others when the connection is broken.
    fn try_read(&self, buffer: &mut BytesMut) -> io::Result<usize>;

    /// Is ready when octets may be taken.
    fn poll_writable(&self, context: &mut Context<'_>) -> Poll<io::Result<()>>;

    /// Sends what is taken at once.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::WouldBlock`] when it is none; others when the connection is broken.
    fn try_write(&self, slices: &[IoSlice<'_>]) -> io::Result<usize>;

    /// Tells the other side that nothing follows.
    fn shutdown_write(&self);
}

/// Where simulated connections arrive.
pub trait SimulatedListener: Debug + Send + Sync {
    /// The address that is listened on.
    fn local_address(&self) -> SocketAddr;

    /// The next connection, and where it comes from.
    fn poll_accept(&self, context: &mut Context<'_>) -> Poll<(Arc<dyn SimulatedStream>, SocketAddr)>;
}
