//! Mutation tests: small changes of the code that some test has to detect, by cargo-mutants.

use anyhow::Result;

use crate::cargo_tool;
use crate::steps::run_command;
use crate::workspace::Workspace;

/// Changes the decision process, imports, logs and filters one expression at a time, or the given files, and
/// runs the tests of their crates for each change.
///
/// # Errors
///
/// A change was not detected; `target/mutants.out/missed.txt` lists them.
pub(crate) fn run(workspace: &Workspace, files: &[String]) -> Result<()> {
    cargo_tool::install(workspace, "mutants")?;
    let mut mutants = workspace.cargo();
    mutants.args(["mutants", "--output", "target", "--package", "margay-rib", "--package", "margay-filter"]);
    // Each change needs a build and a run of the tests, so there are fewer histories than elsewhere, and
    // always the same ones.
    mutants.envs([("PROPTEST_CASES", "300"), ("PROPTEST_RNG_SEED", "1"), ("PROPTEST_MAX_SHRINK_ITERS", "0")]);
    let named = files.iter().map(String::as_str);
    let default = FILES.iter().copied().filter(|_| files.is_empty());
    named.chain(default).for_each(|file| {
        mutants.args(["--file", file]);
    });
    run_command(&mut mutants)
}

/// Files in which a wrong expression would misroute packets without a type error.
const FILES: [&str; 4] =
    ["rib/src/decision/**", "rib/src/policy/import.rs", "rib/src/log/**", "filter/src/**"];
