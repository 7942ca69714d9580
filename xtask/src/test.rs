//! All tests: unit, property, and the daemon end to end.

use anyhow::Result;

use crate::steps::Steps;
use crate::workspace::Workspace;

pub(crate) fn run(workspace: &Workspace) -> Result<()> {
    let mut steps = Steps::new();
    steps.command("tests", workspace.cargo().args(["test", "--workspace"]));
    steps.finish("test")
}
