//! Demos: scenes in network namespaces that are set up, played and taken down while a person watches.

mod cluster;
mod narrator;
mod rack;

use std::env;
use std::path::{self, Path, PathBuf};
use std::time::Instant;

use anyhow::Result;
use clap::ValueEnum;
use margay_lab::packages;

use self::narrator::Narrator;
use crate::steps::run_command;
use crate::workspace::Workspace;

/// A network to demonstrate.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum Scene {
    /// Two nodes with files of their own, two pods and a ToR
    Rack,
    /// Three nodes that follow three members of etcd, and a ToR
    Cluster,
}

/// Builds, installs missing packages, and runs the demo. Without root it runs itself again through sudo, with the built
/// programs.
pub(crate) fn run(workspace: &Workspace, scene: Scene, programs: Option<PathBuf>) -> Result<()> {
    // Checked before a build that takes minutes.
    packages::as_root("true")?;
    let programs = match programs {
        Some(programs) => path::absolute(programs)?,
        None => build(workspace)?,
    };
    packages::install_missing(&scene.tools())?;
    // Also in the process that calls sudo: Ctrl-C reaches both, and this one waits until the other has cleaned up.
    let mut narrator = Narrator::new()?;
    if !packages::is_root() {
        eprintln!("network namespaces need root: going on through sudo");
        let mut again = packages::as_root(env::current_exe()?)?;
        return run_command(again.args(["demo", scene.name(), "--programs"]).arg(programs));
    }
    let started = Instant::now();
    scene.play(&mut narrator, &programs)?;
    narrator.close(&format!(
        "That was the demo: {:.1} s, and everything is removed.",
        started.elapsed().as_secs_f64()
    ));
    Ok(())
}

impl Scene {
    fn name(self) -> &'static str {
        match self {
            Self::Rack => "rack",
            Self::Cluster => "cluster",
        }
    }

    fn tools(self) -> Vec<packages::Tool> {
        let store: &[packages::Tool] = match self {
            Self::Rack => &[],
            Self::Cluster => &[packages::ETCD, packages::ETCD_CLIENT],
        };
        [packages::NETWORK, &[packages::BIRD], store].concat()
    }

    fn play(self, narrator: &mut Narrator, programs: &Path) -> Result<()> {
        match self {
            Self::Rack => rack::play(narrator, programs),
            Self::Cluster => cluster::play(narrator, programs),
        }
    }
}

/// Builds the programs and returns their folder.
fn build(workspace: &Workspace) -> Result<PathBuf> {
    eprintln!("building margayd, margay and margay-confd");
    let packages = ["-p", "margay", "-p", "margay-cli", "-p", "margay-confd"];
    run_command(workspace.cargo().args(["build", "--quiet"]).args(packages))?;
    Ok(workspace.target_directory()?.join("debug"))
}
