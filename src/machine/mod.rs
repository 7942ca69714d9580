//! The machine that the daemon runs on: its network, files, threads, processor, memory and random numbers.
//!
//! The tasks of the daemon access their surroundings through it, so that a simulation can run them unchanged
//! on another machine. The exceptions have seams of their own: time is tokio's, which can be stopped; the
//! kernel's table is behind the channels of its thread; signals and the control socket are requests.

mod addresses;
mod file_watch;
mod fine_timer;
mod memory;
mod processor;
mod queue_sizes;
#[cfg(feature = "simulation")]
mod simulated;
mod tcp;

use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
#[cfg(feature = "simulation")]
use std::task::Poll;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::time::timeout;

use crate::bfd::{self, BfdHandle};
use crate::kernel::{self, KernelEvent, KernelHandle, KernelOptions};
pub use addresses::{AddressBook, AddressState, InterfaceAddress};
use fine_timer::FineTimer;

pub(crate) use file_watch::{FileChanges, FileWatch, FilesRead};
pub(crate) use memory::resident_octets;
pub(crate) use processor::{Processor, Slice};
pub use queue_sizes::QueueSizes;
#[cfg(feature = "simulation")]
pub use simulated::{Promise, SimulatedListener, SimulatedMachine, SimulatedStream, SliceCost};
pub use tcp::{Distance, Stream, TcpPassword, TcpPasswordError, Transport};
pub(crate) use tcp::{ListeningSocket, ReadHalf, WriteHalf};

/// See the [module](self).
#[derive(Clone, Debug)]
pub enum Machine {
    /// The machine of this process.
    Real,
    /// A simulated machine.
    #[cfg(feature = "simulation")]
    Simulated(Arc<dyn SimulatedMachine>),
}

/// Without a simulation, the type has one variant and takes no memory.
#[cfg(not(feature = "simulation"))]
const _: () = {
    assert!(size_of::<Machine>() == 0 && size_of::<Processor>() == size_of::<FineTimer>());
    assert!(size_of::<Stream>() == size_of::<tokio::net::TcpStream>());
    assert!(size_of::<ReadHalf>() == size_of::<tokio::net::tcp::OwnedReadHalf>());
    assert!(size_of::<WriteHalf>() == size_of::<tokio::net::tcp::OwnedWriteHalf>());
};

/// Time limit for a file system.
const FILE_TIME: Duration = Duration::from_secs(5);

impl Machine {
    /// Opens a connection. The caller limits the time, by dropping the future.
    ///
    /// # Errors
    ///
    /// An error of the system.
    pub(crate) async fn connect(&self, transport: &Transport) -> io::Result<Stream> {
        match self {
            Self::Real => Stream::dial(transport).await,
            #[cfg(feature = "simulation")]
            Self::Simulated(machine) => {
                machine.connect(transport.source, transport.peer).await.map(Stream::Simulated)
            }
        }
    }

    /// Listens on an address.
    ///
    /// # Errors
    ///
    /// It cannot be used; the error says which and why.
    pub(crate) fn listen(&self, address: SocketAddr) -> io::Result<ListeningSocket> {
        match self {
            Self::Real => ListeningSocket::open(address),
            #[cfg(feature = "simulation")]
            Self::Simulated(machine) => machine.listen(address).map(ListeningSocket::Simulated),
        }
    }

    /// The machine's present addresses, and their changes from now on. To be called within a tokio runtime.
    ///
    /// # Errors
    ///
    /// The system does not list its addresses.
    pub(crate) async fn addresses(&self) -> io::Result<watch::Receiver<Arc<AddressBook>>> {
        match self {
            Self::Real => addresses::watch().await,
            #[cfg(feature = "simulation")]
            Self::Simulated(machine) => Ok(machine.addresses()),
        }
    }

    /// The contents of a file.
    ///
    /// # Errors
    ///
    /// It cannot be read.
    pub(crate) fn read_file(&self, file: &Path) -> io::Result<Vec<u8>> {
        match self {
            Self::Real => std::fs::read(file),
            #[cfg(feature = "simulation")]
            Self::Simulated(machine) => machine.read_file(file),
        }
    }

    /// The memory that the daemon may use at most; `None` if that is not known.
    pub(crate) fn memory_octets(&self) -> Option<u64> {
        match self {
            Self::Real => memory::available_octets(),
            #[cfg(feature = "simulation")]
            Self::Simulated(_) => None,
        }
    }

    /// The names in a folder, in any order.
    ///
    /// # Errors
    ///
    /// It cannot be read.
    pub(crate) fn list_folder(&self, folder: &Path) -> io::Result<Vec<String>> {
        match self {
            Self::Real => std::fs::read_dir(folder)?
                .map(|entry| entry.map(|entry| entry.file_name().to_string_lossy().into_owned()))
                .collect(),
            #[cfg(feature = "simulation")]
            Self::Simulated(_) => Err(io::Error::from(io::ErrorKind::Unsupported)),
        }
    }

    /// Watches files for changes.
    ///
    /// # Errors
    ///
    /// The system has no watch left for this user.
    pub(crate) fn watch_files(&self, read: &FilesRead) -> io::Result<FileWatch> {
        match self {
            Self::Real => FileWatch::new(read),
            #[cfg(feature = "simulation")]
            Self::Simulated(_) => Err(io::Error::from(io::ErrorKind::Unsupported)),
        }
    }

    /// Does work that may wait for a file system, and does not wait for it for long: a named pipe without a writer or a file
    /// server that is gone must not stop the daemon. The work goes on in a thread of its own.
    ///
    /// # Errors
    ///
    /// It is not done in time.
    pub(crate) async fn apart<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Self) -> T + Send + 'static,
    ) -> io::Result<T> {
        match self {
            Self::Real => {
                let machine = self.clone();
                let work = tokio::task::spawn_blocking(move || work(&machine));
                let late = |_| io::Error::new(io::ErrorKind::TimedOut, "the file system does not answer");
                timeout(FILE_TIME, work).await.map_err(late)?.map_err(io::Error::other)
            }
            #[cfg(feature = "simulation")]
            Self::Simulated(_) => Ok(work(self)),
        }
    }

    /// A number that peers cannot guess.
    pub(crate) fn random(&self) -> u64 {
        match self {
            Self::Real => getrandom::u64().expect("Linux has random numbers since 3.17, without any device"),
            #[cfg(feature = "simulation")]
            Self::Simulated(machine) => machine.random(),
        }
    }

    /// Starts the thread that programs the kernel's table. See [`kernel::start`].
    ///
    /// # Errors
    ///
    /// It cannot be started.
    pub(crate) async fn start_kernel(
        &self,
        options: KernelOptions,
        events: mpsc::Sender<KernelEvent>,
    ) -> io::Result<KernelHandle> {
        match self {
            Self::Real => kernel::start(options, events).await,
            #[cfg(feature = "simulation")]
            Self::Simulated(machine) => Ok(machine.start_kernel(options, events)),
        }
    }

    /// Starts what runs BFD sessions. See [`bfd::start`].
    ///
    /// # Errors
    ///
    /// Whatever kept it from starting.
    pub(crate) fn start_bfd(&self) -> io::Result<BfdHandle> {
        match self {
            Self::Real => bfd::start(self.random()),
            #[cfg(feature = "simulation")]
            Self::Simulated(machine) => Ok(machine.start_bfd()),
        }
    }

    /// A task of the daemon, as it runs on this machine: it gets no further while the machine stands still.
    #[cfg(not(feature = "simulation"))]
    pub(crate) fn task<T>(&self, task: T) -> T {
        task
    }

    /// A task of the daemon on this machine: it is suspended while the machine is.
    #[cfg(feature = "simulation")]
    pub fn task<T: Future>(&self, task: T) -> impl Future<Output = T::Output> + use<T> {
        let machine = self.clone();
        async move {
            let mut task = std::pin::pin!(task);
            std::future::poll_fn(|context| match &machine {
                Self::Simulated(machine) if machine.poll_running(context).is_pending() => Poll::Pending,
                Self::Simulated(_) | Self::Real => task.as_mut().poll(context),
            })
            .await
        }
    }

    /// The processor of the speaker. To be called within a tokio runtime.
    ///
    /// # Errors
    ///
    /// No timer is available.
    pub(crate) fn processor(&self) -> io::Result<Processor> {
        Ok(match self {
            Self::Real => Processor::Real(FineTimer::new()?),
            #[cfg(feature = "simulation")]
            Self::Simulated(machine) => Processor::Simulated(processor::Simulated::new(Arc::clone(machine))),
        })
    }

    /// Memory limits of queues.
    pub(crate) fn queue_sizes(&self) -> QueueSizes {
        match self {
            Self::Real => QueueSizes::USUAL,
            #[cfg(feature = "simulation")]
            Self::Simulated(machine) => machine.queue_sizes(),
        }
    }
}
