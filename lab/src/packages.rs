//! System programs that a lab needs, installed from Debian if they are missing.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};
use nix::unistd::Uid;

use crate::command::{output, search_path};

/// A program and its Debian package.
#[derive(Clone, Copy, Debug)]
pub struct Tool {
    /// The program's name.
    pub program: &'static str,
    /// The Debian package.
    pub package: &'static str,
    /// A service that Debian starts at installation.
    service: Option<&'static str>,
}

/// Tools that every lab needs.
pub const NETWORK: &[Tool] = &[
    Tool { program: "ip", package: "iproute2", service: None },
    Tool { program: "ping", package: "iputils-ping", service: None },
];
/// BIRD 2.
pub const BIRD: Tool = Tool { program: "bird", package: "bird2", service: Some("bird") };
/// GoBGP.
pub const GOBGP: Tool = Tool { program: "gobgpd", package: "gobgpd", service: Some("gobgpd") };
/// FRR, whose daemons are in a folder of their own.
pub const FRR: Tool = Tool { program: "vtysh", package: "frr", service: Some("frr") };
/// OpenBGPD, whose daemon has the same name as FRR's.
pub const OPENBGPD: Tool = Tool { program: "bgpctl", package: "openbgpd", service: Some("openbgpd") };

/// An RPKI cache whose payloads stand in a file.
pub const STAYRTR: Tool = Tool { program: "stayrtr", package: "stayrtr", service: Some("stayrtr") };

/// etcd, the oldest supported release.
pub const ETCD: Tool = Tool { program: "etcd", package: "etcd-server", service: Some("etcd") };
/// etcd's command line client.
pub const ETCD_CLIENT: Tool = Tool { program: "etcdctl", package: "etcd-client", service: None };
/// A terminal for programs that need one.
pub const TMUX: Tool = Tool { program: "tmux", package: "tmux", service: None };
/// A browser.
pub const CHROMIUM: Tool = Tool { program: "chromium", package: "chromium", service: None };
/// For HTTP requests over Unix sockets.
pub const CURL: Tool = Tool { program: "curl", package: "curl", service: None };
/// Prometheus, with `promtool`.
pub const PROMETHEUS: Tool =
    Tool { program: "prometheus", package: "prometheus", service: Some("prometheus") };
/// To validate JSON by a JSON Schema.
pub const JSON_SCHEMA: Tool = Tool { program: "jsonschema", package: "python3-jsonschema", service: None };
/// Reads files in MRT format.
pub const BGPDUMP: Tool = Tool { program: "bgpdump", package: "bgpdump", service: None };
/// To take debug information apart from programs.
pub const BINUTILS: Tool = Tool { program: "objcopy", package: "binutils", service: None };
/// To make a Debian system in a folder.
pub const DEBOOTSTRAP: Tool = Tool { program: "debootstrap", package: "debootstrap", service: None };
/// To boot a Debian system in a folder as a container.
pub const NSPAWN: Tool = Tool { program: "systemd-nspawn", package: "systemd-container", service: None };
/// To run an image.
pub const PODMAN: Tool = Tool { program: "podman", package: "podman", service: None };
/// The runtime of Docker, for Podman as well.
pub const RUNC: Tool = Tool { program: "runc", package: "runc", service: None };
/// To create certificates for labs with TLS.
pub const OPENSSL: Tool = Tool { program: "openssl", package: "openssl", service: None };

/// Installs the tools that are missing, and reports that; does nothing if all are there.
///
/// A service that Debian would start with a package is not started, and is disabled: the lab starts its own
/// processes in namespaces, and must not affect the machine's routing. Packages that were installed before
/// are not changed.
///
/// # Errors
///
/// A tool is missing and the system is not Debian, there is no way to become root, or the installation fails.
pub fn install_missing(tools: &[Tool]) -> Result<()> {
    let missing: Vec<Tool> = tools.iter().filter(|tool| find(tool.program).is_none()).copied().collect();
    if missing.is_empty() {
        return Ok(());
    }
    let names: Vec<&str> = missing.iter().map(|tool| tool.package).collect();
    if find("apt-get").is_none() {
        bail!("missing: {}. There is no apt-get here, so install them by hand", names.join(", "));
    }
    eprintln!("installing missing packages: {} (apt-get)", names.join(", "));
    run_as_root("apt-get", &["update", "-qq"])?;
    let services: Vec<&str> = missing.iter().filter_map(|tool| tool.service).collect();
    without_starting(&services, || install(&names))?;
    match missing.iter().find(|tool| find(tool.program).is_none()) {
        Some(tool) => bail!("{} is installed, but there is no {}", tool.package, tool.program),
        None => Ok(()),
    }
}

/// The command with root's rights: itself for root, otherwise through sudo.
///
/// # Errors
///
/// Not root, and sudo is missing.
pub fn as_root(program: impl AsRef<Path>) -> Result<Command> {
    let mut command = if is_root() {
        Command::new(program.as_ref())
    } else {
        find("sudo")
            .context("network namespaces and packages need root, and there is no sudo: run this as root")?;
        let mut command = Command::new("sudo");
        command.args(["--preserve-env", "--"]).arg(program.as_ref());
        command
    };
    // dpkg requires the system folders in PATH.
    command.env("PATH", search_path());
    Ok(command)
}

/// Whether this process runs as root.
#[must_use]
pub fn is_root() -> bool {
    Uid::effective().is_root()
}

fn run_as_root(program: &str, arguments: &[&str]) -> Result<()> {
    output(as_root(program)?.args(arguments)).map(drop)
}

pub(crate) fn install(packages: &[&str]) -> Result<()> {
    // RUNLEVEL=1 keeps Debian's invoke-rc.d from starting services, as in single-user mode.
    let mut command = vec!["RUNLEVEL=1", "DEBIAN_FRONTEND=noninteractive", "apt-get", "install", "-qq", "-y"];
    command.push("--no-install-recommends");
    command.extend(packages);
    run_as_root("env", &command)
}

/// Installs while the services are masked in systemd, so that they are not started, and leaves them disabled.
fn without_starting(services: &[&str], install: impl FnOnce() -> Result<()>) -> Result<()> {
    // Without systemd, RUNLEVEL is enough.
    if services.is_empty() || !Path::new("/run/systemd/system").exists() {
        return install();
    }
    let systemctl = |words: &[&str]| run_as_root("systemctl", &[words, &["--quiet"], services].concat());
    systemctl(&["mask", "--runtime"])?;
    let installed = install();
    systemctl(&["unmask", "--runtime"])?;
    installed?;
    systemctl(&["disable"])
}

/// Path of a program.
fn find(program: &str) -> Option<PathBuf> {
    env::split_paths(&search_path()).map(|folder| folder.join(program)).find(|file| file.is_file())
}

#[cfg(test)]
mod tests {
    use super::{Tool, find, install_missing};

    #[test]
    fn finds_existing_programs_only() {
        assert!(find("sh").is_some());
        assert_eq!(find("no-such-program-as-this"), None);
    }

    #[test]
    fn does_nothing_when_all_is_there() {
        let shell = Tool { program: "sh", package: "no-such-package-as-this", service: None };
        assert!(install_missing(&[shell]).is_ok());
    }
}
