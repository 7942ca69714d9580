//! The crates that end up in the installed programs: what `cargo metadata` resolves, without build and test dependencies.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, Result, bail};
use serde::Deserialize;

use crate::workspace::Workspace;

/// A crate in a program.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Component {
    pub(super) name: String,
    pub(super) version: String,
    /// As in its manifest, an SPDX expression.
    pub(super) license: Option<String>,
    pub(super) repository: Option<String>,
    /// SHA-256 of the archive in the registry; crates of the workspace have none.
    pub(super) checksum: Option<String>,
    /// Keys of what it depends on.
    pub(super) dependencies: BTreeSet<String>,
}

/// Crates by their package URLs.
pub(super) type Components = BTreeMap<String, Component>;

/// The crates in the programs of these packages.
///
/// # Errors
///
/// Cargo fails, or a package is missing.
pub(super) fn of_programs(workspace: &Workspace, programs: &[&str]) -> Result<Components> {
    let mut metadata = workspace.cargo();
    metadata.args(["metadata", "--locked", "--format-version", "1", "--filter-platform", TARGET]);
    let output = metadata.output().context("cargo metadata")?;
    if !output.status.success() {
        bail!("cargo metadata: {}", String::from_utf8_lossy(&output.stderr).trim_end());
    }
    let lock = std::fs::read_to_string(workspace.root.join("Cargo.lock"))?;
    collect(&serde_json::from_slice(&output.stdout)?, &checksums(&lock), programs)
}

/// The platform of the packages.
const TARGET: &str =
    if cfg!(target_arch = "aarch64") { "aarch64-unknown-linux-gnu" } else { "x86_64-unknown-linux-gnu" };

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
    resolve: Resolve,
}

#[derive(Deserialize)]
struct Package {
    id: String,
    name: String,
    version: String,
    license: Option<String>,
    repository: Option<String>,
}

#[derive(Deserialize)]
struct Resolve {
    nodes: Vec<Node>,
}

#[derive(Deserialize)]
struct Node {
    id: String,
    deps: Vec<Edge>,
}

#[derive(Deserialize)]
struct Edge {
    pkg: String,
    dep_kinds: Vec<Kind>,
}

#[derive(Deserialize)]
struct Kind {
    kind: Option<String>,
}

fn collect(
    metadata: &Metadata,
    checksums: &BTreeMap<(String, String), String>,
    programs: &[&str],
) -> Result<Components> {
    let packages: BTreeMap<&str, &Package> =
        metadata.packages.iter().map(|package| (package.id.as_str(), package)).collect();
    let nodes: BTreeMap<&str, &Node> =
        metadata.resolve.nodes.iter().map(|node| (node.id.as_str(), node)).collect();
    let mut left = Vec::new();
    for program in programs {
        let found = metadata.packages.iter().find(|package| package.name == *program);
        left.push(found.with_context(|| format!("there is no package {program}"))?.id.as_str());
    }
    let mut components = Components::new();
    while let Some(id) = left.pop() {
        let package = packages.get(id).with_context(|| format!("cargo metadata does not describe {id}"))?;
        if components.contains_key(&url(package)) {
            continue;
        }
        let node = nodes.get(id).with_context(|| format!("cargo metadata does not resolve {id}"))?;
        // A normal dependency has no kind.
        let normal = node.deps.iter().filter(|edge| edge.dep_kinds.iter().any(|kind| kind.kind.is_none()));
        let ids: Vec<&str> = normal.map(|edge| edge.pkg.as_str()).collect();
        let dependencies = ids.iter().filter_map(|id| packages.get(id)).map(|package| url(package)).collect();
        left.extend(ids);
        let component = Component {
            name: package.name.clone(),
            version: package.version.clone(),
            license: package.license.clone(),
            repository: package.repository.clone(),
            checksum: checksums.get(&(package.name.clone(), package.version.clone())).cloned(),
            dependencies,
        };
        components.insert(url(package), component);
    }
    Ok(components)
}

/// The package URL, as in `pkg:cargo/serde@1.0.229`.
fn url(package: &Package) -> String {
    format!("pkg:cargo/{}@{}", package.name, package.version)
}

/// Checksums in Cargo.lock by name and version.
fn checksums(lock: &str) -> BTreeMap<(String, String), String> {
    let entries = lock.split("[[package]]");
    let of = |entry: &str, key: &str| {
        let found =
            entry.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(" = \"")?.strip_suffix('"'));
        found.map(str::to_owned)
    };
    entries
        .filter_map(|entry| Some(((of(entry, "name")?, of(entry, "version")?), of(entry, "checksum")?)))
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{checksums, collect};

    #[test]
    fn follows_normal_dependencies_only() {
        let package = |name: &str| json!({ "id": name, "name": name, "version": "1.0.0", "license": "MIT", "repository": null });
        let edge = |name: &str, kind: Option<&str>| json!({ "pkg": name, "dep_kinds": [{ "kind": kind }] });
        let packages = ["program", "used", "deep", "built", "tested"].map(package);
        let metadata = json!({
            "packages": packages,
            "resolve": { "nodes": [
                { "id": "program", "deps": [edge("used", None), edge("built", Some("build")), edge("tested", Some("dev"))] },
                { "id": "used", "deps": [edge("deep", None)] },
                { "id": "deep", "deps": [] },
                { "id": "built", "deps": [] },
                { "id": "tested", "deps": [] },
            ] },
        });
        let lock = "version = 4\n[[package]]\nname = \"used\"\nversion = \"1.0.0\"\nchecksum = \"ab\"\n";
        let components =
            collect(&serde_json::from_value(metadata).unwrap(), &checksums(lock), &["program"]).unwrap();
        assert!(components.keys().eq([
            "pkg:cargo/deep@1.0.0",
            "pkg:cargo/program@1.0.0",
            "pkg:cargo/used@1.0.0"
        ]));
        assert_eq!(components["pkg:cargo/used@1.0.0"].checksum.as_deref(), Some("ab"));
        assert!(components["pkg:cargo/program@1.0.0"].dependencies.iter().eq(["pkg:cargo/used@1.0.0"]));
    }
}
