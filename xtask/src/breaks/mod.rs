//! Deliberate faults: applies each patch under `breaks/` to a copy of the tree, where the tests have to find
//! it.

mod fault;
mod hunt;
mod tree_copy;

use std::collections::BTreeMap;

use anyhow::{Result, bail};

use self::fault::Fault;
use self::hunt::{Hunt, Outcome};
use self::tree_copy::TreeCopy;
use crate::workspace::Workspace;

/// Applies all faults, or those named, and prints which test found each.
///
/// # Errors
///
/// A patch does not apply, a patched tree does not build, or a command of a patch passes.
pub(crate) fn run(workspace: &Workspace, names: &[String]) -> Result<()> {
    let faults = Fault::read_all(workspace, names)?;
    let copy = TreeCopy::new(workspace)?;
    let mut missed = Vec::new();
    check_unbroken(&copy, &faults)?;
    for fault in &faults {
        println!("{}: {}", fault.name, fault.what);
        copy.refresh()?;
        copy.apply(&fault.patch)?;
        for hunt in &fault.hunts {
            match hunt.run(&copy)? {
                Outcome::Failed(finders) => println!("    found by {} ({hunt})", finders.join(", ")),
                Outcome::TimedOut => println!("    found: it does not end ({hunt})"),
                Outcome::Passed => {
                    println!("    NOT FOUND by {hunt}");
                    missed.push(format!("{} by {hunt}", fault.name));
                }
            }
        }
    }
    copy.refresh()?;
    if !missed.is_empty() {
        bail!("breaks: not found: {}", missed.join("; "));
    }
    println!("breaks: each of {} faults was found", faults.len());
    Ok(())
}

/// Checks that each patch is complete and applies, without building anything.
///
/// # Errors
///
/// One is not, or does not.
pub(crate) fn check_patches(workspace: &Workspace) -> Result<()> {
    let faults = Fault::read_all(workspace, &[])?;
    let failures: Vec<String> = faults
        .iter()
        .filter_map(|fault| tree_copy::check(&workspace.root, &fault.patch).err())
        .map(|error| format!("{error:#}"))
        .collect();
    if !failures.is_empty() {
        bail!("breaks: {}", failures.join("; "));
    }
    Ok(())
}

/// Runs each command once on the unpatched tree, where it has to pass.
fn check_unbroken(copy: &TreeCopy<'_>, faults: &[Fault]) -> Result<()> {
    copy.refresh()?;
    let hunts: BTreeMap<String, &Hunt> =
        faults.iter().flat_map(|fault| &fault.hunts).map(|hunt| (hunt.to_string(), hunt)).collect();
    for (line, hunt) in hunts {
        println!("without a fault: {line}");
        match hunt.run(copy)? {
            Outcome::Passed => {}
            Outcome::Failed(finders) => bail!("without a fault, {line} fails: {}", finders.join(", ")),
            Outcome::TimedOut => bail!("without a fault, {line} does not end"),
        }
    }
    Ok(())
}
