//! Paths of files and sockets.

use std::path::{Path, PathBuf};

/// Parses an absolute path: a relative one would mean another file wherever the daemon is started.
///
/// # Errors
///
/// Returns what would be right.
pub(crate) fn parse_absolute(text: &str) -> Result<PathBuf, String> {
    let path = Path::new(text);
    if path.is_absolute() {
        Ok(path.to_owned())
    } else {
        Err(format!("{text:?} is not an absolute path: begin it with a slash"))
    }
}
