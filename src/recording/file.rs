//! A recording in a file, written by a thread of its own.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tracing::{info, warn};

use super::{RecordingSink, TakesNoMore};

/// A recording in a file, written by a thread. Dropping it finishes the file.
#[derive(Debug)]
pub struct RecordingFile {
    queue: Arc<Queue>,
}

/// The queue between the speaker and the thread.
#[derive(Debug)]
struct Queue {
    file: PathBuf,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    /// Octets not written yet: at most [`QUEUE_OCTETS`] and a block.
    waiting: Vec<u8>,
    /// Whether nothing follows.
    is_finished: bool,
    /// Whether the thread has written everything, or failed.
    is_done: bool,
}

/// Octets that may wait for the disk: what a full table causes. A recording with a gap is useless, so one
/// that would need more ends.
const QUEUE_OCTETS: usize = 64 << 20;

/// How long an orderly end waits for the disk.
const PATIENCE: Duration = Duration::from_secs(10);

impl RecordingFile {
    /// Creates a file that only its owner may read. An existing file of this name is kept, with `.old`
    /// appended to its name.
    ///
    /// # Errors
    ///
    /// The file or the thread cannot be created.
    pub fn create(file: &Path) -> io::Result<Self> {
        if file.symlink_metadata().is_ok_and(|metadata| metadata.is_file()) {
            let mut old = file.as_os_str().to_owned();
            old.push(".old");
            std::fs::rename(file, old)?;
        }
        let output = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(file)?;
        let queue = Queue { file: file.to_owned(), state: Mutex::default(), changed: Condvar::new() };
        let queue = Arc::new(queue);
        let of_thread = Arc::clone(&queue);
        std::thread::Builder::new()
            .name("recording".to_owned())
            .spawn(move || of_thread.write_all(output))?;
        info!(file = %file.display(), "recording the inputs of the Rib");
        Ok(Self { queue })
    }
}

impl RecordingSink for RecordingFile {
    fn take(&mut self, octets: &[u8]) -> Result<(), TakesNoMore> {
        self.queue.take(octets)
    }
}

impl Drop for RecordingFile {
    fn drop(&mut self) {
        let Queue { file, changed, .. } = &*self.queue;
        let mut state = self.queue.state();
        state.is_finished = true;
        changed.notify_all();
        let waited = changed.wait_timeout_while(state, PATIENCE, |state| !state.is_done);
        let (state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        if !state.is_done {
            warn!(file = %file.display(), "the recording lacks its end: the disk takes too long");
        }
    }
}

impl Queue {
    fn take(&self, octets: &[u8]) -> Result<(), TakesNoMore> {
        let mut state = self.state();
        if state.is_done {
            return Err(TakesNoMore);
        }
        if state.waiting.len() >= QUEUE_OCTETS {
            warn!(file = %self.file.display(), "the recording ends: the disk is too slow");
            state.is_finished = true;
            self.changed.notify_all();
            return Err(TakesNoMore);
        }
        state.waiting.extend_from_slice(octets);
        self.changed.notify_all();
        Ok(())
    }

    /// Writes until nothing follows.
    fn write_all(&self, mut output: File) {
        let mut octets = Vec::new();
        loop {
            octets.clear();
            let idle = |state: &mut State| state.waiting.is_empty() && !state.is_finished;
            let waited = self.changed.wait_while(self.state(), idle);
            let mut state = waited.unwrap_or_else(PoisonError::into_inner);
            std::mem::swap(&mut octets, &mut state.waiting);
            if octets.is_empty() {
                state.is_done = true;
                self.changed.notify_all();
                return;
            }
            drop(state);
            if let Err(error) = output.write_all(&octets) {
                warn!(file = %self.file.display(), %error, "the recording ends");
                let mut state = self.state();
                state.is_done = true;
                state.waiting = Vec::new();
                self.changed.notify_all();
                return;
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn queue() -> Queue {
        Queue { file: "test".into(), state: Mutex::default(), changed: Condvar::new() }
    }

    #[test]
    fn a_full_disk_ends_the_recording() {
        let mut file = RecordingFile::create(Path::new("/dev/full")).unwrap();
        let mut takes = 0;
        while file.take(&[7; 1000]).is_ok() {
            takes += 1;
            assert!(takes < 1_000_000, "it is noticed");
            std::thread::yield_now();
        }
        assert_eq!(file.take(&[7]), Err(TakesNoMore), "and that is that");
    }

    #[test]
    fn what_a_disk_does_not_take_in_time_is_bounded() {
        let queue = queue();
        let block = vec![7; 1 << 20];
        let taken = (0..1000).take_while(|_| queue.take(&block).is_ok()).count();
        assert_eq!(taken << 20, QUEUE_OCTETS);
        assert!(queue.state().is_finished, "what is there is written, and nothing after a gap");
    }

    #[test]
    fn a_former_recording_is_kept() {
        let folder = std::env::temp_dir().join(format!("margay-recording-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let path = folder.join("a");
        for text in ["one", "two"] {
            let mut file = RecordingFile::create(&path).unwrap();
            file.take(text.as_bytes()).unwrap();
        }
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "two", "an end waits for what is to be written");
        assert_eq!(std::fs::read_to_string(folder.join("a.old")).unwrap(), "one");
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
