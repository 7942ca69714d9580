//! A bill of materials of the installed programs in CycloneDX 1.5.
//!
//! It has neither a time nor a serial number: equal sources give equal bills.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context as _, Result};
use serde_json::{Value, json};

use super::components::{Component, Components, of_programs};
use crate::workspace::Workspace;

/// Packages whose programs are installed.
const PROGRAMS: [&str; 3] = ["margay", "margay-cli", "margay-confd"];

/// Writes the bill into the folder of packages; the result is its file.
///
/// # Errors
///
/// Cargo fails, or the file cannot be written.
pub(crate) fn write(workspace: &Workspace) -> Result<PathBuf> {
    let components = of_programs(workspace, &PROGRAMS)?;
    let folder = workspace.target_directory()?.join("package");
    fs::create_dir_all(&folder).with_context(|| folder.display().to_string())?;
    let file = folder.join("margay.cdx.json");
    let text = serde_json::to_string_pretty(&bill(&components))? + "\n";
    fs::write(&file, text).with_context(|| file.display().to_string())?;
    Ok(file)
}

fn bill(components: &Components) -> Value {
    let main = json!({ "type": "application", "name": "margay", "version": env!("CARGO_PKG_VERSION"), "bom-ref": MAIN });
    let depends =
        |(url, component): (&String, &Component)| json!({ "ref": url, "dependsOn": component.dependencies });
    let programs: Vec<&String> = components
        .iter()
        .filter(|(_, component)| PROGRAMS.contains(&component.name.as_str()))
        .map(|(url, _)| url)
        .collect();
    let first = json!({ "ref": MAIN, "dependsOn": programs });
    let rows: Vec<Value> = [first].into_iter().chain(components.iter().map(depends)).collect();
    json!({
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": { "component": main },
        "components": components.iter().map(|(url, component)| entry(url, component)).collect::<Vec<_>>(),
        "dependencies": rows,
    })
}

/// What all programs together are called in the bill.
const MAIN: &str = "margay";

fn entry(url: &str, component: &Component) -> Value {
    let mut entry = json!({
        "type": "library",
        "bom-ref": url,
        "purl": url,
        "name": component.name,
        "version": component.version,
    });
    if let Some(license) = &component.license {
        // Old manifests separate alternatives with a slash.
        entry["licenses"] = json!([{ "expression": license.replace('/', " OR ") }]);
    }
    if let Some(checksum) = &component.checksum {
        entry["hashes"] = json!([{ "alg": "SHA-256", "content": checksum }]);
    }
    if let Some(repository) = &component.repository {
        entry["externalReferences"] = json!([{ "type": "vcs", "url": repository }]);
    }
    entry
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::{PROGRAMS, bill, of_programs};
    use crate::workspace::Workspace;

    #[test]
    fn the_bill_of_this_checkout_is_closed_and_complete() {
        let components = of_programs(&Workspace::find().unwrap(), &PROGRAMS).unwrap();
        let bill = bill(&components);
        let entries = bill["components"].as_array().unwrap();
        let names: BTreeSet<&str> = entries.iter().map(|entry| entry["name"].as_str().unwrap()).collect();
        assert!(names.is_superset(&["margay", "bgp-codec", "tokio", "serde"].into()), "{names:?}");
        // These are for tests and builds.
        assert!(names.is_disjoint(&["proptest", "insta", "margay-lab", "prost-build"].into()), "{names:?}");
        for entry in entries {
            let is_own =
                entry["name"].as_str().is_some_and(|name| name.starts_with("margay") || name == "bgp-codec");
            assert_eq!(entry["hashes"].is_null(), is_own, "{entry}");
            assert!(entry["licenses"].is_array(), "{entry}");
        }
        let known: BTreeSet<&str> = entries.iter().map(|entry| entry["bom-ref"].as_str().unwrap()).collect();
        for row in bill["dependencies"].as_array().unwrap() {
            for dependency in row["dependsOn"].as_array().unwrap() {
                assert!(known.contains(dependency.as_str().unwrap()), "{row}");
            }
        }
    }
}
