//! Reading the configuration: the operator's file, and the files that it includes and names.

use std::io;
use std::path::{Path, PathBuf};

use margay_config::{Config, ConfigError, ConfigText, Files, NamedFiles};
use tracing::{error, warn};

use crate::machine::Machine;

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
    let text = machine
        .read_file(file)
        .and_then(|octets| String::from_utf8(octets).map_err(io::Error::other))
        .map_err(|error| ReadError::Unreadable { file: file.to_owned(), error })?;
    let reading =
        margay_config::read(&file.display().to_string(), &text, &mut MachineFiles(machine), named_files);
    match reading.config {
        Some(config) if strictness == Strictness::LeaveOut || reading.errors.is_empty() => {
            Ok(LoadedConfig { config, errors: reading.errors, files: reading.files })
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

struct MachineFiles<'m>(&'m Machine);

impl Files for MachineFiles<'_> {
    fn read(&mut self, path: &Path) -> Result<Vec<u8>, String> {
        self.0.read_file(path).map_err(|error| error.to_string())
    }

    fn list(&mut self, folder: &Path) -> Result<Vec<String>, String> {
        self.0.list_folder(folder).map_err(|error| error.to_string())
    }
}

fn snippets(errors: &[ConfigError]) -> String {
    errors.iter().map(ConfigError::snippet).collect::<Vec<_>>().join("\n\n")
}
