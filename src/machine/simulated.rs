//! The interface that a simulation implements to run daemons.

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

use super::addresses::AddressBook;
use super::queue_sizes::QueueSizes;
use crate::bfd::BfdHandle;
use crate::kernel::{KernelEvent, KernelHandle, KernelOptions};

/// A value that a simulation provides later.
pub type Promise<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// A simulated [`Machine`](super::Machine). It lives in one thread, under a stopped clock.
pub trait SimulatedMachine: Debug + Send + Sync {
    /// Opens a connection, from an address of its choice if none is given.
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

    /// The machine's present addresses, and their changes from now on.
    fn addresses(&self) -> watch::Receiver<Arc<AddressBook>>;

    /// The contents of a file.
    ///
    /// # Errors
    ///
    /// There is no such file.
    fn read_file(&self, file: &Path) -> io::Result<Vec<u8>>;

    /// Ready while the machine runs. While it is suspended, the caller is woken when it resumes.
    fn poll_running(&self, context: &mut Context<'_>) -> Poll<()>;

    /// The next number of a seeded sequence.
    fn random(&self) -> u64;

    /// Starts a model of the kernel's table.
    fn start_kernel(&self, options: KernelOptions, events: mpsc::Sender<KernelEvent>) -> KernelHandle;

    /// Starts a model of the BFD thread.
    fn start_bfd(&self) -> BfdHandle;

    /// How much the speaker gets done in the slice that it begins now, and how long that takes.
    fn slice_cost(&self) -> SliceCost;

    /// Memory limits of queues.
    fn queue_sizes(&self) -> QueueSizes;
}

/// Amount and duration of the work in a slice.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct SliceCost {
    /// Number of steps of the slice; a step is an input handled or a peer served.
    pub steps: usize,
    /// Duration of a step.
    pub step_time: Duration,
    /// Amount of background work done at a time.
    pub work_entries: usize,
}

/// One end of a simulated connection, which is closed when it is dropped.
pub trait SimulatedStream: Debug + Send + Sync {
    /// Own address.
    fn local_address(&self) -> SocketAddr;

    /// Address of the other end.
    fn peer_address(&self) -> SocketAddr;

    /// Reads available octets into the spare capacity of `buffer`; ready with 0 at the end of the stream.
    fn poll_read(&self, context: &mut Context<'_>, buffer: &mut BytesMut) -> Poll<io::Result<usize>>;

    /// The same without waiting.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::WouldBlock`] if nothing has arrived; others if the connection is broken.
    fn try_read(&self, buffer: &mut BytesMut) -> io::Result<usize>;

    /// Ready when octets may be accepted.
    fn poll_writable(&self, context: &mut Context<'_>) -> Poll<io::Result<()>>;

    /// Sends as much as is accepted at once.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::WouldBlock`] if nothing is; others if the connection is broken.
    fn try_write(&self, slices: &[IoSlice<'_>]) -> io::Result<usize>;

    /// Sends the end of the stream.
    fn shutdown_write(&self);
}

/// Acceptor of simulated connections.
pub trait SimulatedListener: Debug + Send + Sync {
    /// The listening address.
    fn local_address(&self) -> SocketAddr;

    /// The next connection, with its source address.
    fn poll_accept(&self, context: &mut Context<'_>) -> Poll<(Arc<dyn SimulatedStream>, SocketAddr)>;
}
