//! A Debian package: a tree of files with a control file, packed by `dpkg-deb`.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};

use super::contents::{Entry, Package, Source};
use super::output::VERSION;
use crate::steps::run_command;

/// Makes a package in the folder; the result is its file.
pub(super) fn make(folder: &Path, package: &Package) -> Result<PathBuf> {
    let tree = folder.join("tree").join(package.name);
    if tree.exists() {
        fs::remove_dir_all(&tree)?;
    }
    for entry in &package.entries {
        install(&tree, entry).with_context(|| format!("/{}", entry.place.display()))?;
    }
    add_control_files(&tree, package)?;
    let architecture = architecture()?;
    let made = folder.join(format!("{}_{}_{architecture}.deb", package.name, VERSION));
    let options = ["--root-owner-group", "-Zzstd", "--build"];
    run_command(
        Command::new("dpkg-deb").args(options).arg(&tree).arg(&made).stdout(std::process::Stdio::null()),
    )?;
    Ok(made)
}

fn install(tree: &Path, entry: &Entry) -> Result<()> {
    let place = tree.join(&entry.place);
    let folder = place.parent().context("a place without a folder")?;
    fs::create_dir_all(folder)?;
    match &entry.source {
        Source::File(source, mode) => {
            fs::copy(source, &place).with_context(|| source.display().to_string())?;
            fs::set_permissions(&place, Permissions::from_mode(*mode))?;
        }
        Source::LinkTo(target) => symlink(target, &place)?,
    }
    Ok(())
}

/// The control file with what is only known now, and the maintainer scripts.
fn add_control_files(tree: &Path, package: &Package) -> Result<()> {
    let folder = tree.join("DEBIAN");
    fs::create_dir_all(&folder)?;
    let fields = fs::read_to_string(package.folder.join("control"))?;
    let control = complete(&fields, VERSION, &architecture()?, &libraries()?, installed_size(tree)?);
    fs::write(folder.join("control"), control)?;
    for script in ["postinst", "prerm", "postrm"] {
        let source = package.folder.join(script);
        if source.exists() {
            let place = folder.join(script);
            fs::copy(source, &place)?;
            fs::set_permissions(place, Permissions::from_mode(0o755))?;
        }
    }
    if !package.conffiles.is_empty() {
        let lines: String = package.conffiles.iter().flat_map(|file| [file, "\n"]).collect();
        fs::write(folder.join("conffiles"), lines)?;
    }
    Ok(())
}

/// The fields of a package with its version, architecture, size in KiB and the libraries that programs need.
fn complete(fields: &str, version: &str, architecture: &str, libraries: &str, size: u64) -> String {
    let mut control = String::new();
    for line in fields.replace("${version}", version).lines() {
        match line.strip_prefix("Depends: ") {
            Some(others) => control.push_str(&format!("Depends: {libraries}, {others}\n")),
            None => control.push_str(&format!("{line}\n")),
        }
        if line.starts_with("Package: ") {
            control.push_str(&format!(
                "Version: {version}\nArchitecture: {architecture}\nInstalled-Size: {size}\n"
            ));
        }
    }
    control
}

/// The libraries that the programs are linked with, not older than those of this machine.
fn libraries() -> Result<String> {
    let version = dpkg("dpkg-query", &["--show", "--showformat=${Version}", "libc6"])?;
    let upstream = version.split('-').next().unwrap_or(&version);
    Ok(format!("libc6 (>= {upstream}), libgcc-s1"))
}

fn architecture() -> Result<String> {
    dpkg("dpkg", &["--print-architecture"])
}

fn dpkg(program: &str, arguments: &[&str]) -> Result<String> {
    let output = Command::new(program).args(arguments).output();
    let output = output.with_context(|| format!("{program}: Debian packages are made on Debian"))?;
    ensure!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr).trim_end());
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// The size of all files in KiB, each rounded up.
fn installed_size(tree: &Path) -> Result<u64> {
    let mut size = 0;
    for entry in fs::read_dir(tree)? {
        let entry = entry?;
        let metadata = entry.metadata()?;
        size +=
            if metadata.is_dir() { installed_size(&entry.path())? } else { metadata.len().div_ceil(1024) };
    }
    Ok(size)
}

#[cfg(test)]
mod tests {
    use super::complete;

    #[test]
    fn the_control_file_has_what_is_known_only_now() {
        let fields = "Package: one\nDepends: two (= ${version})\nDescription: three\n";
        let expected = "Package: one\nVersion: 1.2\nArchitecture: arm64\nInstalled-Size: 7\n\
                        Depends: libc6, two (= 1.2)\nDescription: three\n";
        assert_eq!(complete(fields, "1.2", "arm64", "libc6", 7), expected);
    }
}
