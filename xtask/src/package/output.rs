//! Where packages and images are put, and the version in their names.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context as _, Result};

use crate::workspace::Workspace;

/// The folder of everything that is made; it exists.
pub(super) fn folder(workspace: &Workspace) -> Result<PathBuf> {
    let folder = workspace.target_directory()?.join("package");
    fs::create_dir_all(&folder).with_context(|| folder.display().to_string())?;
    Ok(folder)
}

/// The version of all packages of the workspace.
pub(super) const VERSION: &str = env!("CARGO_PKG_VERSION");
