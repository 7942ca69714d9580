//! Changes in folders, as events of the kernel.

use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify};
use tokio::sync::mpsc;

/// Tells of changes in folders and in the folders inside them, on a thread that waits for the kernel.
///
/// A folder that does not exist is looked for again, since it may be made later.
pub(crate) fn watch(folders: Vec<PathBuf>) -> mpsc::Receiver<()> {
    // One message says all: that something has changed.
    let (sender, receiver) = mpsc::channel(1);
    let watcher = move || {
        while !sender.is_closed() {
            if let Err(error) = watch_once(&folders, &sender) {
                tracing::warn!(%error, "folders cannot be watched");
                thread::sleep(MISSING);
            }
        }
    };
    if let Err(error) = thread::Builder::new().name("folders".to_owned()).spawn(watcher) {
        tracing::error!(%error, "folders are not watched");
    }
    receiver
}

/// Watches the folders, says so, and returns after the next change, or after a while when a folder is missing.
///
/// What is read after the message is read under watch: no change falls between two watches.
fn watch_once(folders: &[PathBuf], sender: &mpsc::Sender<()>) -> nix::Result<()> {
    let flags = AddWatchFlags::IN_CREATE
        | AddWatchFlags::IN_CLOSE_WRITE
        | AddWatchFlags::IN_DELETE
        | AddWatchFlags::IN_MOVED_FROM
        | AddWatchFlags::IN_MOVED_TO
        | AddWatchFlags::IN_DELETE_SELF
        | AddWatchFlags::IN_MOVE_SELF;
    let inotify = Inotify::init(InitFlags::IN_CLOEXEC)?;
    let existing: Vec<&PathBuf> = folders.iter().filter(|folder| folder.is_dir()).collect();
    for folder in &existing {
        inotify.add_watch(folder.as_path(), flags)?;
        for inner in inner_folders(folder) {
            // It may have gone since it was listed, and that is a change.
            inotify.add_watch(&inner, flags)?;
        }
    }
    // Full means that the last message has not been taken yet: then what follows it is read under this watch, too.
    sender.try_send(()).ok();
    if existing.len() < folders.len() {
        thread::sleep(MISSING);
        return Ok(());
    }
    inotify.read_events().map(drop)
}

fn inner_folders(folder: &Path) -> Vec<PathBuf> {
    let entries = folder.read_dir().into_iter().flatten().flatten();
    entries.map(|entry| entry.path()).filter(|path| path.is_dir()).collect()
}

/// How long until a missing folder is looked for again.
const MISSING: Duration = Duration::from_secs(5);
