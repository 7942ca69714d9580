//! A small disk in memory.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use crate::command::{output, system};

/// A small disk in memory, mounted on a folder until it is dropped.
#[derive(Debug)]
pub(crate) struct Disk {
    folder: PathBuf,
}

impl Disk {
    pub(crate) fn mount(folder: &Path, octets: u64) -> Result<Self> {
        let size = format!("size={octets}");
        output(system("mount").args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(folder))?;
        Ok(Self { folder: folder.to_path_buf() })
    }

    /// Writes a file as large as there is room.
    pub(crate) fn fill(&self) -> Result<()> {
        let path = self.filler();
        let mut file = File::create(&path).with_context(|| path.display().to_string())?;
        // The last octets are written one by one: a file system may refuse a large piece and take a small one.
        for size in [1 << 20, 4_096, 1] {
            let piece = vec![0; size];
            let error = write_until_full(&mut file, &piece);
            if error.kind() != io::ErrorKind::StorageFull {
                return Err(error).with_context(|| path.display().to_string());
            }
        }
        Ok(())
    }

    pub(crate) fn free(&self) -> Result<()> {
        let path = self.filler();
        fs::remove_file(&path).with_context(|| path.display().to_string())
    }

    fn filler(&self) -> PathBuf {
        self.folder.join("filler")
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // Lazily: a process that has just been killed may still hold it.
        if let Err(error) = output(system("umount").arg("--lazy").arg(&self.folder)) {
            eprintln!("{error:#}");
        }
    }
}

/// Writes the piece again and again, and returns the error that ends it.
fn write_until_full(file: &mut File, piece: &[u8]) -> io::Error {
    loop {
        if let Err(error) = file.write_all(piece) {
            return error;
        }
    }
}
