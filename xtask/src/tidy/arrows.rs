//! Dependencies between the crates, checked against the code map of ARCHITECTURE.md.
//!
//! The page's table is the only list: one row for each folder, with the folders that its crate depends on in
//! the last column, for normal, build and test dependencies alike. A dependency that is not on the page is a
//! finding, and so is a name without a dependency.

use std::path::Path;

use super::finding::Finding;
use crate::workspace::{Dependency, DependencyKind, Package, SourceFile};

/// Findings for each package without a row, and for each difference between the page and the manifests.
pub(super) fn check(packages: &[Package], files: &[SourceFile]) -> Vec<Finding> {
    let page = files.iter().find(|file| file.path == Path::new(PAGE)).map_or("", |file| &file.text);
    let rows = rows(page);
    let mut findings = Vec::new();
    for package in packages {
        let Some(row) = rows.iter().find(|row| row.folder == folder_of(package)) else {
            let what = format!("{} has no row in the code map of {PAGE}", package.name);
            findings.push(Finding { path: package.manifest_path.clone(), line: 1, what });
            continue;
        };
        let arrows = arrows_of(package, packages);
        findings.extend(arrows.iter().filter(|(folder, _)| !row.knows.contains(folder)).map(
            |(_, dependency)| {
                let what = format!(
                    "{} must not depend on {}: the code map of {PAGE} has no such arrow",
                    package.name, dependency.name
                );
                let line = line_of(&dependency.name, &package.manifest_path, files);
                Finding { path: package.manifest_path.clone(), line, what }
            },
        ));
        let stale = row.knows.iter().filter(|name| arrows.iter().all(|(folder, _)| folder != *name));
        findings.extend(stale.map(|name| {
            let what = format!("`{}/` does not depend on `{name}`: take it out of the row", row.folder);
            Finding { path: PAGE.into(), line: row.line, what }
        }));
    }
    findings
}

/// The workspace packages that a package depends on, by their folders, without those that any package may use
/// in tests.
fn arrows_of<'a>(package: &'a Package, packages: &'a [Package]) -> Vec<(&'a str, &'a Dependency)> {
    let member = |dependency: &Dependency| packages.iter().find(|member| member.name == dependency.name);
    let is_for_tests = |dependency: &Dependency| {
        dependency.kind == Some(DependencyKind::Dev) && FOR_TESTS.contains(&dependency.name.as_str())
    };
    let counted = package.dependencies.iter().filter(|dependency| !is_for_tests(dependency));
    counted.filter_map(|dependency| Some((folder_of(member(dependency)?), dependency))).collect()
}

/// Folder of a package on the page: that of the manifest, and `src` for the package at the root.
fn folder_of(package: &Package) -> &str {
    match package.manifest_path.parent().and_then(Path::to_str) {
        None | Some("") => "src",
        Some(folder) => folder,
    }
}

/// A row of the code map.
struct Row<'a> {
    line: usize,
    folder: &'a str,
    knows: Vec<&'a str>,
}

/// The rows of the table under [`HEADING`]; rows of folders without a crate are harmless.
fn rows(page: &str) -> Vec<Row<'_>> {
    let lines = page.lines().enumerate().skip_while(|(_, line)| *line != HEADING);
    let section = lines.skip(1).take_while(|(_, line)| !line.starts_with("## "));
    section.filter_map(|(index, line)| row(index + 1, line)).collect()
}

fn row(line: usize, text: &str) -> Option<Row<'_>> {
    let cells: Vec<&str> = text.strip_prefix('|')?.trim_end().strip_suffix('|')?.split('|').collect();
    let [folder, _, knows] = cells[..] else { return None };
    let folder = folder.trim().strip_prefix('`')?.strip_suffix("/`")?;
    // Names are between backticks: every second part.
    Some(Row { line, folder, knows: knows.split('`').skip(1).step_by(2).collect() })
}

/// The line of a manifest that names the dependency; 1 if none does.
pub(super) fn line_of(dependency: &str, manifest: &Path, files: &[SourceFile]) -> usize {
    let text = files.iter().find(|file| file.path == manifest).map_or("", |file| &file.text);
    let names_it = |line: &str| {
        line.strip_prefix(dependency).is_some_and(|rest| rest.trim_start().starts_with(['=', '.']))
            || line.contains(&format!("package = \"{dependency}\""))
    };
    text.lines().position(names_it).map_or(1, |index| index + 1)
}

const PAGE: &str = "ARCHITECTURE.md";

const HEADING: &str = "## Code map";

/// Packages that any other may use in its tests.
const FOR_TESTS: &[&str] = &["margay-lab"];

#[cfg(test)]
mod tests {
    use super::check;
    use crate::workspace::{Dependency, DependencyKind, Package, SourceFile};

    fn package(name: &str, dependencies: &[(&str, Option<DependencyKind>)]) -> Package {
        let dependencies = dependencies
            .iter()
            .map(|&(name, kind)| Dependency { name: name.to_owned(), kind, optional: false })
            .collect();
        let folder = name.strip_prefix("margay-").unwrap_or(if name == "margay" { "" } else { name });
        let manifest_path = std::path::Path::new(folder).join("Cargo.toml");
        Package { name: name.to_owned(), manifest_path, dependencies }
    }

    /// A page whose rows are folders and what they know.
    fn page(rows: &[(&str, &str)]) -> SourceFile {
        let rows: String =
            rows.iter().map(|(folder, knows)| format!("| `{folder}/` | something | {knows} |\n")).collect();
        let text = format!(
            "# A\n| `rib/` | not this table | `lab` |\n## Code map\n\n| folder | what | knows |\n|---|---|---|\n{rows}\n## B\n"
        );
        SourceFile { path: "ARCHITECTURE.md".into(), text }
    }

    fn findings(packages: &[Package], rows: &[(&str, &str)]) -> Vec<String> {
        check(packages, &[page(rows)]).iter().map(ToString::to_string).collect()
    }

    const ROWS: &[(&str, &str)] = &[
        ("bgp-codec", "nothing"),
        ("rib", "`bgp-codec`"),
        ("src", "`rib`"),
        ("lab", "nothing"),
        ("breaks", "not a crate"),
    ];

    #[test]
    fn accepts_what_the_page_says() {
        let packages = [
            package("bgp-codec", &[("nom", None)]),
            package("margay-rib", &[("bgp-codec", None)]),
            package("margay", &[("margay-rib", None), ("margay-lab", Some(DependencyKind::Dev))]),
            package("margay-lab", &[]),
        ];
        assert_eq!(findings(&packages, ROWS), [""; 0]);
    }

    #[test]
    fn rejects_an_arrow_that_the_page_does_not_have_in_each_table() {
        for kind in [None, Some(DependencyKind::Build), Some(DependencyKind::Dev)] {
            let packages = [
                package("bgp-codec", &[("margay-rib", kind)]),
                package("margay-rib", &[("bgp-codec", None)]),
            ];
            let expected = "bgp-codec/Cargo.toml:1: bgp-codec must not depend on margay-rib: the code map of \
                            ARCHITECTURE.md has no such arrow";
            assert_eq!(findings(&packages, ROWS), [expected], "{kind:?}");
        }
    }

    #[test]
    fn rejects_the_lab_in_what_ships() {
        let packages = [package("bgp-codec", &[("margay-lab", None)]), package("margay-lab", &[])];
        assert_eq!(findings(&packages, ROWS).len(), 1);
    }

    #[test]
    fn rejects_a_row_that_says_too_much() {
        let packages = [package("bgp-codec", &[]), package("margay-rib", &[])];
        assert_eq!(
            findings(&packages, ROWS),
            ["ARCHITECTURE.md:8: `rib/` does not depend on `bgp-codec`: take it out of the row"]
        );
    }

    #[test]
    fn rejects_a_member_without_a_row() {
        assert_eq!(
            findings(&[package("margay-new", &[])], ROWS),
            ["new/Cargo.toml:1: margay-new has no row in the code map of ARCHITECTURE.md"]
        );
    }

    #[test]
    fn names_the_line_of_the_manifest() {
        let packages = [package("bgp-codec", &[("margay-rib", None)])];
        let text = "[dependencies]\nmargay-rib-more = \"1\"\nmargay-rib = { workspace = true }\n".to_owned();
        let manifest = SourceFile { path: "bgp-codec/Cargo.toml".into(), text };
        let packages = [packages.into_iter().next().unwrap(), package("margay-rib", &[("bgp-codec", None)])];
        assert_eq!(check(&packages, &[page(ROWS), manifest])[0].line, 3);
    }
}
