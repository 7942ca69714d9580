//! Checks of the sources that the compiler does not make; one file for each subject.

mod arrows;
mod file_shape;
mod finding;
mod named_tests;
mod purity;
mod structure;
mod wording;

use std::collections::BTreeSet;

use anyhow::{Result, bail};

use crate::workspace::Workspace;

/// Runs every check and prints each finding as `file:line: what`.
pub(crate) fn run(workspace: &Workspace) -> Result<()> {
    let packages = workspace.packages()?;
    let files = workspace.source_files()?;
    let mut findings = BTreeSet::new();
    findings.extend(arrows::check(&packages, &files));
    findings.extend(purity::check(&packages, &files));
    findings.extend(named_tests::check(&files));
    findings.extend(structure::check(&packages, &files)?);
    for file in &files {
        findings.extend(file_shape::check(file));
        findings.extend(wording::check(file));
    }
    for finding in &findings {
        println!("{finding}");
    }
    if findings.is_empty() {
        println!("tidy: {} packages and {} files are in order", packages.len(), files.len());
        return Ok(());
    }
    bail!("tidy: {} findings", findings.len())
}
