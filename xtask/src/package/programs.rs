//! The programs to install: built, stripped, and their debug information in files of its own.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};
use clap::ValueEnum;

use crate::steps::run_command;
use crate::workspace::Workspace;

/// How the programs are built.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Profile {
    /// Quick to build, to try what surrounds the programs
    Dev,
    Release,
}

/// The programs of one build.
pub(super) struct Programs {
    /// The stripped programs.
    folder: PathBuf,
}

/// All programs and their packages.
const BUILT: [(&str, &str); 3] =
    [("margay", "margayd"), ("margay-cli", "margay"), ("margay-confd", "margay-confd")];

impl Programs {
    /// Builds all programs, and separates their debug information.
    pub(super) fn build(workspace: &Workspace, profile: Profile) -> Result<Self> {
        let mut build = workspace.cargo();
        build
            .args(["build", "--quiet", "--bins"])
            .args(BUILT.iter().flat_map(|(package, _)| ["-p", package]));
        let built = match profile {
            Profile::Dev => "debug",
            Profile::Release => {
                build.arg("--release");
                "release"
            }
        };
        run_command(&mut build)?;
        let target = workspace.target_directory()?;
        let folder = target.join("package").join("programs");
        fs::create_dir_all(&folder)?;
        for (_, program) in BUILT {
            separate(&target.join(built).join(program), &folder.join(program))?;
        }
        Ok(Self { folder })
    }

    /// A stripped program.
    pub(super) fn program(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// The debug information of a program, and its place below `/usr/lib/debug`, where debuggers look for it.
    pub(super) fn debug_information(&self, name: &str) -> Result<(PathBuf, PathBuf)> {
        let id = build_id(&self.program(name))?;
        let (first, rest) = id.split_at(2);
        let place = Path::new("usr/lib/debug/.build-id").join(first).join(format!("{rest}.debug"));
        Ok((self.folder.join(format!("{name}.debug")), place))
    }

    /// The names of all programs.
    pub(super) fn names() -> impl Iterator<Item = &'static str> {
        BUILT.iter().map(|(_, program)| *program)
    }
}

/// Copies a program without its debug information, which is put next to the copy.
fn separate(built: &Path, stripped: &Path) -> Result<()> {
    let debug = stripped.with_extension("debug");
    let compress = "--compress-debug-sections=zlib";
    run_command(Command::new("objcopy").args(["--only-keep-debug", compress]).arg(built).arg(&debug))?;
    let link = format!("--add-gnu-debuglink={}", debug.display());
    run_command(Command::new("objcopy").args(["--strip-all", &link]).arg(built).arg(stripped))
}

/// The number by which debuggers find the debug information of a program.
fn build_id(program: &Path) -> Result<String> {
    let output = Command::new("readelf").arg("--notes").arg(program).output().context("readelf")?;
    let notes = String::from_utf8_lossy(&output.stdout);
    match notes.lines().find_map(|line| line.trim().strip_prefix("Build ID: ")) {
        Some(id) if id.len() > 2 => Ok(id.to_owned()),
        _ => bail!("{} has no build id", program.display()),
    }
}
