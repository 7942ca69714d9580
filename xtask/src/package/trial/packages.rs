//! The packages in a fresh Debian system that boots as a container.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail, ensure};
use margay_lab::packages::{DEBOOTSTRAP, NSPAWN, install_missing};

use super::container::Container;
use super::try_out::{CONFIGURATION, configure, within_patience};
use crate::package::output::folder;
use crate::steps::{Steps, run_command};
use crate::workspace::Workspace;

/// Installs the packages, and uses them as an operator does.
pub(in crate::package) fn of_packages(workspace: &Workspace, packages: &[PathBuf]) -> Result<()> {
    install_missing(&[DEBOOTSTRAP, NSPAWN])?;
    let root = fresh_system(&folder(workspace)?)?;
    let system = Container::boot(&root)?;
    let mut steps = Steps::new();
    let mut step = |name: &str, work: &dyn Fn() -> Result<()>| steps.run(name, work);
    step("the packages install, and nothing runs without a configuration", &|| {
        install(&system, &root, packages)?;
        system.expect_failure(&["systemctl", "--quiet", "is-active", "margayd"])
    });
    step("the daemon runs as its user with two capabilities", &|| {
        configure(&root, "10.65.1.0/26")?;
        system.run(&["systemctl", "start", "margayd"])?;
        within_patience("an answer", || system.run(&["margay", "healthz", "--live"]))?;
        let status = system.run(&["sh", "-c", "cat /proc/$(systemctl show -P MainPID margayd)/status"])?;
        let field = |name: &str| status.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
        ensure!(field("Uid:").is_some_and(|ids| !ids.split('\t').any(|id| id == "0")), "{status}");
        ensure!(field("CapEff:") == Some(NET_ADMIN_AND_BIND_SERVICE), "{status}");
        ensure!(field("CapBnd:") == Some(NET_ADMIN_AND_BIND_SERVICE), "{status}");
        Ok(())
    });
    step("it keeps the kernel's routes and serves its port", &|| {
        route(&system, "10.65.1.0/26")?;
        let listeners = system.run(&["ss", "-Hltn"])?;
        ensure!(listeners.contains(":179 "), "{listeners}");
        Ok(())
    });
    step("a reload takes effect, and reports a file that is wrong", &|| {
        configure(&root, "10.65.2.0/26")?;
        system.run(&["systemctl", "reload", "margayd"])?;
        route(&system, "10.65.2.0/26")?;
        fs::write(root.join(CONFIGURATION), "[global]\nasn = \"none\"\n")?;
        system.expect_failure(&["systemctl", "reload", "margayd"])?;
        route(&system, "10.65.2.0/26")?;
        configure(&root, "10.65.2.0/26")
    });
    step("an upgrade is a restart that leaves the routes", &|| {
        let process = || system.run(&["systemctl", "show", "-P", "MainPID", "margayd"]);
        let before = process()?;
        install(&system, &root, packages)?;
        within_patience("an answer", || system.run(&["margay", "healthz", "--live"]))?;
        ensure!(before != process()?, "the daemon was not started anew");
        route(&system, "10.65.2.0/26")
    });
    step("margay-confd runs, and a first file starts the daemon", &|| {
        system.run(&["systemctl", "stop", "margayd"])?;
        let settings = "NODENAME=node1\nETCD_ENDPOINTS=http://127.0.0.1:2379\n";
        fs::write(root.join("etc/default/margay-confd"), settings)?;
        system.run(&["systemctl", "restart", "margay-confd"])?;
        within_patience("an answer", || system.run(&["margay", "confd", "status"]))?;
        configure(&root, "10.65.3.0/26")?;
        within_patience("the daemon", || system.run(&["systemctl", "is-active", "margayd"]))?;
        route(&system, "10.65.3.0/26")
    });
    step("systemd finds little to object to", &|| {
        let units = ["margayd.service", "margay-confd.service"];
        system.run(&[&["systemd-analyze", "security", MOST_EXPOSURE, "--no-pager"], &units[..]].concat())?;
        Ok(())
    });
    step("debuggers find the lines of the programs", &|| {
        let readelf = Command::new("readelf").arg("--notes").arg(root.join("usr/sbin/margayd")).output()?;
        let notes = String::from_utf8_lossy(&readelf.stdout);
        let id = notes.lines().find_map(|line| line.trim().strip_prefix("Build ID: ")).context("no id")?;
        let file = root.join("usr/lib/debug/.build-id").join(&id[..2]).join(format!("{}.debug", &id[2..]));
        let sections = Command::new("readelf").arg("--section-headers").arg(file).output()?;
        ensure!(String::from_utf8_lossy(&sections.stdout).contains(".debug_line"), "no lines");
        Ok(())
    });
    step("nothing but the configuration is left after a purge", &|| {
        system.run(&["dpkg", "--purge", "margay-dbg", "margay-confd", "margay"])?;
        system.expect_failure(&["sh", "-c", "ps -e | grep margay"])?;
        ensure!(root.join(CONFIGURATION).exists(), "the operator's file is gone");
        for gone in ["usr/sbin/margayd", "usr/lib/systemd/system/margayd.service", "etc/default/margay-confd"]
        {
            ensure!(!root.join(gone).exists(), "/{gone} is left");
        }
        Ok(())
    });
    steps.finish("trial of the packages")
}

/// A new copy of a Debian system of this machine's release, with systemd. The original is kept for the next time.
fn fresh_system(folder: &Path) -> Result<PathBuf> {
    let original = folder.join("debian");
    if !original.join("usr/lib/systemd/systemd").exists() {
        let packages = "--include=systemd,systemd-sysv,dbus,iproute2,procps";
        let release = fs::read_to_string("/etc/os-release")?;
        let suite = release.lines().find_map(|line| line.strip_prefix("VERSION_CODENAME="));
        let suite = suite.context("this is no release of Debian")?;
        println!("making a system of Debian {suite} (debootstrap)");
        let mut make = Command::new("debootstrap");
        make.args(["--variant=minbase", packages, suite]).arg(&original);
        run_command(make.stdout(Stdio::null()))?;
    }
    let copy = folder.join("system");
    if copy.exists() {
        fs::remove_dir_all(&copy)?;
    }
    run_command(Command::new("cp").args(["--archive", "--reflink=auto"]).arg(&original).arg(&copy))?;
    Ok(copy)
}

/// Installs packages as an operator would from files.
fn install(system: &Container, root: &Path, packages: &[PathBuf]) -> Result<()> {
    let mut command = vec!["dpkg".to_owned(), "--install".to_owned()];
    for package in packages {
        let name = package.file_name().context("a package without a name")?.to_string_lossy();
        fs::copy(package, root.join("srv").join(&*name))?;
        command.push(format!("/srv/{name}"));
    }
    let words: Vec<&str> = command.iter().map(String::as_str).collect();
    system.run(&words).map(drop)
}

/// Waits for the kernel to have a route.
fn route(system: &Container, network: &str) -> Result<()> {
    within_patience(network, || {
        let routes = system.run(&["ip", "route"])?;
        if routes.contains(&format!("blackhole {network}")) { Ok(()) } else { bail!("{routes}") }
    })
}

/// The mask of capabilities in `/proc/PID/status`: bits 10 and 12.
const NET_ADMIN_AND_BIND_SERVICE: &str = "0000000000001400";

/// 2.5, as systemd writes it.
const MOST_EXPOSURE: &str = "--threshold=25";
