//! Reading the configuration: the operator's file, and the files that it includes and names.

use std::io;
use std::path::{Path, PathBuf};

use margay_config::{Config, ConfigError, ConfigText, Files, NamedFiles};
use tracing::{error, warn};

use crate::machine::{FilesRead, Machine};

/// Why there is no configuration.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The file cannot be read.
    #[error("cannot read {}: {error}", file.display())]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// What the system says.
        error: io::Error,
    },
    /// It has errors that no object can be left out for, or errors at all where none are accepted.
    #[error("{}", snippets(.0))]
    Wrong(Vec<ConfigError>),
}

/// A configuration, with the errors of what is left out of it.
#[derive(Clone, Debug)]
pub struct LoadedConfig {
    /// The configuration.
    pub config: Config,
    /// All errors; objects are left out for each.
    pub errors: Vec<ConfigError>,
    /// The files that it was read from.
    pub files: Vec<ConfigText>,
    /// All files that were opened for it, those of prefix sets and passwords included.
    pub(crate) read: FilesRead,
}

/// What becomes of a configuration in which objects have errors.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Strictness {
    /// They are left out, and the rest is used.
    #[default]
    LeaveOut,
    /// It is refused.
    Refuse,
}

/// Reads and checks a configuration file.
///
/// # Errors
///
/// It cannot be read, or has errors that no object can be left out for: all of them, in their order.
pub fn read_config(
    machine: &Machine,
    file: &Path,
    named_files: NamedFiles,
    strictness: Strictness,
) -> Result<LoadedConfig, ReadError> {
    read_noting(machine, file, named_files, strictness, &mut FilesRead::default())
}

/// [`read_config`], which also notes the files that it opens, whatever comes of it.
pub(super) fn read_noting(
    machine: &Machine,
    file: &Path,
    named_files: NamedFiles,
    strictness: Strictness,
    read: &mut FilesRead,
) -> Result<LoadedConfig, ReadError> {
    read.files.insert(file.to_owned());
    let text = machine
        .read_file(file)
        .and_then(|octets| String::from_utf8(octets).map_err(io::Error::other))
        .map_err(|error| ReadError::Unreadable { file: file.to_owned(), error })?;
    let mut files = MachineFiles { machine, read };
    let reading = margay_config::read(&file.display().to_string(), &text, &mut files, named_files);
    match reading.config {
        Some(config) if strictness == Strictness::LeaveOut || reading.errors.is_empty() => {
            Ok(LoadedConfig { config, errors: reading.errors, files: reading.files, read: read.clone() })
        }
        Some(_) | None => Err(ReadError::Wrong(reading.errors)),
    }
}

impl LoadedConfig {
    /// Logs what is without effect in the configuration, and what is left out of it.
    pub fn log(&self) {
        for warning in self.config.warnings() {
            warn!("{warning}");
        }
        for error in &self.errors {
            error!("{error}");
        }
        for left_out in self.config.left_out() {
            error!("left out: {left_out}");
        }
    }
}

/// The machine's files; notes which are opened.
struct MachineFiles<'m> {
    machine: &'m Machine,
    read: &'m mut FilesRead,
}

impl Files for MachineFiles<'_> {
    fn read(&mut self, path: &Path) -> Result<Vec<u8>, String> {
        self.read.files.insert(path.to_owned());
        self.machine.read_file(path).map_err(|error| error.to_string())
    }

    fn list(&mut self, folder: &Path) -> Result<Vec<String>, String> {
        self.read.folders.insert(folder.to_owned());
        self.machine.list_folder(folder).map_err(|error| error.to_string())
    }
}

fn snippets(errors: &[ConfigError]) -> String {
    errors.iter().map(ConfigError::snippet).collect::<Vec<_>>().join("\n\n")
}
