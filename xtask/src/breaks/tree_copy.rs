//! A copy of the tree under `target/`, which can be broken and built without changing the checkout.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};

use crate::workspace::Workspace;

/// The copy, with a build folder of its own that is kept between runs.
pub(super) struct TreeCopy<'a> {
    workspace: &'a Workspace,
    tree: PathBuf,
    build: PathBuf,
}

impl<'a> TreeCopy<'a> {
    pub(super) fn new(workspace: &'a Workspace) -> Result<Self> {
        let folder = workspace.target_directory()?.join("breaks");
        Ok(Self { workspace, tree: folder.join("tree"), build: folder.join("build") })
    }

    /// Makes the copy equal to the checkout. Unchanged files keep their time stamps, so that cargo builds
    /// only what differs.
    pub(super) fn refresh(&self) -> Result<()> {
        let wanted = self.checkout_files()?;
        for path in &wanted {
            let (from, to) = (self.workspace.root.join(path), self.tree.join(path));
            let octets = fs::read(&from).with_context(|| format!("read {}", from.display()))?;
            if fs::read(&to).ok().as_deref() != Some(&octets) {
                fs::create_dir_all(to.parent().context("a file has a folder")?)?;
                fs::write(&to, octets).with_context(|| format!("write {}", to.display()))?;
            }
        }
        remove_others(&self.tree, Path::new(""), &wanted)
    }

    /// Applies a patch to the copy.
    pub(super) fn apply(&self, patch: &Path) -> Result<()> {
        git_apply(&self.tree, patch, &[])
    }

    pub(super) fn cargo(&self) -> OsString {
        self.workspace.cargo().get_program().to_owned()
    }

    /// Makes a command run in the copy and build into its own folder.
    pub(super) fn enter(&self, command: &mut Command) {
        command.current_dir(&self.tree).env("CARGO_TARGET_DIR", &self.build);
    }

    /// The files that git tracks or would add, as far as they exist.
    fn checkout_files(&self) -> Result<BTreeSet<PathBuf>> {
        let mut command = Command::new("git");
        command.current_dir(&self.workspace.root);
        let output =
            command.args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"]).output()?;
        if !output.status.success() {
            bail!("git ls-files: {}", String::from_utf8_lossy(&output.stderr).trim_end());
        }
        let text = String::from_utf8(output.stdout).context("a file's name is not UTF-8")?;
        let paths = text.split_terminator('\0').map(PathBuf::from);
        Ok(paths.filter(|path| self.workspace.root.join(path).is_file()).collect())
    }
}

/// Checks that a patch applies to a tree.
pub(super) fn check(tree: &Path, patch: &Path) -> Result<()> {
    git_apply(tree, patch, &["--check"])
}

fn git_apply(tree: &Path, patch: &Path, options: &[&str]) -> Result<()> {
    let mut command = Command::new("git");
    // Outside a repository, git resolves the patch's paths relative to the tree.
    command.current_dir(tree).env("GIT_CEILING_DIRECTORIES", tree.parent().unwrap_or(tree));
    let output = command.arg("apply").args(options).arg(patch).output().context("run git apply")?;
    if !output.status.success() {
        bail!("{}: {}", patch.display(), String::from_utf8_lossy(&output.stderr).trim_end());
    }
    Ok(())
}

fn remove_others(tree: &Path, folder: &Path, wanted: &BTreeSet<PathBuf>) -> Result<()> {
    for entry in fs::read_dir(tree.join(folder))? {
        let entry = entry?;
        let path = folder.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            remove_others(tree, &path, wanted)?;
        } else if !wanted.contains(&path) {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}
