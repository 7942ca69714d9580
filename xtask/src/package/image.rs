//! The image for containers: the programs, the libraries that they need from Debian's packages, and one user.
//!
//! It is an archive as `docker save` writes it, which Docker, Podman and containerd load.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};
use serde_json::json;

use super::output::{self, VERSION};
use crate::steps::run_command;
use crate::workspace::Workspace;

/// What the image is called once it is loaded.
pub(super) const NAME: &str = "localhost/margay";

/// The packages of Debian that the programs need.
const LIBRARIES: [&str; 2] = ["libc6", "libgcc-s1"];

/// Makes the image from the packages; the result is its file.
pub(super) fn make(workspace: &Workspace, packages: &[PathBuf]) -> Result<PathBuf> {
    let folder = output::folder(workspace)?.join("image");
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    let root = folder.join("root");
    fs::create_dir_all(&root)?;
    let archive = folder.join("archive");
    fs::create_dir_all(&archive)?;
    add_packages(&folder, &root, packages)?;
    add_user(&workspace.root.join("packaging/image"), &root)?;
    let layer = archive.join("layer.tar");
    pack_layer(&root, &layer)?;
    describe(&archive, &layer)?;
    let image = output::folder(workspace)?.join("margay-image.tar");
    run_command(
        Command::new("tar").arg("--create").arg("--file").arg(&image).arg("-C").arg(&archive).arg("."),
    )?;
    Ok(image)
}

/// Unpacks Debian's libraries and the programs; no script of a package runs.
fn add_packages(folder: &Path, root: &Path, packages: &[PathBuf]) -> Result<()> {
    let downloads = folder.join("libraries");
    fs::create_dir_all(&downloads)?;
    run_command(Command::new("apt-get").args(["download", "-qq"]).args(LIBRARIES).current_dir(&downloads))?;
    let libraries = fs::read_dir(&downloads)?.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>>>()?;
    let ours = packages.iter().filter(|file| !is_debug(file));
    // Debian's libraries are in /usr/lib, and programs look for them in /lib.
    ["lib", "lib64"].iter().try_for_each(|name| {
        fs::create_dir_all(root.join("usr").join(name))?;
        std::os::unix::fs::symlink(format!("usr/{name}"), root.join(name))
    })?;
    for package in libraries.iter().chain(ours) {
        let mut unpack = Command::new("dpkg-deb");
        unpack.arg("--fsys-tarfile").arg(package).stdout(std::process::Stdio::piped());
        let mut unpacking = unpack.spawn().context("dpkg-deb")?;
        let archive = unpacking.stdout.take().context("dpkg-deb has no output")?;
        // Documents and units stay outside; links to folders are followed.
        let options =
            ["--extract", "--keep-directory-symlink", "--exclude=./usr/share", "--exclude=./usr/lib/systemd"];
        run_command(Command::new("tar").args(options).arg("-C").arg(root).stdin(archive))?;
        anyhow::ensure!(unpacking.wait()?.success(), "dpkg-deb cannot unpack {}", package.display());
    }
    Ok(())
}

fn is_debug(package: &Path) -> bool {
    package.file_name().is_some_and(|name| name.to_string_lossy().starts_with("margay-dbg_"))
}

/// The user, its folders, and the capabilities that the daemon has without root.
fn add_user(source: &Path, root: &Path) -> Result<()> {
    fs::create_dir_all(root.join("etc"))?;
    for name in ["passwd", "group"] {
        fs::copy(source.join(name), root.join("etc").join(name))?;
    }
    for folder in ["etc/margay", "run/margay"] {
        let folder = root.join(folder);
        fs::create_dir_all(&folder)?;
        std::os::unix::fs::chown(&folder, Some(USER), Some(USER))?;
    }
    let daemon = root.join("usr/sbin/margayd");
    run_command(Command::new("setcap").arg("cap_net_admin,cap_net_bind_service=ep").arg(daemon))
}

/// The number of the user in the image.
const USER: u32 = 179;

/// Packs the root so that equal roots give equal archives, with the capabilities of the daemon.
fn pack_layer(root: &Path, layer: &Path) -> Result<()> {
    let options = [
        "--create",
        "--sort=name",
        "--mtime=@0",
        "--numeric-owner",
        "--xattrs",
        "--xattrs-include=security.capability",
        "--pax-option=exthdr.name=%d/PaxHeaders/%f,delete=atime,delete=ctime",
    ];
    run_command(Command::new("tar").args(options).arg("--file").arg(layer).arg("-C").arg(root).arg("."))
}

/// What Docker's archives say of an image and its layers.
fn describe(archive: &Path, layer: &Path) -> Result<()> {
    let config = json!({
        "architecture": if cfg!(target_arch = "aarch64") { "arm64" } else { "amd64" },
        "os": "linux",
        "config": {
            "User": "margay",
            "Env": ["PATH=/usr/sbin:/usr/bin:/usr/lib/margay"],
            "Entrypoint": ["/usr/sbin/margayd"],
            "WorkingDir": "/",
            // The control socket, also where the root cannot be written.
            "Volumes": { "/run/margay": {} },
        },
        "rootfs": { "type": "layers", "diff_ids": [format!("sha256:{}", digest(layer)?)] },
        "history": [{ "created_by": "cargo xtask image" }],
    });
    fs::write(archive.join("config.json"), serde_json::to_vec(&config)?)?;
    let manifest = json!([{
        "Config": "config.json",
        "RepoTags": [format!("{NAME}:{VERSION}"), format!("{NAME}:latest")],
        "Layers": ["layer.tar"],
    }]);
    fs::write(archive.join("manifest.json"), serde_json::to_vec(&manifest)?)?;
    Ok(())
}

/// The SHA-256 digest of a file in hexadecimal digits.
fn digest(file: &Path) -> Result<String> {
    let output = Command::new("sha256sum").arg(file).output().context("sha256sum")?;
    let text = String::from_utf8(output.stdout)?;
    text.split_whitespace().next().map(str::to_owned).context("sha256sum says nothing")
}
