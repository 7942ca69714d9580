//! Network namespaces, entered by threads that end afterwards.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::path::Path;

use nix::sched::{CloneFlags, setns};

/// An open network namespace, which lasts at least as long as this value.
#[derive(Debug)]
pub struct NetworkNamespace(File);

impl NetworkNamespace {
    /// Opens a namespace by its path, such as `/run/netns/name` or `/proc/1/ns/net`.
    ///
    /// # Errors
    ///
    /// When there is none.
    pub fn open(path: &Path) -> io::Result<Self> {
        File::open(path).map(Self)
    }

    /// Opens the namespace of the calling thread.
    ///
    /// # Errors
    ///
    /// When `/proc` is not mounted.
    pub fn own() -> io::Result<Self> {
        Self::open(Path::new("/proc/thread-self/ns/net"))
    }

    /// Whether two are the same.
    ///
    /// # Errors
    ///
    /// When one cannot be looked at.
    pub fn is_same(&self, other: &Self) -> io::Result<bool> {
        use std::os::unix::fs::MetadataExt as _;
        let (one, other) = (self.0.metadata()?, other.0.metadata()?);
        Ok((one.dev(), one.ino()) == (other.dev(), other.ino()))
    }

    /// Calls a function on a thread inside, which ends with it: sockets that it opens stay inside, and no other thread of the process
    /// ever is.
    ///
    /// # Errors
    ///
    /// When it is not a network namespace, or may not be entered.
    ///
    /// # Panics
    ///
    /// When the function panics.
    pub fn inside<T: Send>(&self, work: impl FnOnce() -> T + Send) -> io::Result<T> {
        std::thread::scope(|scope| {
            let worker = scope.spawn(|| {
                setns(&self.0, CloneFlags::CLONE_NEWNET).map_err(io::Error::from)?;
                Ok(work())
            });
            worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        })
    }
}

impl AsFd for NetworkNamespace {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl AsRawFd for NetworkNamespace {
    fn as_raw_fd(&self) -> RawFd {
        self.0.as_raw_fd()
    }
}
