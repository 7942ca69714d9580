//! All tests: unit, property and end-to-end.

use std::process::Command;

use anyhow::Result;
use margay_lab::packages;

use crate::steps::Steps;
use crate::workspace::Workspace;

pub(crate) fn run(workspace: &Workspace) -> Result<()> {
    let mut steps = Steps::new();
    add_tests(workspace, &mut steps);
    steps.finish("test")
}

/// Installs missing packages and runs every test. Tests that need root run through sudo, others do not.
pub(crate) fn add_tests(workspace: &Workspace, steps: &mut Steps) {
    steps.run("packages", || {
        let routers = &[packages::BIRD, packages::FRR, packages::GOBGP, packages::STAYRTR];
        let store = &[packages::ETCD, packages::ETCD_CLIENT, packages::OPENSSL, packages::CURL];
        let readers = &[packages::PROMETHEUS, packages::JSON_SCHEMA, packages::BGPDUMP];
        packages::install_missing(&[packages::NETWORK, routers, store, readers].concat())
    });
    // The end-to-end tests run the client in the daemon's folder.
    steps.command("programs", workspace.cargo().args(["build", "-p", "margay", "-p", "margay-cli"]));
    tell_corpus(workspace);
    if packages::is_root() {
        steps.command("tests", workspace.cargo().args(["test", "--workspace"]));
        return;
    }
    let others = WITH_ROOT.iter().flat_map(|name| ["--exclude", name]);
    steps.command("tests without root", workspace.cargo().args(["test", "--workspace"]).args(others));
    steps.run("tests with root", || {
        let mut tests = cargo_as_root(workspace)?;
        tests.arg("test").args(WITH_ROOT.iter().flat_map(|name| ["-p", name]));
        crate::steps::run_command(&mut tests)
    });
}

/// A cargo that runs tests as root, through sudo if necessary.
pub(crate) fn cargo_as_root(workspace: &Workspace) -> Result<Command> {
    let mut cargo = workspace.cargo();
    if !packages::is_root() {
        packages::as_root("true")?;
        cargo.args(["--config", SUDO_RUNNER]);
    }
    Ok(cargo)
}

/// Prints whether the tests found the corpus, because cargo hides the output of tests that pass.
fn tell_corpus(workspace: &Workspace) {
    let there = workspace.root.join("../shared/corpus").is_dir();
    let found = if there { "is there, tests read it" } else { "is absent, its tests say so and pass" };
    println!("corpus of real BGP data: {found} (../shared/corpus)");
}

/// Packages with tests in network namespaces.
const WITH_ROOT: &[&str] = &["margay", "margay-confd", "margay-datastore", "margay-lab"];
/// Makes cargo start each test program through sudo, while cargo itself stays the user's.
const SUDO_RUNNER: &str = "target.'cfg(unix)'.runner = ['sudo', '--preserve-env', '--']";
