//! The images: a Debian system by debootstrap, and one image for each daemon on top of it.

use std::fs;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};

use super::podman::{podman, text};

/// The name of margay's own image, which `cargo xtask image` makes.
pub(crate) const MARGAY: &str = "localhost/margay";

/// The system that the Dockerfiles begin with.
const BASE: &str = "localhost/margay-interop/debian";

/// Where the images of the other daemons are named.
const NAMES: &str = "localhost/margay-interop";

/// The name of the image from a folder of `images/`, with a tag that changes with the folder's files.
///
/// # Errors
///
/// The files cannot be read.
pub(crate) fn name(folder: &str) -> Result<String> {
    let mut files =
        fs::read_dir(folder_of(folder))?.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>>>()?;
    files.sort_unstable();
    let mut hasher = DefaultHasher::new();
    for file in files {
        fs::read(&file).with_context(|| file.display().to_string())?.hash(&mut hasher);
    }
    Ok(format!("{NAMES}/{folder}:{:016x}", hasher.finish()))
}

fn folder_of(folder: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("images").join(folder)
}

/// Builds the images of these folders that are missing or whose files have changed; with `anew`, all of them.
///
/// # Errors
///
/// A step fails; the error contains its output.
pub(crate) fn build_missing(folders: &[&str], anew: bool) -> Result<()> {
    if anew || !exists(BASE)? {
        make_base(BASE).context("the base of the images")?;
    }
    folders.iter().try_for_each(|folder| build(folder, anew))
}

/// The first line of what a program in an image prints.
///
/// # Errors
///
/// It fails.
pub(crate) fn version(image: &str, command: &[&str]) -> Result<String> {
    let mut run = podman();
    run.args([
        "run",
        "--rm",
        "--network",
        "none",
        "--ulimit",
        "nofile=4096:4096",
        "--ulimit",
        "nproc=4096:4096",
    ]);
    let printed = text(run.args(["--entrypoint", command[0], image]).args(&command[1..]))?;
    Ok(printed.lines().next().unwrap_or_default().trim().to_owned())
}

fn build(folder: &str, anew: bool) -> Result<()> {
    let name = name(folder)?;
    if anew || !exists(&name)? {
        eprintln!("building {name}");
        let mut command = podman();
        // The network of the machine, since no other is set up for builds.
        command.args(["build", "--quiet", "--network", "host", "--isolation", "chroot", "--tag", &name]);
        text(command.arg(folder_of(folder))).with_context(|| format!("building {name}"))?;
    }
    Ok(())
}

fn exists(name: &str) -> Result<bool> {
    let status = podman().args(["image", "exists", name]).status().context("podman")?;
    Ok(status.success())
}

/// Makes a minimal Debian of this machine's release, and imports it.
fn make_base(name: &str) -> Result<()> {
    eprintln!("making {name} (debootstrap)");
    let release = fs::read_to_string("/etc/os-release")?;
    let suite = release.lines().find_map(|line| line.strip_prefix("VERSION_CODENAME="));
    let suite = suite.context("this is not a release of Debian")?;
    let folder = std::env::temp_dir().join(format!("margay-interop-debian-{}", std::process::id()));
    fs::create_dir_all(&folder)?;
    let made = import_system(name, suite, &folder);
    fs::remove_dir_all(&folder)?;
    made
}

fn import_system(name: &str, suite: &str, folder: &Path) -> Result<()> {
    text(Command::new("debootstrap").args(["--variant=minbase", suite]).arg(folder))?;
    let mut tar = Command::new("tar");
    tar.args(["--create", "--numeric-owner", "--exclude=./var/cache/apt/archives/*.deb", "-C"]);
    let mut packing = tar.arg(folder).arg(".").stdout(Stdio::piped()).spawn().context("tar")?;
    let archive = packing.stdout.take().context("tar has no output")?;
    text(podman().args(["import", "--quiet", "-", name]).stdin(archive))?;
    ensure!(packing.wait()?.success(), "tar cannot read {}", folder.display());
    Ok(())
}

/// Removes all images but margay's own.
///
/// # Errors
///
/// Podman fails.
pub(crate) fn remove_all() -> Result<()> {
    let filter = format!("reference={NAMES}/*");
    let names = text(podman().args(["images", "--filter", &filter, "--format", "{{.Repository}}:{{.Tag}}"]))?;
    names.lines().try_for_each(|name| text(podman().args(["rmi", "--force", name])).map(drop))
}
