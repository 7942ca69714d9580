//! Two builds of the same sources in two folders give the same programs, octet for octet.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};

use crate::steps::run_command;
use crate::workspace::Workspace;

/// Builds what is committed twice, and compares the programs.
///
/// # Errors
///
/// A build fails, or a program differs.
pub(crate) fn check(workspace: &Workspace) -> Result<()> {
    let place = workspace.target_directory()?.join("reproducible");
    if place.exists() {
        fs::remove_dir_all(&place)?;
    }
    let outcome = compare(workspace, &place);
    fs::remove_dir_all(&place)?;
    outcome
}

fn compare(workspace: &Workspace, place: &Path) -> Result<()> {
    // The second folder has a longer name.
    let first = build(workspace, &place.join("a"))?;
    let second = build(workspace, &place.join("another-folder"))?;
    for name in PROGRAMS {
        let [one, other] = [&first, &second].map(|folder| fs::read(folder.join(name)).context(name));
        ensure!(one? == other?, "two builds of {name} differ");
        println!("{name}: two builds are equal");
    }
    Ok(())
}

const PROGRAMS: [&str; 3] = ["margayd", "margay", "margay-confd"];

/// Copies what is committed into a folder, and builds there; the result is the folder of the programs.
fn build(workspace: &Workspace, folder: &Path) -> Result<PathBuf> {
    let tree = folder.join("tree");
    fs::create_dir_all(&tree)?;
    let archive = folder.join("tree.tar");
    run_command(
        Command::new("git")
            .current_dir(&workspace.root)
            .args(["archive", "--output"])
            .arg(&archive)
            .arg("HEAD"),
    )?;
    run_command(Command::new("tar").arg("--extract").arg("--file").arg(&archive).arg("-C").arg(&tree))?;
    let target = folder.join("target");
    let mut cargo = workspace.cargo();
    cargo.current_dir(&tree).env("CARGO_TARGET_DIR", &target).env("RUSTFLAGS", remapped(&tree));
    run_command(cargo.args(["build", "--quiet", "--release", "--locked", "--bins"]).args(PACKAGES))?;
    Ok(target.join("release"))
}

const PACKAGES: [&str; 6] = ["-p", "margay", "-p", "margay-cli", "-p", "margay-confd"];

/// Flags that take the folder out of debug information, from which the linker computes the build's identifier.
fn remapped(tree: &Path) -> String {
    format!("--remap-path-prefix={}=/usr/src/margay", tree.display())
}
