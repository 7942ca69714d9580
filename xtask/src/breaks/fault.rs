//! A patch under `breaks/`: what it breaks, the commands that must find it, and the change itself.
//!
//! ```text
//! The paths of a peer that is down are not swept.
//!
//! Command: PROPTEST_CASES=100 cargo test -p margay-rib --test export any_history
//!
//! --- a/rib/src/rib.rs
//! +++ b/rib/src/rib.rs
//! @@ …
//! ```

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};

use super::hunt::Hunt;
use crate::workspace::Workspace;

/// One deliberate fault.
#[derive(Debug)]
pub(super) struct Fault {
    /// The file's name without its ending.
    pub(super) name: String,
    /// The patch, as an absolute path.
    pub(super) patch: PathBuf,
    /// What is broken in the patched tree.
    pub(super) what: String,
    /// Commands, each of which must fail in the patched tree.
    pub(super) hunts: Vec<Hunt>,
}

impl Fault {
    /// Reads the faults with these names, or all of them if there are none, sorted by name.
    pub(super) fn read_all(workspace: &Workspace, names: &[String]) -> Result<Vec<Self>> {
        let folder = workspace.root.join("breaks");
        let mut faults = Vec::new();
        for entry in fs::read_dir(&folder).with_context(|| format!("read {}", folder.display()))? {
            let path = entry?.path();
            if path.extension().is_some_and(|extension| extension == "patch") {
                let text = fs::read_to_string(&path).with_context(|| format!("read {}", path.display()))?;
                faults.push(Self::parse(&path, &text).with_context(|| path.display().to_string())?);
            }
        }
        faults.sort_by(|one, other| one.name.cmp(&other.name));
        if let Some(unknown) = names.iter().find(|&name| faults.iter().all(|fault| fault.name != *name)) {
            let known: Vec<&str> = faults.iter().map(|fault| fault.name.as_str()).collect();
            bail!("there is no breaks/{unknown}.patch; there are {}", known.join(", "));
        }
        faults.retain(|fault| names.is_empty() || names.contains(&fault.name));
        Ok(faults)
    }

    fn parse(path: &Path, text: &str) -> Result<Self> {
        let header = text.lines().take_while(|line| !line.starts_with("--- "));
        let (commands, words): (Vec<&str>, Vec<&str>) =
            header.filter(|line| !line.is_empty()).partition(|line| line.starts_with(COMMAND));
        if words.is_empty() {
            bail!("the first line does not say what is broken");
        }
        if commands.is_empty() {
            bail!("no `{COMMAND}` line says which test must find it");
        }
        let hunts: Result<Vec<Hunt>> = commands.iter().map(|line| line[COMMAND.len()..].parse()).collect();
        let name = path.file_stem().context("the patch has no name")?.to_string_lossy().into_owned();
        Ok(Self { name, patch: path.to_path_buf(), what: words.join(" "), hunts: hunts? })
    }
}

/// Prefix of a line with a command that must fail in the patched tree.
const COMMAND: &str = "Command: ";

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::Fault;

    fn parse(text: &str) -> anyhow::Result<Fault> {
        Fault::parse(Path::new("breaks/a.patch"), text)
    }

    #[test]
    fn parses_description_and_commands() {
        let fault = parse(
            "Wrong in\ntwo lines.\n\nCommand: A=1 cargo test -p x y\nCommand: cargo run -p z\n\n--- a/b\nCommand: no\n",
        );
        let fault = fault.unwrap();
        assert_eq!((fault.name.as_str(), fault.what.as_str()), ("a", "Wrong in two lines."));
        let hunts: Vec<String> = fault.hunts.iter().map(ToString::to_string).collect();
        assert_eq!(hunts, ["A=1 cargo test -p x y", "cargo run -p z"]);
    }

    #[test]
    fn rejects_an_incomplete_patch() {
        for (text, part) in [
            ("--- a/b\n", "what is broken"),
            ("Command: cargo test\n--- a/b\n", "what is broken"),
            ("Wrong.\n--- a/b\n", "which test"),
            ("Wrong.\nCommand: rm -r x\n--- a/b\n", "cargo test"),
        ] {
            let error = format!("{:#}", parse(text).unwrap_err());
            assert!(error.contains(part), "{text:?}: {error}");
        }
    }
}
