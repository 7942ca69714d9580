//! Circles of files and types with many methods: no new ones.

use anyhow::{Context as _, Result};

use super::finding::Finding;
use crate::sizes::{Imports, Methods, is_product};
use crate::workspace::{Package, SourceFile};

/// The crates that still have circles of files, and how many. A number only goes down.
const CIRCLES: &[(&str, usize)] = &[("margay-convert", 3), ("margay-filter", 3)];

/// Above this number of methods, a type has several subjects.
const MOST_METHODS: usize = 30;

/// The types that still have more, and how many. A number only goes down.
const METHODS: &[(&str, &str, usize)] = &[
    ("margay-convert", "Lowering", 48),
    ("margay-convert", "Reader", 61),
    ("margay-ipam", "Ipam", 55),
    ("margay-kernel-model", "KernelModel", 61),
    ("margay-reconcile", "Reconciler", 34),
    ("margay-session", "Session", 45),
];

/// Compares each crate with what is known of it.
pub(super) fn check(packages: &[Package], files: &[SourceFile]) -> Result<Vec<Finding>> {
    let mut findings = Vec::new();
    for package in packages {
        let Some(folder) = package.manifest_path.parent() else { continue };
        let (mut methods, mut imports) = (Methods::default(), Imports::default());
        let sources = folder.join("src");
        for file in files.iter().filter(|file| is_product(file)) {
            let Ok(in_crate) = file.path.strip_prefix(&sources) else { continue };
            methods.add_file(&file.text).with_context(|| file.path.display().to_string())?;
            imports.add_file(in_crate, &file.text)?;
        }
        let mut note = |what: String| {
            findings.push(Finding { path: package.manifest_path.clone(), line: 1, what });
        };
        let circles = imports.circles_of_files();
        let known = CIRCLES.iter().find(|(name, _)| *name == package.name).map_or(0, |&(_, number)| number);
        if circles.len() != known {
            let shown: Vec<String> = circles.iter().map(|circle| circle.join(", ")).collect();
            let shown = shown.join("; ");
            note(format!(
                "{} circles of files that import each other, {known} are known: {shown}",
                circles.len()
            ));
        }
        for size in methods.types() {
            let known = METHODS.iter().find(|(name, of, _)| *name == package.name && *of == size.name);
            let most = known.map_or(MOST_METHODS, |&(_, _, number)| number);
            if size.methods > most {
                note(format!("{} has {} methods, {most} are allowed", size.name, size.methods));
            }
        }
    }
    Ok(findings)
}
