//! Everything that a change must pass, fastest checks first.

use anyhow::Result;

use crate::steps::Steps;
use crate::workspace::Workspace;
use crate::{breaks, demo, package, protos, sim, supply, test, tidy};

pub(crate) fn run(workspace: &Workspace) -> Result<()> {
    let workspace = &workspace.built_once();
    let mut steps = Steps::new();
    steps.command("format", workspace.cargo().args(["fmt", "--all", "--check"]));
    steps.run("tidy", || tidy::run(workspace));
    steps.run("stubs", || protos::run(workspace, true));
    steps.run("oldest compiler", || supply::check_compiler(workspace));
    steps.run("patches of breaks", || breaks::check_patches(workspace));
    steps.run("release features", || sim::check_release(workspace));
    let clippy = ["clippy", "--workspace", "--all-targets", "--all-features", "--", "-D", "warnings"];
    steps.command("clippy", workspace.cargo().args(clippy));
    let doc = ["doc", "--workspace", "--no-deps", "--quiet"];
    steps.command("docs", workspace.cargo().args(doc).env("RUSTDOCFLAGS", "-D warnings"));
    test::add_tests(workspace, &mut steps);
    sim::add_seeds(workspace, &mut steps);
    steps.run("Debian packages", || package::packages(workspace, package::Profile::Dev, true));
    steps.run("image", || package::image(workspace, package::Profile::Dev, true));
    steps.run("demo of the cluster", || demo::run(workspace, demo::Scene::Cluster, None));
    steps.finish("ci")
}
