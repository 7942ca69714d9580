//! Settings below `/proc/sys`.

use std::fs;
use std::io;
use std::path::PathBuf;

/// Reads a setting of the network namespace of this thread, without white space at its ends. `path` is relative to `/proc/sys`.
///
/// # Errors
///
/// When there is none.
pub fn read_sysctl(path: &str) -> io::Result<String> {
    fs::read_to_string(file_of(path)?).map(|text| text.trim().to_owned())
}

/// Writes a setting of the network namespace of this thread.
///
/// # Errors
///
/// When there is none, or the kernel refuses the value.
pub fn write_sysctl(path: &str, value: &str) -> io::Result<()> {
    fs::write(file_of(path)?, value)
}

fn file_of(path: &str) -> io::Result<PathBuf> {
    if path.split('/').any(|part| part.is_empty() || part == "." || part == "..") {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            format!("{path} is not a path below /proc/sys"),
        ));
    }
    Ok(PathBuf::from("/proc/sys").join(path))
}
