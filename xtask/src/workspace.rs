//! The checkout: its root, its packages and its files.

use std::env;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};
use serde::Deserialize;

/// The root of the checkout.
pub(crate) struct Workspace {
    pub(crate) root: PathBuf,
    /// Whether builds keep what makes the next one faster, which takes gigabytes.
    incremental: bool,
}

/// One text file of the checkout.
pub(crate) struct SourceFile {
    /// Relative to the root, with forward slashes.
    pub(crate) path: PathBuf,
    pub(crate) text: String,
}

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
    target_directory: PathBuf,
}

/// A workspace package from `cargo metadata`.
#[derive(Debug, Deserialize)]
pub(crate) struct Package {
    pub(crate) name: String,
    pub(crate) manifest_path: PathBuf,
    pub(crate) dependencies: Vec<Dependency>,
}

/// An entry of a package's dependency tables.
#[derive(Debug, Deserialize)]
pub(crate) struct Dependency {
    pub(crate) name: String,
    pub(crate) kind: Option<DependencyKind>,
    pub(crate) optional: bool,
}

/// The table of a dependency; the normal one has no kind.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "lowercase")]
pub(crate) enum DependencyKind {
    Build,
    Dev,
}

impl Workspace {
    /// The checkout of this xtask.
    pub(crate) fn find() -> Result<Self> {
        // Without cargo, as under sudo, the checkout in which this program was built.
        let manifest = env::var_os("CARGO_MANIFEST_DIR").unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
        let root = Path::new(&manifest).parent().context("the xtask folder has no parent")?;
        Ok(Self { root: root.to_path_buf(), incremental: true })
    }

    /// The same checkout, for a run whose builds are not followed by others: they take a third of the room on the disk.
    pub(crate) fn built_once(&self) -> Self {
        Self { root: self.root.clone(), incremental: false }
    }

    /// A cargo command that runs in the root.
    pub(crate) fn cargo(&self) -> Command {
        let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        command.current_dir(&self.root);
        if !self.incremental {
            command.env("CARGO_INCREMENTAL", "0");
        }
        command
    }

    /// The packages of the workspace, with manifest paths relative to the root.
    pub(crate) fn packages(&self) -> Result<Vec<Package>> {
        let mut packages = self.metadata()?.packages;
        for package in &mut packages {
            if let Ok(relative) = package.manifest_path.strip_prefix(&self.root) {
                package.manifest_path = relative.to_path_buf();
            }
        }
        Ok(packages)
    }

    /// Cargo's target directory.
    pub(crate) fn target_directory(&self) -> Result<PathBuf> {
        Ok(self.metadata()?.target_directory)
    }

    fn metadata(&self) -> Result<Metadata> {
        let mut command = self.cargo();
        let output = command
            .args(["metadata", "--no-deps", "--format-version", "1"])
            .output()
            .context("cargo metadata")?;
        if !output.status.success() {
            bail!("cargo metadata: {}", String::from_utf8_lossy(&output.stderr).trim_end());
        }
        Ok(serde_json::from_slice(&output.stdout)?)
    }

    /// Every text file of the checkout written by people, sorted by path.
    ///
    /// Build directories, hidden folders except `.ci`, `.cargo` and `.github`, lock files, and the `.git`
    /// file of a linked work tree are left out.
    pub(crate) fn source_files(&self) -> Result<Vec<SourceFile>> {
        let mut files = Vec::new();
        self.collect(Path::new(""), &mut files)?;
        files.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(files)
    }

    fn collect(&self, folder: &Path, files: &mut Vec<SourceFile>) -> Result<()> {
        let absolute = self.root.join(folder);
        for entry in fs::read_dir(&absolute).with_context(|| absolute.display().to_string())? {
            let entry = entry?;
            let path = folder.join(entry.file_name());
            if entry.file_type()?.is_dir() {
                if is_written_by_people(&entry.file_name()) {
                    self.collect(&path, files)?;
                }
            } else if path.extension() != Some(OsStr::new("lock"))
                && path != Path::new(".git")
                && let Ok(text) = fs::read_to_string(entry.path())
            {
                files.push(SourceFile { path, text });
            }
        }
        Ok(())
    }
}

fn is_written_by_people(folder: &OsStr) -> bool {
    let name = folder.to_string_lossy();
    [".ci", ".cargo", ".github"].contains(&&*name) || !(name == "target" || name.starts_with('.'))
}
