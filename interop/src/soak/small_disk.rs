//! A disk of a few mebibytes, which can be filled.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail, ensure};

/// A file system of a few mebibytes; it is unmounted with its owner.
#[derive(Debug)]
pub(super) struct SmallDisk {
    pub(super) folder: PathBuf,
}

impl SmallDisk {
    /// Mounts it in a folder of its own, outside the lab: a mount that stays behind must not keep a lab from removing its
    /// leftovers. Those of processes that have ended are unmounted first.
    ///
    /// # Errors
    ///
    /// Not root.
    pub(super) fn mount() -> Result<Self> {
        remove_leftovers()?;
        let folder = PathBuf::from(format!("{PREFIX}{}", std::process::id()));
        fs::create_dir_all(&folder)?;
        let status =
            Command::new("mount").args(["-t", "tmpfs", "-o", "size=8m", "margay-soak"]).arg(&folder).status();
        ensure!(status.context("mount")?.success(), "no tmpfs can be mounted");
        Ok(Self { folder })
    }

    /// Writes until there is no room.
    pub(super) fn fill(&self) -> Result<()> {
        match fs::write(self.folder.join("filler"), vec![0; 16 << 20]) {
            Err(error) if error.kind() == std::io::ErrorKind::StorageFull => Ok(()),
            Err(error) => Err(error.into()),
            Ok(()) => bail!("the disk is larger than it should be"),
        }
    }

    /// Removes all files, so that there is room again.
    pub(super) fn clear(&self) -> Result<()> {
        for entry in fs::read_dir(&self.folder)? {
            fs::remove_file(entry?.path())?;
        }
        Ok(())
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        if let Err(error) = unmount(&self.folder) {
            eprintln!("{error:#}");
        }
    }
}

fn unmount(folder: &Path) -> Result<()> {
    // The daemon may still have files open there.
    let status = Command::new("umount").arg("--lazy").arg(folder).status().context("umount")?;
    ensure!(status.success(), "{} stays mounted", folder.display());
    fs::remove_dir(folder).with_context(|| folder.display().to_string())
}

fn remove_leftovers() -> Result<()> {
    let mounts = fs::read_to_string("/proc/mounts")?;
    let folders =
        mounts.lines().filter_map(|line| line.split(' ').nth(1)).filter(|folder| is_leftover(folder));
    folders.map(Path::new).try_for_each(unmount)
}

/// Whether a folder is that of a process that has ended.
fn is_leftover(folder: &str) -> bool {
    folder.strip_prefix(PREFIX).is_some_and(|process| !Path::new("/proc").join(process).exists())
}

/// What the folders begin with; the number of a process follows.
const PREFIX: &str = "/tmp/margay-soak-";

#[cfg(test)]
mod tests {
    use super::{PREFIX, is_leftover};

    #[test]
    fn only_folders_of_ended_processes_are_leftovers() {
        assert!(is_leftover(&format!("{PREFIX}4294967294")));
        assert!(!is_leftover(&format!("{PREFIX}{}", std::process::id())));
        assert!(!is_leftover("/tmp/other"));
    }
}
