//! Changes of files, reported by the kernel (inotify).
//!
//! The folders are watched, not the files: a file that is replaced by another of its name is the same to its reader, and so is
//! one that appears later. A link is followed to its end, and every folder on the way is watched for the name that leads on,
//! so that it does not matter which part of a path is replaced.

mod files_read;
mod names;

use std::collections::BTreeMap;
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::os::unix::fs::MetadataExt as _;

use rustix::fs::inotify::{CreateFlags, ReadFlags, Reader, WatchFlags, add_watch, init};
use rustix::io::Errno;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

pub(crate) use files_read::FilesRead;
use files_read::Names;

/// A watch on the files of a [`FilesRead`]. To be made anew when that changes.
#[derive(Debug)]
pub(crate) struct FileWatch {
    descriptor: OwnedFd,
    folders: BTreeMap<i32, Names>,
    /// What is watched: device and number of each folder. Equal ones report the same.
    identity: BTreeMap<(u64, u64), Names>,
}

impl FileWatch {
    /// Watches files. Folders that are not there are watched for from above.
    ///
    /// # Errors
    ///
    /// The kernel has no watch left for this user.
    pub(crate) fn new(read: &FilesRead) -> io::Result<Self> {
        let descriptor = init(CreateFlags::NONBLOCK | CreateFlags::CLOEXEC)?;
        let (mut folders, mut identity) = (BTreeMap::new(), BTreeMap::new());
        for (folder, names) in names::of(read) {
            match add_watch(&descriptor, &folder, EVENTS) {
                Ok(number) => {
                    let watched: &mut Names = folders.entry(number).or_default();
                    watched.all |= names.all;
                    watched.exact.extend(names.exact);
                    if let Ok(metadata) = folder.metadata() {
                        identity.insert((metadata.dev(), metadata.ino()), watched.clone());
                    }
                }
                Err(Errno::NOENT | Errno::NOTDIR | Errno::ACCESS) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(Self { descriptor, folders, identity })
    }

    /// Makes it ready to wait for. To be called within a tokio runtime.
    ///
    /// # Errors
    ///
    /// The runtime cannot wait for it.
    #[expect(unsafe_code, reason = "tokio has no safe way to register a descriptor it does not know")]
    pub(crate) fn into_changes(self) -> io::Result<FileChanges> {
        let Self { descriptor, folders, identity } = self;
        // SAFETY: an OwnedFd is the same open descriptor until it is dropped, and is owned by what registers it.
        let descriptor = unsafe { AsyncFd::register_with_interest(descriptor, Interest::READABLE) }?;
        Ok(FileChanges { descriptor, folders, identity })
    }
}

/// The changes of watched files.
#[derive(Debug)]
pub(crate) struct FileChanges {
    descriptor: AsyncFd<OwnedFd>,
    folders: BTreeMap<i32, Names>,
    identity: BTreeMap<(u64, u64), Names>,
}

impl FileChanges {
    /// Whether `watch` reports the same changes.
    pub(crate) fn covers_the_same_as(&self, watch: &FileWatch) -> bool {
        self.identity == watch.identity
    }

    /// Waits for a change of a watched file. Nothing is lost when the future is dropped.
    ///
    /// # Errors
    ///
    /// The kernel reports no more changes.
    pub(crate) async fn next(&self) -> io::Result<()> {
        loop {
            let mut ready = self.descriptor.readable().await?;
            let has_changed = self.read()?;
            ready.clear_ready();
            if has_changed {
                return Ok(());
            }
        }
    }

    /// Reads all events that are there; returns whether one is about a file that matters.
    fn read(&self) -> io::Result<bool> {
        let mut buffer = [MaybeUninit::uninit(); 4096];
        let mut events = Reader::new(&self.descriptor, &mut buffer);
        let mut has_changed = false;
        loop {
            let event = match events.next() {
                Ok(event) => event,
                Err(Errno::AGAIN) => return Ok(has_changed),
                Err(Errno::INTR) => continue,
                Err(error) => return Err(error.into()),
            };
            // Without a name it is about the folder itself, or events were lost.
            has_changed |= match event.file_name() {
                Some(name) => {
                    self.folders.get(&event.wd()).is_some_and(|names| names.matter(name.to_bytes()))
                }
                None => !event.events().contains(ReadFlags::IGNORED),
            };
        }
    }
}

/// What may change what a reader of the folder's files finds.
const EVENTS: WatchFlags = WatchFlags::ATTRIB
    .union(WatchFlags::CLOSE_WRITE)
    .union(WatchFlags::CREATE)
    .union(WatchFlags::DELETE)
    .union(WatchFlags::DELETE_SELF)
    .union(WatchFlags::MODIFY)
    .union(WatchFlags::MOVE)
    .union(WatchFlags::MOVE_SELF)
    .union(WatchFlags::ONLYDIR);
