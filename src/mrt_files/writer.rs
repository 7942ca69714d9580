//! The thread that writes the log of updates into files, each for its interval.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;
use std::time::SystemTime;

use margay_config::MrtFiles;
use tracing::{error, info, warn};

use super::dated_name::{file_at, next_multiple};
use super::queue::Queue;

/// Writes until nothing follows. What cannot be written is lost, and the next file is tried.
pub(super) fn run(queue: &Queue, files: &MrtFiles) {
    loop {
        let begin = SystemTime::now();
        let end = next_multiple(begin, files.interval);
        let path = file_at(&files.path, begin);
        let mut file = match open(&path) {
            Ok(file) => Some(file),
            Err(error) => {
                error!(file = %path.display(), %error, "updates are not kept: the file cannot be opened");
                None
            }
        };
        while SystemTime::now() < end {
            let batch = queue.take(end);
            if batch.lost > 0 {
                warn!(file = %path.display(), lost = batch.lost, "records of updates are missing: the disk is too slow");
            }
            if let Some(open) = &mut file
                && let Err(error) = open.write_all(&batch.records)
            {
                error!(file = %path.display(), %error, "updates are not kept until the next file: it cannot be written");
                file = None;
            }
            if batch.is_last {
                queue.finish();
                return;
            }
        }
        if file.is_some() {
            info!(file = %path.display(), "a file of updates is complete");
        }
    }
}

/// Opens a file to append to, as after a restart within its interval, and creates its folder.
fn open(path: &Path) -> io::Result<File> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    OpenOptions::new().append(true).create(true).open(path)
}
