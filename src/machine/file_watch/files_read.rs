//! The files that something was read from, and the names by which a folder's files are found.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt as _;
use std::path::PathBuf;

/// The files and folders that something was read from, whether they are there or not.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct FilesRead {
    /// Files by the paths with which they were opened.
    pub(crate) files: BTreeSet<PathBuf>,
    /// Folders of which all names matter that are not hidden.
    pub(crate) folders: BTreeSet<PathBuf>,
}

/// The names that matter in a folder.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct Names {
    pub(super) exact: BTreeSet<OsString>,
    /// All that are not hidden.
    pub(super) all: bool,
}

impl Names {
    pub(super) fn matter(&self, name: &[u8]) -> bool {
        let is_visible = !name.starts_with(b".") && !name.ends_with(b"~");
        self.all && is_visible || self.exact.iter().any(|exact| exact.as_bytes() == name)
    }
}
