//! The files of a configuration, on this machine.

use std::fs;
use std::path::{Path, PathBuf};

use margay_config::{Files, NamedFiles, Reading};

use crate::run_error::RunError;

/// Files as the system has them.
pub(super) struct DiskFiles;

impl Files for DiskFiles {
    fn read(&mut self, path: &Path) -> Result<Vec<u8>, String> {
        fs::read(path).map_err(|error| error.to_string())
    }

    fn list(&mut self, folder: &Path) -> Result<Vec<String>, String> {
        let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
        let entries = fs::read_dir(folder).map_err(|error| error.to_string())?;
        entries
            .map(|entry| entry.map(|entry| entry.file_name().to_string_lossy().into_owned()))
            .collect::<Result<_, _>>()
            .map_err(|error| error.to_string())
    }
}

/// The files that a path means, whose last part may be a pattern.
pub(super) fn expand(path: &Path) -> Result<Vec<PathBuf>, String> {
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    if !name.contains(['*', '?']) {
        return Ok(vec![path.to_owned()]);
    }
    let folder = path.parent().unwrap_or_else(|| Path::new(""));
    let glob = margay_filter::Glob::new(&name);
    let names = DiskFiles.list(folder)?;
    let mut paths: Vec<PathBuf> =
        names.into_iter().filter(|name| glob.matches(name)).map(|name| folder.join(name)).collect();
    paths.sort();
    Ok(paths)
}

/// Reads the configuration that begins in a file.
pub(crate) fn read(file: &Path, named_files: NamedFiles) -> Result<Reading, RunError> {
    let text =
        fs::read_to_string(file).map_err(|error| RunError::Unreadable { file: file.to_owned(), error })?;
    Ok(margay_config::read(&file.display().to_string(), &text, &mut DiskFiles, named_files))
}
