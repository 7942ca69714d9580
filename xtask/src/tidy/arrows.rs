//! Crate arrows: which workspace member may depend on which.

use std::path::Path;

use super::Finding;
use crate::workspace::{Dependency, DependencyKind, Package, SourceFile};

/// Each member, and the members it may depend on in normal and build tables.
///
/// Imports point down only: shell and cli → rib, session, config, control → filter → bgp-codec. What serves development
/// stands beside: nothing that ships depends on it.
const ARROWS: &[(&str, &[&str])] = &[
    ("bgp-codec", &[]),
    ("margay-timestamp", &[]),
    ("margay-bfd", &["margay-timestamp"]),
    ("margay-filter", &["bgp-codec"]),
    ("margay-session", &["bgp-codec", "margay-filter", "margay-timestamp"]),
    ("margay-forwarding", &["bgp-codec"]),
    ("margay-containers", &["bgp-codec"]),
    (
        "margay-fib",
        &["bgp-codec", "margay-containers", "margay-filter", "margay-forwarding", "margay-timestamp"],
    ),
    ("margay-kernel-model", &["bgp-codec", "margay-fib", "margay-timestamp"]),
    ("margay-rib", &["bgp-codec", "margay-containers", "margay-filter", "margay-forwarding"]),
    ("margay-config", &["bgp-codec", "margay-filter"]),
    ("margay-control", &["bgp-codec", "margay-filter"]),
    ("margay-watch", &["margay-timestamp"]),
    ("margay-datastore", &["margay-timestamp", "margay-watch"]),
    ("margay-cluster", &[]),
    ("margay-render", &["margay-cluster"]),
    (
        "margay-confd",
        &["margay-cluster", "margay-config", "margay-control", "margay-datastore", "margay-render"],
    ),
    ("margay", DAEMON),
    ("margay-mrt", &["bgp-codec"]),
    ("margay-decode", &["bgp-codec", "margay-mrt"]),
    ("margay-cli", CLI),
    ("margay-bench", &["bgp-codec", "margay-filter", "margay-lab", "margay-rib"]),
    ("margay-lab", &[]),
    ("margay-proto-gen", &[]),
    ("margay-sim", &["bgp-codec", "margay", "margay-config", "margay-rib", "margay-session"]),
    ("xtask", &["margay-lab"]),
];

const DAEMON: &[&str] = &[
    "bgp-codec",
    "margay-bfd",
    "margay-config",
    "margay-control",
    "margay-fib",
    "margay-filter",
    "margay-forwarding",
    "margay-rib",
    "margay-session",
    "margay-timestamp",
];

const CLI: &[&str] = &[
    "bgp-codec",
    "margay-cluster",
    "margay-config",
    "margay-control",
    "margay-datastore",
    "margay-decode",
    "margay-filter",
    "margay-rib",
    "margay-session",
];

/// Members that any other may use in its tests.
const FOR_TESTS: &[&str] = &["margay-kernel-model", "margay-lab"];

/// Findings for each arrow that points up or sideways, and for each member without a row.
pub(super) fn check(packages: &[Package], files: &[SourceFile]) -> Vec<Finding> {
    let is_member = |name: &str| packages.iter().any(|package| package.name == name);
    let mut findings = Vec::new();
    for package in packages {
        let Some((_, allowed)) = ARROWS.iter().find(|(name, _)| *name == package.name) else {
            let what = format!("{} has no row in the table of crate arrows", package.name);
            findings.push(Finding { path: package.manifest_path.clone(), line: 1, what });
            continue;
        };
        for dependency in package.dependencies.iter().filter(|dependency| is_member(&dependency.name)) {
            if !is_allowed(dependency, allowed) {
                let what = format!(
                    "{} must not depend on {}: imports point down only",
                    package.name, dependency.name
                );
                let line = line_of(&dependency.name, &package.manifest_path, files);
                findings.push(Finding { path: package.manifest_path.clone(), line, what });
            }
        }
    }
    findings
}

fn is_allowed(dependency: &Dependency, allowed: &[&str]) -> bool {
    allowed.contains(&dependency.name.as_str())
        || dependency.kind == Some(DependencyKind::Dev) && FOR_TESTS.contains(&dependency.name.as_str())
}

/// The line of a manifest that names the dependency, 1 when none does.
pub(super) fn line_of(dependency: &str, manifest: &Path, files: &[SourceFile]) -> usize {
    let text = files.iter().find(|file| file.path == manifest).map_or("", |file| &file.text);
    let names_it = |line: &str| {
        line.strip_prefix(dependency).is_some_and(|rest| rest.trim_start().starts_with(['=', '.']))
            || line.contains(&format!("package = \"{dependency}\""))
    };
    text.lines().position(names_it).map_or(1, |index| index + 1)
}

#[cfg(test)]
mod tests {
    use super::check;
    use crate::workspace::{Dependency, DependencyKind, Package, SourceFile};

    fn package(name: &str, dependencies: &[(&str, Option<DependencyKind>)]) -> Package {
        let dependencies = dependencies
            .iter()
            .map(|&(name, kind)| Dependency { name: name.to_owned(), kind, optional: false })
            .collect();
        Package { name: name.to_owned(), manifest_path: format!("{name}/Cargo.toml").into(), dependencies }
    }

    fn findings(packages: &[Package]) -> Vec<String> {
        check(packages, &[]).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn accepts_arrows_that_point_down() {
        let packages = [
            package("bgp-codec", &[("nom", None)]),
            package("margay-rib", &[("bgp-codec", None)]),
            package("margay", &[("margay-rib", None), ("margay-lab", Some(DependencyKind::Dev))]),
            package("margay-lab", &[]),
        ];
        assert_eq!(findings(&packages), [""; 0]);
    }

    #[test]
    fn rejects_an_arrow_that_points_up_in_each_table() {
        for kind in [None, Some(DependencyKind::Build), Some(DependencyKind::Dev)] {
            let packages = [package("bgp-codec", &[("margay-rib", kind)]), package("margay-rib", &[])];
            let expected =
                "bgp-codec/Cargo.toml:1: bgp-codec must not depend on margay-rib: imports point down only";
            assert_eq!(findings(&packages), [expected], "{kind:?}");
        }
    }

    #[test]
    fn rejects_the_lab_in_what_ships() {
        let packages = [package("margay", &[("margay-lab", None)]), package("margay-lab", &[])];
        assert_eq!(findings(&packages).len(), 1);
    }

    #[test]
    fn rejects_a_member_without_a_row() {
        assert_eq!(
            findings(&[package("margay-new", &[])]),
            ["margay-new/Cargo.toml:1: margay-new has no row in the table of crate arrows"]
        );
    }

    #[test]
    fn names_the_line_of_the_manifest() {
        let packages = [package("bgp-codec", &[("margay-rib", None)]), package("margay-rib", &[])];
        let text = "[dependencies]\nmargay-rib-more = \"1\"\nmargay-rib = { workspace = true }\n".to_owned();
        let manifest = SourceFile { path: "bgp-codec/Cargo.toml".into(), text };
        assert_eq!(check(&packages, &[manifest])[0].line, 3);
    }
}
