//! A file that is written beside its target and then takes its place.

use std::fs::{self, File, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _, chown};
use std::path::{Path, PathBuf};

/// Content that is on the disk beside its target. Dropped without [`commit`](Self::commit), it is removed.
///
/// Readers of the target see the former file or the new one, also after a crash.
#[derive(Debug)]
pub(crate) struct StagedFile {
    target: PathBuf,
    stage: PathBuf,
    is_committed: bool,
}

/// User and group of a file, by number.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Owner {
    pub(crate) user: Option<u32>,
    pub(crate) group: Option<u32>,
}

impl StagedFile {
    /// Writes the content to the disk. What an earlier run left there is removed first.
    ///
    /// # Errors
    ///
    /// When the disk is full, the folder is missing, or the owner cannot be set; then nothing is left.
    pub(crate) fn write(target: &Path, octets: &[u8], mode: u32, owner: Option<Owner>) -> io::Result<Self> {
        let mut name = target.file_name().unwrap_or_default().to_os_string();
        name.push(".stage");
        let stage = target.with_file_name(name);
        remove_if_there(&stage)?;
        let staged = Self { target: target.to_path_buf(), stage, is_committed: false };
        // Nobody but the owner reads it before mode and owner are what they are to be.
        let mut file = File::options().write(true).create_new(true).mode(0o600).open(&staged.stage)?;
        file.write_all(octets)?;
        if let Some(Owner { user, group }) = owner {
            chown(&staged.stage, user, group)?;
        }
        file.set_permissions(Permissions::from_mode(mode))?;
        file.sync_all()?;
        Ok(staged)
    }

    /// Where the content is until it takes its place.
    pub(crate) fn path(&self) -> &Path {
        &self.stage
    }

    /// Puts the content in the target's place.
    ///
    /// # Errors
    ///
    /// When that fails; the former file then stays.
    pub(crate) fn commit(mut self) -> io::Result<()> {
        fs::rename(&self.stage, &self.target)?;
        self.is_committed = true;
        match self.target.parent() {
            Some(folder) => File::open(folder)?.sync_all(),
            None => Ok(()),
        }
    }
}

impl Drop for StagedFile {
    fn drop(&mut self) {
        if !self.is_committed
            && let Err(error) = remove_if_there(&self.stage)
        {
            tracing::warn!(file = %self.stage.display(), %error, "not removed");
        }
    }
}

fn remove_if_there(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;

    use super::StagedFile;

    #[test]
    fn the_former_file_stays_until_the_new_one_is_whole() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("file");
        fs::write(&target, "former").unwrap();
        drop(StagedFile::write(&target, b"new", 0o640, None).unwrap());
        assert_eq!(fs::read_to_string(&target).unwrap(), "former");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);

        // What a crash left has another mode, and does not lend it to the new file.
        fs::write(folder.path().join("file.stage"), "half").unwrap();
        let staged = StagedFile::write(&target, b"new", 0o640, None).unwrap();
        assert_eq!(fs::read_to_string(&target).unwrap(), "former");
        staged.commit().unwrap();
        assert_eq!(fs::read_to_string(&target).unwrap(), "new");
        assert_eq!(fs::metadata(&target).unwrap().permissions().mode() & 0o777, 0o640);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
